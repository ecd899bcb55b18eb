"""Where the ground is, as a flight log without terrain data shows it: touchdowns, fields, high and low points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas
    from numpy.typing import NDArray

_BRIDGED_GAP_S = 30
"""Altitude is drawn through gaps up to this long, for finding; nothing is judged on what was drawn."""

_REVERSAL_FT = 150.0
"""A low point is one after which at least this much is climbed, and before which it was descended."""

_TAXI_AIRSPEED_KT = 30.0
_TAIL_WIND_KT = 10.0
"""No aeroplane of the training fleet flies below 30 kt indicated; over the ground, wind may add to it."""

_ROLL_S = 8
_ROLL_BAND_FT = 10.0
_ROLL_SPEED = 0.75
"""A touch-and-go without a stop: 8 s within 10 ft of the lowest point, below three quarters of VREF."""

_UNKNOWN_REFERENCE_KT = 60.0
_SAME_FIELD_NM = 3.0
_NEAR_KNOWN_GROUND_FT = 250.0
"""A roll at flying speed must be this close to the elevations that the session knows."""

_FINAL_S = 30
_UNKNOWN_FIELD_BAND_FT = 150.0
_UNKNOWN_FIELD_EXCESS_KT = 20.0
_UNKNOWN_FIELD_BANK_DEG = 25.0
_UNKNOWN_FIELD_SINK_FPM = (250.0, 1100.0)


@dataclass(frozen=True)
class Trace:
    """One session as arrays by second, NaN where unknown. `altitude_ft` is None if there is none to go by."""

    second: NDArray[np.int64]
    altitude_ft: NDArray[np.float64] | None
    height_ft: NDArray[np.float64]
    airspeed_kt: NDArray[np.float64]
    ground_speed_kt: NDArray[np.float64]
    vertical_speed_fpm: NDArray[np.float64]
    bank_deg: NDArray[np.float64]
    heading_deg: NDArray[np.float64]
    on_ground: NDArray[np.float64]
    latitude_deg: NDArray[np.float64]
    longitude_deg: NDArray[np.float64]

    @classmethod
    def of(cls, samples: pandas.DataFrame) -> Trace:
        """The arrays of gold seconds in order."""

        def channel(name: str) -> NDArray[np.float64]:
            if name not in samples.columns:
                return np.full(len(samples), np.nan)
            return np.asarray(samples[name], dtype=np.float64)

        altitude = _altitude(channel("altitude_msl_ft"), channel("altitude_indicated_ft"))
        vertical_speed = channel("vertical_speed_fpm")
        if altitude is not None and np.isnan(vertical_speed).all():
            vertical_speed = _rate_fpm(altitude)
        return cls(
            second=np.asarray(samples["second"], dtype=np.int64),
            altitude_ft=altitude,
            height_ft=channel("altitude_agl_ft"),
            airspeed_kt=channel("indicated_airspeed_kt"),
            ground_speed_kt=channel("ground_speed_kt"),
            vertical_speed_fpm=vertical_speed,
            bank_deg=channel("roll_deg"),
            heading_deg=channel("heading_deg") if not np.isnan(channel("heading_deg")).all() else channel("track_deg"),
            on_ground=channel("on_ground"),
            latitude_deg=channel("latitude_deg"),
            longitude_deg=channel("longitude_deg"),
        )

    def distances_nm(self, here: int, there: NDArray[np.intp]) -> NDArray[np.float64]:
        """Distances from the position at one second to those at others; NaN where a position is unknown."""
        north = 60.0 * (self.latitude_deg[there] - self.latitude_deg[here])
        east = 60.0 * (self.longitude_deg[there] - self.longitude_deg[here])
        return np.hypot(north, east * np.cos(np.radians(self.latitude_deg[here])))


@dataclass(frozen=True)
class Touchdown:
    """A touchdown: index of its second, and the elevation of the ground that was rolled on."""

    second: int
    elevation_ft: float


def _altitude(*sources: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The first source that is known for most of the session, short gaps bridged, else held at the edges."""
    for source in sources:
        known = ~np.isnan(source)
        if len(source) and known.mean() > 0.5:
            index = np.arange(len(source))
            return np.interp(index, index[known], source[known])
    return None


def _rate_fpm(altitude_ft: NDArray[np.float64]) -> NDArray[np.float64]:
    """Vertical speed from altitude over five seconds, for logs without the channel."""
    rate = np.full(len(altitude_ft), np.nan)
    rate[2:-2] = (altitude_ft[4:] - altitude_ft[:-4]) * 15.0
    return rate


def ground_seconds(trace: Trace) -> NDArray[np.bool_]:
    """Seconds with weight on the wheels: by the recorded flag, else slow and level.

    Both airspeed and ground speed must be slow where both are known: a pitot tube that freezes over in cruise is
    no landing.
    """
    assert trace.altitude_ft is not None
    slow = _slower_than(trace, _TAXI_AIRSPEED_KT)
    on_ground = np.where(np.isnan(trace.on_ground), slow, trace.on_ground > 0.5)
    ahead = np.minimum(np.arange(len(on_ground)) + 2, len(on_ground) - 1)
    behind = np.maximum(np.arange(len(on_ground)) - 2, 0)
    level = np.abs(trace.altitude_ft[ahead] - trace.altitude_ft[behind]) < 3 * _ROLL_BAND_FT
    return on_ground & level


def _slower_than(trace: Trace, airspeed_kt: float) -> NDArray[np.bool_]:
    airspeed = np.nan_to_num(trace.airspeed_kt, nan=0.0)
    ground_speed = np.nan_to_num(trace.ground_speed_kt, nan=0.0)
    known = ~(np.isnan(trace.airspeed_kt) & np.isnan(trace.ground_speed_kt))
    return known & (airspeed < airspeed_kt) & (ground_speed < airspeed_kt + _TAIL_WIND_KT)


