"""Ground speed from positions, for logs that record neither an airspeed nor a ground speed.

Without any speed nothing can be said about a flight, and positions hold one. Where a log states a speed of its own,
nothing is derived: a stated one is measured, and the two would differ without anybody knowing which was used.

A position is good to some metres, so the difference of two neighbouring seconds may be several knots of noise. The
speed is the slope of a straight line through the positions of `2 * _HALF_WINDOW_S + 1` seconds, which errors of 3 m
(one standard deviation) move by 1.1 kt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.flight.channels import CHANNELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.flight.formats.session import RawSession

_HALF_WINDOW_S = 3
_NEAREST_S = 0.6
"""A second counts as known if a position was recorded this near to it."""

_METRES_PER_DEGREE = 60 * 1852.0
_KNOT = 1852 / 3600
_SPEEDS = ("indicated_airspeed_kt", "true_airspeed_kt", "ground_speed_kt")


def derive_ground_speed(raw: RawSession, elapsed_s: NDArray[np.float64]) -> None:
    """Add `ground_speed_kt` from the positions, in place, with a repair sentence, if the log has no speed at all.

    Seconds around gaps and around jumps of the position (a simulator that was repositioned, a lost GPS fix) stay
    missing, and so do the first and last three.
    """
    latitude, longitude = raw.values.get("latitude_deg"), raw.values.get("longitude_deg")
    if latitude is None or longitude is None or any(_is_known(raw, speed) for speed in _SPEEDS):
        return
    seconds = np.arange(0.0, np.floor(elapsed_s[-1]) + 1)
    after = np.minimum(np.searchsorted(elapsed_s, seconds), len(elapsed_s) - 1)
    before = np.maximum(after - 1, 0)
    is_before = np.abs(elapsed_s[before] - seconds) < np.abs(elapsed_s[after] - seconds)
    nearest = np.where(is_before, before, after)
    # Stamps of one second are not a second apart: the positions are carried to the whole second by their own time.
    velocity = _slope(elapsed_s[nearest], latitude[nearest], longitude[nearest], seconds)
    speed = np.abs(velocity)
    known = np.isfinite(speed)
    if known.sum() < len(seconds) / 2:
        return
    raw.values["ground_speed_kt"] = np.interp(elapsed_s, seconds, speed)  # NaN spreads to what lies beside it
    raw.columns["ground_speed_kt"] = f"{raw.columns['latitude_deg']}, {raw.columns['longitude_deg']}"
    raw.repairs.append(
        "The log states neither an airspeed nor a ground speed: the ground speed was derived from the positions, a "
        f"straight line through {2 * _HALF_WINDOW_S + 1} seconds each; {int((~known).sum()):,} second(s) at the ends, "
        "at gaps and at jumps of the position stay without."
    )


def _is_known(raw: RawSession, channel: str) -> bool:
    values = raw.values.get(channel)
    return values is not None and bool(np.isfinite(values).any())


def _slope(
    time_s: NDArray[np.float64],
    latitude_deg: NDArray[np.float64],
    longitude_deg: NDArray[np.float64],
    seconds: NDArray[np.float64],
) -> NDArray[np.complex128]:
    """North + i east in knots at each whole second, by least squares over the window; NaN where one is unknown."""
    width = 2 * _HALF_WINDOW_S + 1
    velocity = np.full(len(seconds), np.nan, dtype=np.complex128)
    if len(seconds) < width:
        return velocity
    step_north = np.diff(latitude_deg) * _METRES_PER_DEGREE
    step_east = ((np.diff(longitude_deg) + 180.0) % 360.0 - 180.0) * _METRES_PER_DEGREE
    step = step_north + 1j * step_east * np.cos(np.radians(latitude_deg[1:]))
    spent = np.diff(time_s)
    fastest = CHANNELS["ground_speed_kt"].maximum * _KNOT
    with np.errstate(divide="ignore", invalid="ignore"):
        step[~((spent > 0) & (np.abs(step) / np.maximum(spent, 1e-9) <= fastest))] = np.nan
    step[(np.abs(time_s - seconds) > _NEAREST_S)[1:] | (np.abs(time_s - seconds) > _NEAREST_S)[:-1]] = np.nan
    steps = np.lib.stride_tricks.sliding_window_view(step, width - 1)
    times = np.lib.stride_tricks.sliding_window_view(time_s, width)
    away = np.concatenate((np.zeros((len(steps), 1)), np.cumsum(steps, axis=1)), axis=1)
    centred = times - times.mean(axis=1, keepdims=True)
    slope = (centred * away).sum(axis=1) / (centred**2).sum(axis=1)
    velocity[_HALF_WINDOW_S:-_HALF_WINDOW_S] = slope / _KNOT
    return velocity
