"""What the pictures draw: seconds and channels as arrays, thinned to what a screen can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.training.pictures import recorded_channels

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas
    from numpy.typing import NDArray


BRIDGED_S = 2
"""Loggers skip single seconds; a gap up to this long is drawn through, for the eye alone."""


@dataclass(frozen=True)
class Line:
    """One channel over time; `values` is NaN where unknown."""

    channel: str
    seconds: NDArray[np.float64]
    values: NDArray[np.float64]


def line_of(samples: pandas.DataFrame, alternatives: Sequence[str], buckets: int) -> Line | None:
    """The first of the channels that was recorded, thinned to two points a bucket; None if none was."""
    recorded = recorded_channels(samples, alternatives)
    if not recorded:
        return None
    values = samples[recorded[0]].to_numpy(dtype=np.float64, na_value=np.nan)
    seconds, values = bridged(samples["second"].to_numpy(dtype=np.float64), values)
    kept = thinned(values, buckets)
    return Line(recorded[0], seconds[kept], values[kept])


def bridged(
    seconds: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both without the unknown seconds of gaps of up to `BRIDGED_S`; longer ones stay open."""
    unknown = ~np.isfinite(values)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], unknown.astype(np.int8), [0]))))
    kept = np.ones(len(values), dtype=bool)
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        kept[start:end] = end - start > BRIDGED_S
    return seconds[kept], np.where(unknown, np.nan, values)[kept]


def thinned(values: NDArray[np.float64], buckets: int) -> NDArray[np.intp]:
    """Indices to draw, in order: all of a short series; the lowest and the highest of each bucket of a long one.

    So no peak is lost; of a bucket without any value its first index is kept, so no long gap is either.
    """
    size = -(-len(values) // buckets)
    if size <= 2:
        return np.arange(len(values))
    padded = np.full(buckets * size, np.nan)
    padded[: len(values)] = values
    table = padded.reshape(buckets, size)
    unknown = np.isnan(table)
    first = np.arange(buckets) * size
    lowest = np.argmin(np.where(unknown, np.inf, table), axis=1)
    highest = np.argmax(np.where(unknown, -np.inf, table), axis=1)
    picked = np.concatenate([first + lowest, first + highest, [0, len(values) - 1]])
    return np.unique(picked[picked < len(values)])


def maneuver_of(seconds: NDArray[np.float64], segments: pandas.DataFrame) -> NDArray[np.object_]:
    """The maneuver of each second by the segments, None outside of all."""
    names = np.full(len(seconds), None, dtype=object)
    for name, start, end in zip(segments["maneuver"], segments["start_second"], segments["end_second"], strict=True):
        first, last = np.searchsorted(seconds, [start, end + 1])
        names[first:last] = name
    return names


def only(name: str, names: NDArray[np.object_], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values while that maneuver is flown and one beyond, so that lines meet; NaN elsewhere."""
    inside = names == name
    inside[1:] |= inside[:-1].copy()
    return np.where(inside, values, np.nan)