def turning_points(altitude_ft: NDArray[np.float64]) -> list[tuple[int, int, int | None]]:
    """Low points as (high point before, low point, high point after or None at the end of the session)."""
    highs: list[int] = []
    lows: list[int] = []
    high = low = 0
    descending: bool | None = None
    heights = altitude_ft.tolist()
    for index, height in enumerate(heights):
        if height > heights[high]:
            high = index
        if height < heights[low]:
            low = index
        if descending is not False and height - heights[low] >= _REVERSAL_FT:
            if descending:
                lows.append(low)
            descending, high = False, index
        elif descending is not True and heights[high] - height >= _REVERSAL_FT:
            highs.append(high)
            descending, low = True, index
    if descending:
        lows.append(low)
    elif descending is False:
        highs.append(high)
    afterwards = [*highs[1:], None]
    return list(zip(highs, lows, afterwards, strict=False))


def touched_ground(
    trace: Trace, on_ground: NDArray[np.bool_], high: int, low: int, next_high: int | None, reference_kt: float | None
) -> Touchdown | None:
    """The touchdown of the descent from `high`, or None if the wheels stayed in the air."""
    assert trace.altitude_ft is not None
    last = len(trace.second) if next_high is None else next_high
    rolling = high + np.flatnonzero(on_ground[high:last])
    if len(rolling) < 2:
        rolling = _touch_and_go(trace, on_ground, low, last, reference_kt)
    if len(rolling) < 2:
        return None
    elevation = float(np.median(trace.altitude_ft[rolling[:20]]))
    down = np.flatnonzero(trace.altitude_ft[high : rolling[0] + 1] <= elevation + _ROLL_BAND_FT)
    flagged = not np.isnan(trace.on_ground[rolling[0]])
    second = int(rolling[0]) if flagged or not len(down) else high + int(down[0])
    return Touchdown(second, elevation)


def _touch_and_go(
    trace: Trace, on_ground: NDArray[np.bool_], low: int, last: int, reference_kt: float | None
) -> NDArray[np.intp]:
    """The seconds of a roll at flying speed around a low point; empty if it was none."""
    assert trace.altitude_ft is not None
    nothing = np.empty(0, dtype=np.intp)
    if not np.isnan(trace.on_ground[low]):
        return nothing
    near = trace.altitude_ft <= trace.altitude_ft[low] + _ROLL_BAND_FT
    first = low - int(np.argmin(near[low::-1])) + 1 if not near[: low + 1].all() else 0
    end = low + int(np.argmin(near[low:last])) if not near[low:last].all() else last
    slow = _slower_than(trace, _ROLL_SPEED * (reference_kt or _UNKNOWN_REFERENCE_KT))
    if end - first < _ROLL_S or not slow[first:end].any():
        return nothing
    known = trace.altitude_ft[on_ground]
    floor = float(known.min()) if len(known) else float(trace.altitude_ft.min())
    reach = _NEAR_KNOWN_GROUND_FT if len(known) else 2 * _ROLL_BAND_FT
    return np.arange(first, end) if trace.altitude_ft[low] - floor <= reach else nothing


class GoAroundField:
    """Elevation of the field below the low point of a descent that did not touch it."""

    def __init__(self, trace: Trace, on_ground: NDArray[np.bool_], reference_kt: float | None) -> None:
        self._trace = trace
        self._limit_kt = (reference_kt or _UNKNOWN_REFERENCE_KT) + _UNKNOWN_FIELD_EXCESS_KT
        self._ground = np.flatnonzero(on_ground)

    def elevation_ft(self, low: int) -> float | None:
        """Feet above mean sea level, or None where nothing says that a field is below.

        In this order: the recorded height; ground touched within three nautical miles, the nearest in time; the
        nearest ground touched elsewhere; and in a session that touches none, its lowest point, if it was come down
        to as on an approach.
        """
        trace = self._trace
        assert trace.altitude_ft is not None
        if not np.isnan(trace.height_ft[low]):
            return float(trace.altitude_ft[low] - trace.height_ft[low])
        if len(self._ground):
            return float(trace.altitude_ft[self._nearest_ground(low)])
        lowest = float(trace.altitude_ft.min())
        is_lowest = trace.altitude_ft[low] - lowest <= _UNKNOWN_FIELD_BAND_FT
        return lowest if is_lowest and self._looks_like_final(low) else None

    def _nearest_ground(self, low: int) -> int:
        distance = self._trace.distances_nm(low, self._ground)
        near = np.isnan(distance) | (distance <= _SAME_FIELD_NM)
        if near.any():
            ground = self._ground[near]
            return int(ground[np.argmin(np.abs(ground - low))])
        return int(self._ground[np.argmin(distance)])

    def _looks_like_final(self, low: int) -> bool:
        """Slow, wings nearly level and a moderate sink for half a minute: air work seldom comes down like that."""
        trace = self._trace
        assert trace.altitude_ft is not None
        before = slice(max(0, low - _FINAL_S), max(1, low - _FINAL_S // 10))
        sink = (trace.altitude_ft[before.start] - trace.altitude_ft[low]) / (low - before.start + 1e-9) * 60.0
        speed, bank = trace.airspeed_kt[before], np.abs(trace.bank_deg[before])
        slow = np.isnan(speed).all() or float(np.nanmax(speed)) <= self._limit_kt
        level = np.isnan(bank).all() or float(np.nanmax(bank)) <= _UNKNOWN_FIELD_BANK_DEG
        lowest_fpm, highest_fpm = _UNKNOWN_FIELD_SINK_FPM
        return bool(slow and level and lowest_fpm <= sink <= highest_fpm)
