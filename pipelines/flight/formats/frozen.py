"""Sensors that stand still while the aircraft flies: their stretch is made missing, and said.

A live sensor in the air shows some noise, so the same value for a minute means that the sensor, its wiring or
the recorder is stuck. How long "the same" may last depends on the sensor's resolution, which its own other runs
of equal values show. On the ground nothing is judged: there a parked aircraft looks just the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.flight.formats.quarantine import QuarantineCode, QuarantineError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.flight.formats.session import RawSession

_LEAST_S = 60.0
_TIMES_USUAL = 5.0
"""A run must also be this many times the sensor's usual longest run (99th percentile of its runs)."""

_FLYING_KT = 40.0
_FLYING_SHARE = 0.9
_CLIMB_FT = 100.0
_TURNING_DEG = 5.0

_SENSORS = (
    "latitude_deg", "longitude_deg", "altitude_msl_ft", "altitude_indicated_ft", "altitude_agl_ft",
    "indicated_airspeed_kt", "true_airspeed_kt", "ground_speed_kt", "vertical_speed_fpm", "pitch_deg", "roll_deg",
    "heading_deg", "track_deg", "normal_acceleration_g", "angle_of_attack_deg", "engine_rpm",
)  # fmt: skip
_SPEEDS = ("ground_speed_kt", "indicated_airspeed_kt", "true_airspeed_kt")


def remove_frozen_stretches(name: str, raw: RawSession, elapsed_s: NDArray[np.float64]) -> None:
    """Make frozen stretches missing, in place, one repair sentence per channel.

    Raises `QuarantineError` (`frozen`) if no sensor of the whole file ever moves.
    """
    sensors = [channel for channel in _SENSORS if channel in raw.values and np.isfinite(raw.values[channel]).any()]
    if sensors and float(elapsed_s[-1]) >= _LEAST_S and not any(_moves(raw.values[channel]) for channel in sensors):
        raise QuarantineError(
            QuarantineCode.FROZEN,
            f"{name}: none of its {len(sensors)} sensors changes its value in {elapsed_s[-1]:,.0f} s, "
            f"from sample 1 to {len(elapsed_s):,}.",
            f"column {raw.columns.get(sensors[0], sensors[0])!r}",
            "The recorder or the simulator stood still: record the session again.",
        )
    # rows half a minimal run apart: a run holds at least two neighbours of them
    stride = max(1, round(len(elapsed_s) / max(float(elapsed_s[-1]), 1.0) * _LEAST_S / 4))
    candidates = {
        channel: runs
        for channel in sensors
        if _may_rest(raw.values[channel], stride) and (runs := _long_runs(raw.values[channel], elapsed_s))
    }
    if not candidates:
        return
    flying = _Flying(raw.values)
    frozen = {
        channel: [run for run in runs if flying.during(channel, run, elapsed_s)] for channel, runs in candidates.items()
    }
    # an aircraft that flies along a meridian keeps its longitude: a position stands still as a whole or not at all
    for one, other in (("latitude_deg", "longitude_deg"), ("longitude_deg", "latitude_deg")):
        if one in frozen and other in raw.values:
            frozen[one] = [run for run in frozen[one] if not _moves(raw.values[other][run[0] : run[1]])]
    # a direction may well be held for a minute; it is stuck only if the aircraft turns meanwhile
    for one, other in (("heading_deg", "track_deg"), ("track_deg", "heading_deg")):
        if one in frozen:
            frozen[one] = [run for run in frozen[one] if _turns(raw.values, other, slice(*run))]
    for channel, runs in frozen.items():
        if not runs:
            continue
        seconds = 0.0
        for begin, end in runs:
            seconds += float(elapsed_s[end - 1] - elapsed_s[begin])
        begin, _end = runs[0]
        raw.repairs.append(
            f"Column {raw.columns.get(channel, channel)!r} stood still at {raw.values[channel][begin]:g} for "
            f"{seconds:,.0f} s in flight (from {elapsed_s[begin]:,.0f} s on, {len(runs)} time(s)); made missing there."
        )
    for channel, runs in frozen.items():
        for begin, end in runs:
            raw.values[channel][begin:end] = np.nan


