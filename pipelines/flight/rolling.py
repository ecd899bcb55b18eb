"""Moving means and extremes of many signals at once, over the seconds around each second, of what is known there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kind = Literal["mean", "minimum", "maximum"]


def rolled(signals: NDArray[np.float64], start: int, end: int, kind: Kind) -> NDArray[np.float64]:
    """`signals` [seconds, signals] from `start` to `end` seconds around each second, both inclusive, same shape.

    Unknown values (NaN) and seconds beyond either end of the table do not count; NaN where nothing is known. The
    window may lie beside its second, but holds it: `start` <= 0 <= `end`.
    """
    if not len(signals):
        return signals.copy()
    return _mean(signals, start, end) if kind == "mean" else _extreme(signals, start, end, kind)


def shifted(signal: NDArray[np.float64], seconds: int) -> NDArray[np.float64]:
    """The values so many seconds later (negative: earlier); NaN beyond the ends."""
    moved = np.full(len(signal), np.nan)
    if abs(seconds) < len(signal):
        if seconds > 0:
            moved[:-seconds] = signal[seconds:]
        elif seconds < 0:
            moved[-seconds:] = signal[:seconds]
        else:
            moved[:] = signal
    return moved


def _mean(signals: NDArray[np.float64], start: int, end: int) -> NDArray[np.float64]:
    unknown = np.isnan(signals)
    before = np.zeros((1, signals.shape[1]))
    sums = np.vstack([before, np.cumsum(np.where(unknown, 0.0, signals), axis=0)])
    counts = np.vstack([before, np.cumsum(~unknown, axis=0)])
    second = np.arange(len(signals))
    first, last = np.maximum(second + start, 0), np.minimum(second + end + 1, len(signals))
    with np.errstate(invalid="ignore"):
        return (sums[last] - sums[first]) / (counts[last] - counts[first])


def _extreme(signals: NDArray[np.float64], start: int, end: int, kind: Kind) -> NDArray[np.float64]:
    from scipy.ndimage import maximum_filter1d, minimum_filter1d

    choose, never = (minimum_filter1d, np.inf) if kind == "minimum" else (maximum_filter1d, -np.inf)
    width = end - start + 1
    filled = np.where(np.isnan(signals), never, signals)
    found = choose(filled, width, axis=0, mode="constant", cval=never, origin=-(width // 2) - start)
    return np.where(found == never, np.nan, found)
