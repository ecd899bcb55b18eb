"""How an approach was flown from the gate on, in figures: what was flown, what is allowed, and by how much it missed.

The verdicts are those of `pipelines.flight.approaches`; this adds the figures behind them, from the same seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.flight import approach_criteria as criteria
from pipelines.flight.approaches import judged_seconds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.flight.ground import Trace

UNITS = {"speed": "kt", "sink": "ft/min", "bank": "deg"}
"""Units of the criteria's figures."""

_NOT_RECORDED = {
    "speed": "indicated airspeed was not recorded",
    "sink": "neither vertical speed nor altitude was recorded",
    "bank": "bank was not recorded",
}


@dataclass(frozen=True)
class Measure:
    """One criterion over the judged seconds of one approach, in its unit; `sink` is positive downwards."""

    criterion: str
    second: NDArray[np.int64]
    """The judged seconds of the session."""
    flown: NDArray[np.float64]
    """What was flown in each of them, NaN where unknown."""
    lower: NDArray[np.float64]
    """The least that is allowed in each of them, NaN for no limit."""
    upper: NDArray[np.float64]
    """The most that is allowed in each of them, NaN for no limit."""
    excess: float
    """By how much the limit was missed for as long as makes it count; 0 where it was kept, NaN where unknown."""
    below: bool
    """Whether it was missed on the low side (too slow)."""
    outside_s: int
    """Seconds outside the limit, also where it did not last long enough to count."""
    unknown_because: str | None
    """Why it cannot be judged; None where it can."""


def measures(
    trace: Trace, gate_second: int, end_second: int, field_elevation_ft: float, aircraft_type: str | None
) -> list[Measure]:
    """The criteria of one approach in figures, in the order of `approach_criteria.CRITERIA`.

    Empty if `trace` lacks an altitude or the approach's seconds: then it is not the session the approach is of.
    """
    found = np.flatnonzero((trace.second == gate_second) | (trace.second == end_second))
    if trace.altitude_ft is None or len(found) == 0:
        return []
    judged = judged_seconds(trace.altitude_ft, int(found[0]), int(found[-1]), field_elevation_ft)
    count = judged.stop - judged.start
    reference_kt = criteria.reference_speed_kt(aircraft_type)
    none = np.full(count, np.nan)
    reference = none if reference_kt is None else np.full(count, reference_kt)
    bank_limit = criteria.bank_limits_deg(trace.altitude_ft[judged] - field_elevation_ft, trace.heading_deg[judged])
    least, most = reference - criteria.SPEED_BELOW_REFERENCE_KT, reference + criteria.SPEED_ABOVE_REFERENCE_KT
    parts = {
        "speed": (trace.airspeed_kt[judged], least, most),
        "sink": (-trace.vertical_speed_fpm[judged], none, np.full(count, criteria.MAXIMUM_SINK_FPM)),
        "bank": (np.abs(trace.bank_deg[judged]), none, bank_limit),
    }
    second = trace.second[judged]
    return [_measure(name, second, flown, lower, upper, reference_kt) for name, (flown, lower, upper) in parts.items()]


def _measure(
    name: str,
    second: NDArray[np.int64],
    flown: NDArray[np.float64],
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
    reference_kt: float | None,
) -> Measure:
    low, high = lower - flown, flown - upper
    beyond = np.fmax(low, high)
    known = ~np.isnan(beyond)
    exceeded = np.where(known, beyond > 0, np.nan)
    worst = _sustained(beyond[known])
    return Measure(
        criterion=name,
        second=second,
        flown=flown,
        lower=lower,
        upper=upper,
        excess=max(worst, 0.0) if worst == worst else worst,
        below=bool(known.any() and not np.isnan(low).all() and _sustained(low[known]) > _sustained(high[known])),
        outside_s=int(np.nansum(exceeded)),
        unknown_because=_unknown(name, flown, exceeded, reference_kt),
    )


def _sustained(beyond: NDArray[np.float64]) -> float:
    """The highest value that is reached for `SUSTAINED_S` seconds in a row; NaN of too few."""
    if len(beyond) < criteria.SUSTAINED_S:
        return float("nan")
    return float(np.lib.stride_tricks.sliding_window_view(beyond, criteria.SUSTAINED_S).min(axis=1).max())


def _unknown(
    name: str, flown: NDArray[np.float64], exceeded: NDArray[np.float64], reference_kt: float | None
) -> str | None:
    if criteria.holds(exceeded) is not None:
        return None
    if np.isnan(flown).all():
        return _NOT_RECORDED[name]
    if name == "speed" and reference_kt is None:
        return "the reference speed of this aircraft type is not known"
    return "it is known for too few of the seconds that count"