def _may_rest(values: NDArray[np.float64], stride: int) -> bool:
    """A quick look at a few rows: False if no long run of equal values is possible."""
    looked_at = values[::stride]
    return bool((looked_at[1:] == looked_at[:-1]).any())


def _moves(values: NDArray[np.float64]) -> bool:
    known = values[np.isfinite(values)]
    return len(known) > 0 and bool((known != known[0]).any())


def _turns(values: dict[str, NDArray[np.float64]], other: str, part: slice) -> bool:
    """Whether bank or the other direction shows a turn; True if neither is recorded."""
    roll, direction = values.get("roll_deg"), values.get(other)
    if roll is None and direction is None:
        return True
    banked = roll is not None and bool((np.abs(roll[part]) > _TURNING_DEG).any())
    if direction is None or banked:
        return banked
    away = (direction[part] - direction[part.start] + 180) % 360 - 180
    return bool((np.abs(away) > _TURNING_DEG).any())


def _long_runs(values: NDArray[np.float64], elapsed_s: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Stretches (begin, end) of equal values, at least as long as the thresholds demand."""
    changed = values[1:] != values[:-1]
    starts = np.concatenate(([0], np.flatnonzero(changed) + 1))
    ends = np.append(starts[1:], len(values))
    durations = elapsed_s[ends - 1] - elapsed_s[starts]
    if not (durations >= _LEAST_S).any():
        return []
    known = np.isfinite(values[starts])
    usual = _usual_run_s(durations[known])
    long = known & (durations >= max(_LEAST_S, _TIMES_USUAL * usual))
    return [(int(begin), int(end)) for begin, end in zip(starts[long], ends[long], strict=True)]


def _usual_run_s(durations: NDArray[np.float64]) -> float:
    """How long the sensor usually rests: the 99th percentile of its runs, the second longest if they are few."""
    if len(durations) < 2:
        return 0.0
    return float(np.quantile(durations, 0.99) if len(durations) >= 100 else np.partition(durations, -2)[-2])


class _Flying:
    """Whether the aircraft flies during a stretch, by evidence other than the channel in question."""

    def __init__(self, values: dict[str, NDArray[np.float64]]) -> None:
        self._values = values

    def during(self, channel: str, run: tuple[int, int], elapsed_s: NDArray[np.float64]) -> bool:
        part = slice(*run)
        for speed in _SPEEDS:
            if speed != channel and speed in self._values:
                values = self._values[speed][part]
                # a speed that stands still itself is no witness
                if _moves(values) and np.mean(values > _FLYING_KT) >= _FLYING_SHARE:
                    return True
        if channel not in ("latitude_deg", "longitude_deg") and self._position_speed(part, elapsed_s) > _FLYING_KT:
            return True
        return any(
            altitude != channel
            and altitude in self._values
            and np.isfinite(self._values[altitude][part]).any()
            and np.nanmax(self._values[altitude][part]) - np.nanmin(self._values[altitude][part]) > _CLIMB_FT
            for altitude in ("altitude_msl_ft", "altitude_indicated_ft", "altitude_agl_ft")
        )

    def _position_speed(self, part: slice, elapsed_s: NDArray[np.float64]) -> float:
        """Mean speed along the track of the stretch in knots, 0 where unknown."""
        if "latitude_deg" not in self._values or "longitude_deg" not in self._values:
            return 0.0
        latitude, longitude = self._values["latitude_deg"][part], self._values["longitude_deg"][part]
        known = np.isfinite(latitude) & np.isfinite(longitude)
        if known.sum() < 2:
            return 0.0
        latitude, longitude, seconds = latitude[known], longitude[known], elapsed_s[part][known]
        # every tenth of the stretch, so that the noise of single positions does not add up
        at = np.unique(np.linspace(0, len(latitude) - 1, 11).astype(int))
        east = ((np.diff(longitude[at]) + 180) % 360 - 180) * np.cos(np.radians(latitude[0]))
        miles = float(np.hypot(np.diff(latitude[at]), east).sum()) * 60
        duration = float(seconds[-1] - seconds[0])
        return miles / duration * 3600 if duration > 0 else 0.0
