"""Each approach against its criteria, in words and figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.customers.review.findings import names_in
from pipelines.customers.review.words import clock, is_missing, listed, number, percent, plain, several
from pipelines.flight.approach_criteria import CRITERIA, SUSTAINED_S
from pipelines.flight.approach_measures import UNITS, Measure, measures
from pipelines.flight.ground import Trace

if TYPE_CHECKING:
    import pandas

_NAMES = {"speed": "Airspeed", "sink": "Sink rate", "bank": "Bank"}
_HELD = {True: "kept", False: "failed", None: "not judged"}


@dataclass(frozen=True)
class CriterionRow:
    """One criterion of one approach."""

    name: str
    held: bool | None
    flown: str
    allowed: str
    verdict: str


@dataclass(frozen=True)
class ApproachCard:
    """One approach as the page shows it."""

    number: int
    gate_second: int
    end_second: int
    outcome: str
    start: str
    gate: str
    end: str
    is_stable: bool | None
    failed: str
    field_elevation: str
    criteria: list[CriterionRow]
    foreseen: str
    measures: list[Measure]
    """The figures behind the criteria; empty where the seconds of the approach are not there."""


def approach_cards(
    approaches: pandas.DataFrame,
    samples: pandas.DataFrame,
    aircraft_type: str | None,
    foreseen: dict[int, dict[str, Any]],
    long: bool,
) -> list[ApproachCard]:
    """The approaches by time; `foreseen` by gate second, `long` for times with hours."""
    if approaches.empty:
        return []
    trace = Trace.of(samples)
    cards = []
    for row in approaches.sort_values("approach", kind="stable").to_dict("records"):
        gate, end = int(row["gate_second"]), int(row["end_second"])
        flown = measures(trace, gate, end, float(row["field_elevation_ft"]), aircraft_type)
        by_name = {measure.criterion: measure for measure in flown}
        cards.append(
            ApproachCard(
                number=int(row["approach"]),
                gate_second=gate,
                end_second=end,
                outcome=plain(row["outcome"]),
                start=clock(row["start_second"], long),
                gate=clock(gate, long),
                end=clock(end, long),
                is_stable=_flag(row["is_stable"]),
                failed=listed(names_in(row["failed_criteria"])),
                field_elevation=number(row["field_elevation_ft"]),
                criteria=[_criterion(name, _flag(row[f"{name}_stable"]), by_name.get(name)) for name in CRITERIA],
                foreseen=_foreseen(foreseen.get(gate)),
                measures=flown,
            )
        )
    return cards


def _flag(value: Any) -> bool | None:
    return None if is_missing(value) else bool(value)


def _criterion(name: str, held: bool | None, measure: Measure | None) -> CriterionRow:
    return CriterionRow(
        name=_NAMES[name],
        held=held,
        flown="-" if measure is None else _flown(measure),
        allowed="-" if measure is None else _allowed(measure),
        verdict=_verdict(held, measure),
    )


def _flown(measure: Measure) -> str:
    known = measure.flown[~np.isnan(measure.flown)]
    if not len(known):
        return "-"
    unit = UNITS[measure.criterion]
    if measure.criterion == "speed":
        return f"{number(known.min())} to {number(known.max())} {unit}"
    # An approach that climbs throughout has no sink rate to tell.
    return f"up to {number(max(known.max(), 0.0))} {unit}"


def _allowed(measure: Measure) -> str:
    unit = UNITS[measure.criterion]
    upper = np.unique(measure.upper[~np.isnan(measure.upper)])
    if not len(upper):
        return "-"
    if measure.criterion == "speed":
        return f"{number(np.nanmin(measure.lower))} to {number(upper[0])} {unit}"
    if len(upper) > 1:
        return f"up to {number(upper[0])} {unit}, {number(upper[-1])} {unit} in the turn onto final"
    return f"up to {number(upper[0])} {unit}"


def _verdict(held: bool | None, measure: Measure | None) -> str:
    if measure is None:
        return _HELD[held]
    if held is None:
        return f"not judged: {measure.unknown_because or 'it was not known when the session was analysed'}"
    if held:
        outside = several(measure.outside_s, "second")
        return f"kept; {outside} outside, never {SUSTAINED_S} in a row" if measure.outside_s else "kept"
    how = {"speed": "too slow" if measure.below else "too fast", "sink": "too steep", "bank": "too much"}
    excess = "-" if np.isnan(measure.excess) else _excess(measure)
    return (
        f"failed: {excess} {how[measure.criterion]} for {SUSTAINED_S} seconds or more; "
        f"{several(measure.outside_s, 'second')} outside in all"
    )


def _excess(measure: Measure) -> str:
    unit = UNITS[measure.criterion]
    return f"less than 1 {unit}" if measure.excess < 0.5 else f"{number(measure.excess)} {unit}"


def _foreseen(details: dict[str, Any] | None) -> str:
    """What the model foresaw before the gate, as a sentence; empty where it was not asked."""
    if details is None:
        return ""
    if is_missing(details.get("stable_probability")):
        reason = details.get("status")
        return f"Not foreseen: {plain(reason)}." if reason else "Not foreseen."
    failures = names_in(details.get("expected_failures"))
    expected = f"; expected to fail: {listed(failures)}" if failures else ""
    return f"Foreseen before the gate: {percent(details['stable_probability'])} likely to be stable{expected}."
