"""The table of maneuver segments, with what was flown in each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.customers.review.words import clock, is_missing, number, percent, plain
from pipelines.training.pictures import COLORS, PANELS, recorded_channels

if TYPE_CHECKING:
    import pandas
    from numpy.typing import NDArray


@dataclass(frozen=True)
class SegmentRow:
    """One maneuver from its first to its last second."""

    start: str
    end: str
    duration: str
    maneuver: str
    color: str
    altitude: str
    speed: str
    bank: str
    confidence: str


@dataclass(frozen=True)
class ManeuverTotal:
    """How often and how long a maneuver was flown."""

    maneuver: str
    color: str
    times: int
    duration: str
    share: str


def segment_rows(segments: pandas.DataFrame, samples: pandas.DataFrame, long: bool) -> list[SegmentRow]:
    """The segments by time; `long` for times with hours."""
    seconds = samples["second"].to_numpy(dtype=np.float64) if len(samples) else np.empty(0)
    altitude, speed, bank = (_channel(samples, alternatives) for alternatives, _ in PANELS)
    rows = []
    for row in segments.to_dict("records"):
        start, end = int(row["start_second"]), int(row["end_second"])
        first, last = np.searchsorted(seconds, [start, end + 1])
        part = slice(int(first), int(last))
        rows.append(
            SegmentRow(
                start=clock(start, long),
                end=clock(end, long),
                duration=clock(end - start + 1),
                maneuver=plain(row["maneuver"]),
                color=COLORS.get(row["maneuver"], "#666666"),
                altitude=_from_to(altitude, part),
                speed=_range(speed, part),
                bank=_largest(bank, part),
                confidence="-" if is_missing(row["score"]) else percent(row["score"]),
            )
        )
    return rows


def maneuver_totals(segments: pandas.DataFrame) -> list[ManeuverTotal]:
    """Times and durations by maneuver, the longest first."""
    lengths: dict[Any, list[int]] = {}
    for name, start, end in zip(segments["maneuver"], segments["start_second"], segments["end_second"], strict=True):
        lengths.setdefault(name, []).append(int(end) - int(start) + 1)
    whole = sum(sum(each) for each in lengths.values())
    ordered = sorted(lengths.items(), key=lambda item: (-sum(item[1]), str(item[0])))
    return [
        ManeuverTotal(plain(name), COLORS.get(name, "#666666"), len(each), clock(sum(each)), percent(sum(each) / whole))
        for name, each in ordered
    ]


def _channel(samples: pandas.DataFrame, alternatives: tuple[str, ...]) -> NDArray[np.float64] | None:
    recorded = recorded_channels(samples, alternatives) if len(samples) else []
    return samples[recorded[0]].to_numpy(dtype=np.float64, na_value=np.nan) if recorded else None


def _known(values: NDArray[np.float64] | None, part: slice) -> NDArray[np.float64]:
    found = np.empty(0) if values is None else values[part]
    return found[np.isfinite(found)]


def _from_to(values: NDArray[np.float64] | None, part: slice) -> str:
    known = _known(values, part)
    return f"{number(known[0])} → {number(known[-1])}" if len(known) else "-"


def _range(values: NDArray[np.float64] | None, part: slice) -> str:
    known = _known(values, part)
    return f"{number(known.min())} to {number(known.max())}" if len(known) else "-"


def _largest(values: NDArray[np.float64] | None, part: slice) -> str:
    known = np.abs(_known(values, part))
    return number(known.max()) if len(known) else "-"
