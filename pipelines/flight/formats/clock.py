"""The time axis of a session: elapsed seconds that never decrease, rebuilt from row order and clock readings.

The rule, in the order in which it is applied:

1. Rows are in the order in which they were recorded. They are never sorted and never dropped for their stamp.
2. The clock's steps are judged one by one. A step back (by more than one second for whole-second clocks, more
   than two sample periods otherwise) means that the clock was set: the row counts as one sample period later.
   So does a step forward of more than an hour. A step forward is otherwise a gap in the recording and stays.
   Two steps that cancel each other within `_RETURN_WITHIN_S` are one clock that went astray: both are ignored.
3. A whole-second clock in a log of one row a second repeats and skips seconds although the rows are evenly
   spaced; a second that it never makes up for is a lost row. So a row counts as one second after the row before
   or at its own stamp, whichever is later. (Against the distance flown between rows this was right for 97 to
   100 % of the steps of real logs, the stamps alone for 67 to 100 %, smoothed stamps for 95 to 97 %.)
   If that runs more than three seconds ahead of the stamps, or rows come more often than once a second, the
   stamps are smoothed over a minute along the row order instead (gaps stay sharp).
4. Otherwise stamps are kept as they are; rows that repeat a stamp are spread evenly up to the next stamp, at
   most one usual sample period apart.
5. Rows without a stamp lie evenly between their neighbours, or one sample period apart before the first and
   after the last stamp.
6. The absolute time is that of the clock for most rows: start = median(stamp - elapsed).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.flight.formats import limits
from pipelines.flight.formats.quarantine import QuarantineCode, QuarantineError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CLOCK_SET_S = 3600.0
"""A step forward of more than this is a clock that was set, not a pause."""

_RETURN_TOLERANCE_S = 2.0
_RETURN_WITHIN_S = 600.0
_GAP_EXCESS_S = 3.5
"""A whole-second clock that skips more than this beyond the usual step shows a gap."""

_MAX_LEAD_S = 3.0
_SMOOTHING_HALF_WINDOW_S = 30.0
_MAX_PERIOD_S = 10.0


@dataclass(frozen=True)
class TimeAxis:
    """`elapsed_s` per row (starts at 0, never decreases); `start` is the reading of the clock there."""

    elapsed_s: NDArray[np.float64]
    start: float
    repairs: tuple[str, ...]


def build_time_axis(name: str, stamps: NDArray[np.float64], prescribed_period_s: float | None = None) -> TimeAxis:
    """Build the time axis from one clock reading per row (seconds, NaN where blank) by the rule above.

    Raises `QuarantineError` (`no_time_axis`) if there is no usable clock: fewer than two readings, blank in most
    rows of a source without a prescribed period, standing still, running backwards all the time, samples more
    than ten seconds apart, or a session of more than two days.
    """
    rows = len(stamps)
    known = np.flatnonzero(np.isfinite(stamps) & (np.abs(stamps) < 1e12))
    if len(known) < 2 or (prescribed_period_s is None and 2 * len(known) < rows):
        _refuse(name, f"only {len(known):,} of {rows:,} rows have a readable time")
    readings = stamps[known]
    row_steps = np.diff(known).astype(np.float64)
    steps = np.diff(readings)
    origin = readings[0]
    period = _usual_period(name, steps, row_steps)
    whole_seconds = bool((readings == np.floor(readings)).all()) and period <= 1.5
    repairs: list[str] = []
    steps = _judged_steps(name, known, steps, row_steps, period, whole_seconds, repairs)
    clock = np.concatenate(([0.0], np.cumsum(steps)))
    np.maximum.accumulate(clock, out=clock)
    clock = _one_row_a_second(clock, known, period) if whole_seconds else _spread(clock, row_steps, period, repairs)
    elapsed = _over_all_rows(clock, known, rows, period)
    if len(known) < rows:
        repairs.append(f"{rows - len(known):,} row(s) had no readable time; it was taken from the row order.")
    elapsed = np.round(elapsed - elapsed[0], 3 if whole_seconds else 6)
    duration = float(elapsed[-1])
    if duration > limits.MAX_DURATION_S:
        _refuse(name, f"the rows span {duration / 3600:,.0f} hours")
    if duration > _MAX_PERIOD_S * rows:
        _refuse(name, f"the rows are {duration / rows:,.1f} s apart on average")
    start = origin + float(np.median(stamps[known] - origin - elapsed[known]))
    return TimeAxis(elapsed, round(start, 3), tuple(repairs))


def _refuse(name: str, problem: str) -> None:
    raise QuarantineError(
        QuarantineCode.NO_TIME_AXIS,
        f"{name} has no usable time axis: {problem}.",
        "time column",
        "Export the session with its time column, one readable and running clock reading per row.",
    )


def _usual_period(name: str, steps: NDArray[np.float64], row_steps: NDArray[np.float64]) -> float:
    """Seconds per row where the clock runs: the mean over all rows but those at jumps."""
    forward = steps > 0
    if not forward.any():
        _refuse(name, "the clock stands still or only runs backwards")
    typical = float(np.median(steps[forward] / row_steps[forward]))
    running = (steps >= 0) & (steps <= np.maximum(4.0, 5 * typical) * row_steps)
    if not running.any() or float(steps[running].sum()) <= 0:
        return typical
    return float(steps[running].sum() / row_steps[running].sum())


def _judged_steps(
    name: str,
    known: NDArray[np.int64],
    steps: NDArray[np.float64],
    row_steps: NDArray[np.float64],
    period: float,
    whole_seconds: bool,
    repairs: list[str],
) -> NDArray[np.float64]:
    """The clock's steps with jumps repaired (rule 2)."""
    expected = period * row_steps
    excess = steps - expected
    back = steps < -(1.0 if whole_seconds else 2 * period)
    ahead = excess > max(_GAP_EXCESS_S, 5 * period)
    jumps = np.flatnonzero(back | ahead)
    if back.sum() > max(5, len(steps) // 200):
        _refuse(name, f"its clock runs backwards {int(back.sum()):,} times; the rows are not in the order of time")
    steps = steps.copy()
    elapsed_there = np.cumsum(np.maximum(expected, 0))
    open_jumps: list[int] = []
    returned = 0
    for jump in jumps.tolist():
        partner = next(
            (
                earlier
                for earlier in reversed(open_jumps[-20:])
                if abs(excess[earlier] + excess[jump]) <= _RETURN_TOLERANCE_S
                and elapsed_there[jump] - elapsed_there[earlier] <= _RETURN_WITHIN_S
            ),
            None,
        )
        if partner is not None:
            open_jumps.remove(partner)
            steps[[partner, jump]] = expected[[partner, jump]]
            returned += 1
        else:
            open_jumps.append(jump)
    for jump in open_jumps:
        if back[jump] or steps[jump] > _CLOCK_SET_S:
            steps[jump] = expected[jump]
            moved = "back" if back[jump] else "forward"
            repairs.append(
                f"The clock was set {moved} by {abs(excess[jump]):,.1f} s after sample {known[jump] + 1}; "
                "elapsed time follows the row order there."
            )
    if returned:
        repairs.append(f"The clock jumped away and came back {returned} time(s); elapsed time follows the row order.")
    return np.where((steps < 0), 0.0, steps)


def _one_row_a_second(clock: NDArray[np.float64], known: NDArray[np.int64], period: float) -> NDArray[np.float64]:
    """Whole-second readings made even by rule 3."""
    if period > 0.95:
        line = (known - known[0]).astype(np.float64)
        lag = clock - line
        if len(lag) > 2:
            neighbours = np.maximum(lag[:-2], lag[2:])
            stray = lag[1:-1] - neighbours >= 2
            lag[1:-1][stray] = neighbours[stray]
        even = line + np.maximum.accumulate(lag)
        if float((even - clock).max()) <= _MAX_LEAD_S:
            return even
    return _smoothed(clock, known, period)


def _smoothed(clock: NDArray[np.float64], known: NDArray[np.int64], period: float) -> NDArray[np.float64]:
    """Whole-second readings smoothed along the row order, stretch by stretch between gaps (rule 3)."""
    line = known * period
    offset = clock - line
    half = max(2, round(_SMOOTHING_HALF_WINDOW_S / period))
    gaps = np.flatnonzero(np.diff(offset) > _GAP_EXCESS_S) + 1
    edges = [0, *gaps.tolist(), len(clock)]
    smooth = np.empty_like(offset)
    for begin, end in itertools.pairwise(edges):
        smooth[begin:end] = _running_line(offset[begin:end], half)
    return np.maximum.accumulate(smooth + line)


def _running_line(values: NDArray[np.float64], half: int) -> NDArray[np.float64]:
    """Mean over 2 * half + 1 neighbours; near the ends the straight line through the outermost such window."""
    count = len(values)
    window = 2 * half + 1
    if count <= window:
        return _fitted(values)
    sums = np.cumsum(np.concatenate(([0.0], values)))
    middle = (sums[window:] - sums[:-window]) / window
    return np.concatenate((_fitted(values[:window])[:half], middle, _fitted(values[-window:])[half + 1 :]))


def _fitted(values: NDArray[np.float64]) -> NDArray[np.float64]:
    positions = np.arange(len(values)) - (len(values) - 1) / 2
    spread = float(positions @ positions)
    slope = float(positions @ values) / spread if spread else 0.0
    return values.mean() + slope * positions


def _spread(
    clock: NDArray[np.float64], row_steps: NDArray[np.float64], period: float, repairs: list[str]
) -> NDArray[np.float64]:
    """Rows that repeat a stamp, spread evenly up to the next stamp (rule 4)."""
    first = np.concatenate(([True], np.diff(clock) > 0))
    repeated = len(clock) - int(first.sum())
    if not repeated:
        return clock
    repairs.append(f"{repeated:,} row(s) repeated the time of the row before; they were spread evenly.")
    starts = np.flatnonzero(first)
    rows = np.concatenate(([0.0], np.cumsum(row_steps)))
    lengths = np.diff(np.append(rows[starts], rows[-1] + 1))
    room = np.append(np.diff(clock[starts]), np.inf)
    pitch = np.minimum(room / lengths, period)
    run = np.cumsum(first) - 1
    return clock[starts][run] + (rows - rows[starts][run]) * pitch[run]


def _over_all_rows(
    clock: NDArray[np.float64], known: NDArray[np.int64], rows: int, period: float
) -> NDArray[np.float64]:
    """Rows without a stamp placed among those with one (rule 5)."""
    if len(known) == rows:
        return clock
    positions = np.arange(rows)
    elapsed = np.interp(positions, known, clock)
    before, after = positions < known[0], positions > known[-1]
    elapsed[before] = clock[0] - (known[0] - positions[before]) * period
    elapsed[after] = clock[-1] + (positions[after] - known[-1]) * period
    return elapsed
