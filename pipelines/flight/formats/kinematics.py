"""Relations between channels that hold for any aircraft, as ratios of what is stated to what follows from the rest.

All are taken on a grid of one point a second and as medians over the flight, so that wind, gusts and single
bad values do not matter. A ratio is 1 if both sides are in their units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.flight.channels import CHANNELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

_METRES_PER_DEGREE = 60 * 1852.0
_KNOT = 1852 / 3600
_POSITION_LAG_S = 10
_STRAIGHT_RAD = np.radians(40)
"""Of turning within that time: the chord is 2 % shorter than the arc."""
_CLIMB_LAG_S = 20
_TURN_HALF_WINDOW_S = 3
_FLYING_KT = 35.0
_TURN_CONSTANT = np.degrees(9.80665) / _KNOT
"""Turn rate in deg/s times true airspeed in kt, per tangent of the bank: g / V, in these units (about 1092)."""

_BEYOND_RANGE = 60.0
"""Values beyond this many times a channel's range are noise even in the worst mistaken unit (radians)."""

_LIMITS = {name: _BEYOND_RANGE * max(abs(channel.minimum), abs(channel.maximum)) for name, channel in CHANNELS.items()}


@dataclass(frozen=True)
class Ratio:
    """Median ratio, its spread (interquartile range over median) and the number of seconds it rests on."""

    median: float
    spread: float
    seconds: int


class Kinematics:
    """The session on a grid of whole seconds; every relation is None where the session cannot tell it."""

    def __init__(self, elapsed_s: NDArray[np.float64], values: dict[str, NDArray[np.float64]]) -> None:
        seconds = np.arange(0.0, np.floor(elapsed_s[-1]) + 1)
        index = np.minimum(np.searchsorted(elapsed_s, seconds - 1e-6), len(elapsed_s) - 1)
        in_gap = np.abs(elapsed_s[index] - seconds) > 1.0
        self._count = len(seconds)
        self._grid: dict[str, NDArray[np.float64]] = {}
        if values:
            taken = np.array([source[index] for source in values.values()])
            limits = np.array([_LIMITS[channel] for channel in values])
            taken[in_gap | (np.abs(taken) > limits[:, np.newaxis])] = np.nan
            self._grid = dict(zip(values, taken, strict=True))
        self._velocity = self._position_velocity()

    def get(self, channel: str) -> NDArray[np.float64]:
        """The channel on the grid, NaN where missing."""
        found = self._grid.get(channel)
        return np.full(self._count, np.nan) if found is None else found

    def _position_velocity(self) -> NDArray[np.complex128]:
        """North + i east in knots, from positions ten seconds apart, at the middle of them."""
        latitude, longitude = self.get("latitude_deg"), self.get("longitude_deg")
        velocity = np.full(self._count, np.nan, dtype=np.complex128)
        lag, half = _POSITION_LAG_S, _POSITION_LAG_S // 2
        if self._count > lag:
            north = latitude[lag:] - latitude[:-lag]
            east = (longitude[lag:] - longitude[:-lag] + 180) % 360 - 180
            scale = _METRES_PER_DEGREE / lag / _KNOT
            velocity[half:-half] = scale * (north + 1j * east * np.cos(np.radians(latitude[half:-half])))
        return velocity

    def position_track(self) -> NDArray[np.float64]:
        """True track in degrees from positions, NaN below flying speed."""
        track = np.degrees(np.angle(self._velocity)) % 360
        return np.where(np.abs(self._velocity) > _FLYING_KT, track, np.nan)

    def ground_speed_over_position(self) -> Ratio | None:
        """Stated ground speed over the speed that the positions show; in turns they show less, the chord of the arc."""
        lag, half = _POSITION_LAG_S, _POSITION_LAG_S // 2
        straight = np.zeros(self._count, dtype=np.bool_)
        if self._count > lag:
            turned = np.abs(np.angle(self._velocity[lag:] * np.conj(self._velocity[:-lag])))
            straight[half:-half] = turned < _STRAIGHT_RAD
        stated, shown = self.get("ground_speed_kt"), np.abs(self._velocity)
        moving = (stated > _FLYING_KT / 2) & (shown > 0) & ((stated > _FLYING_KT) | (shown > _FLYING_KT))
        return _ratio(stated[moving & straight], shown[moving & straight], 60)

    def speed_over_turning(self, channel: str) -> Ratio | None:
        """Stated airspeed over that which bank and rate of turn imply: V = g tan(bank) / turn rate."""
        heading, roll = self.get("heading_deg"), self.get("roll_deg")
        lag = 2 * _TURN_HALF_WINDOW_S
        if self._count <= lag:
            return None
        turned = ((heading[lag:] - heading[:-lag] + 180) % 360 - 180) / lag
        middle = slice(_TURN_HALF_WINDOW_S, -_TURN_HALF_WINDOW_S)
        bank = (roll[lag:] + roll[middle] + roll[:-lag]) / 3
        steady = np.maximum(np.abs(roll[lag:] - roll[middle]), np.abs(roll[:-lag] - roll[middle])) < 5
        speed = self.get(channel)[middle]
        usable = steady & (np.abs(bank) > 12) & (np.abs(bank) < 60) & (np.abs(turned) > 1) & (bank * turned > 0)
        usable &= speed > 10
        implied = _TURN_CONSTANT * np.tan(np.radians(bank[usable])) / turned[usable]
        return _ratio(speed[usable], implied, 20)

    def speed_over_wind_triangle(self, channel: str) -> Ratio | None:
        """Stated airspeed over that which fits the positions and headings with one mean wind."""
        speed, heading = self.get(channel), self.get("heading_deg")
        air = speed * np.exp(1j * np.radians(heading))
        usable = (np.abs(self._velocity) > _FLYING_KT) & np.isfinite(air)
        if usable.sum() < 120:
            return None
        air, ground = air[usable], self._velocity[usable]
        air_spread = air - air.mean()
        variance = float(np.mean(np.abs(air_spread) ** 2))
        power = float(np.mean(np.abs(air) ** 2))
        if power == 0 or variance / power < 0.15:
            return None
        gain = complex(np.mean(np.conj(air_spread) * (ground - ground.mean())) / variance)
        rest = ground - ground.mean() - gain * air_spread
        unexplained = float(np.mean(np.abs(rest) ** 2) / np.mean(np.abs(ground - ground.mean()) ** 2))
        if abs(gain) == 0:
            return None
        return Ratio(1 / abs(gain), unexplained, int(usable.sum()))

    def speed_over_ground_speed(self, channel: str) -> Ratio | None:
        """Stated airspeed over the positions' (else the stated) ground speed; wind makes this a coarse relation."""
        shown = np.abs(self._velocity)
        shown = shown if np.isfinite(shown).sum() > 60 else self.get("ground_speed_kt")
        speed = self.get(channel)
        usable = (shown > _FLYING_KT) & (speed > 10)
        return _ratio(speed[usable], shown[usable], 120)

    def climb_over_vertical_speed(self, altitude: str) -> Ratio | None:
        """Change of the altitude over the integral of the vertical speed, over 20 s in climbs and descents."""
        vertical = self.get("vertical_speed_fpm") / 60
        if self._count <= _CLIMB_LAG_S:
            return None
        sums = np.concatenate(([0.0], np.cumsum(np.nan_to_num(vertical))))
        known = np.concatenate(([0], np.cumsum(np.isfinite(vertical))))
        integral = sums[_CLIMB_LAG_S:-1] - sums[: -_CLIMB_LAG_S - 1]
        integral = integral + (vertical[_CLIMB_LAG_S:] - vertical[:-_CLIMB_LAG_S]) / 2
        complete = known[_CLIMB_LAG_S:-1] - known[: -_CLIMB_LAG_S - 1] == _CLIMB_LAG_S
        change = self.climb(altitude)
        # relative to the session's own liveliest climbs: the unit is what is in question
        usable = complete & np.isfinite(integral) & np.isfinite(change)
        if usable.sum() < 60:
            return None
        strong = np.abs(integral) > 0.5 * _quantiles(np.abs(integral[usable]), 0.9)[0]
        tall = np.abs(change) > 0.25 * _quantiles(np.abs(change[usable]), 0.9)[0]
        usable &= strong & tall & (np.abs(change) > 5)
        return _ratio(change[usable], integral[usable], 30)

    def climb(self, altitude: str) -> NDArray[np.float64]:
        """Change of the altitude over 20 s."""
        values = self.get(altitude)
        return values[_CLIMB_LAG_S:] - values[:-_CLIMB_LAG_S] if self._count > _CLIMB_LAG_S else values[:0]

    def climb_over_climb(self, altitude: str, other: str) -> Ratio | None:
        """Change of one altitude over that of another, in climbs and descents."""
        change, reference = self.climb(altitude), self.climb(other)
        usable = (np.abs(reference) > 60) & (np.abs(change) > 10)
        return _ratio(change[usable], reference[usable], 30)

    def climb_over_pitch(self, altitude: str) -> Ratio | None:
        """Change of the altitude over that which airspeed and changes of pitch explain.

        The angle of attack takes part of the pitch, so the ratio is near 0.7, not 1: only its sign and its
        order of magnitude say something.
        """
        pitch = self.get("pitch_deg")
        speed = np.abs(self._velocity)
        for channel in ("true_airspeed_kt", "indicated_airspeed_kt", "ground_speed_kt"):
            if np.isfinite(self.get(channel)).sum() > 60:
                speed = self.get(channel)
                break
        flying = speed > _FLYING_KT
        if (flying & np.isfinite(pitch)).sum() < 120 or self._count <= _CLIMB_LAG_S:
            return None
        upward = np.where(
            flying, speed * _KNOT / 0.3048 * np.sin(np.radians(pitch - np.nanmedian(pitch[flying]))), np.nan
        )
        sums = np.cumsum(np.nan_to_num(upward))
        explained = sums[_CLIMB_LAG_S:] - sums[:-_CLIMB_LAG_S]
        explained[~(flying[_CLIMB_LAG_S:] & flying[:-_CLIMB_LAG_S])] = np.nan
        change = self.climb(altitude)
        usable = np.isfinite(explained) & np.isfinite(change)
        if usable.sum() < 120:
            return None
        x, y = explained[usable] - explained[usable].mean(), change[usable] - change[usable].mean()
        variance, power = float(np.mean(x * x)), float(np.mean(y * y))
        if variance == 0 or power < 60.0**2 * 0.09:
            return None
        covariance = float(np.mean(x * y))
        correlation = covariance / float(np.sqrt(variance * power))
        return Ratio(covariance / variance, 1 - abs(correlation), int(usable.sum()))

    def bank_over_turning(self) -> Ratio | None:
        """Stated bank over that which speed and rate of turn imply."""
        heading = self.get("heading_deg")
        speed = np.abs(self._velocity)
        for channel in ("true_airspeed_kt", "indicated_airspeed_kt", "ground_speed_kt"):
            if np.isfinite(self.get(channel)).sum() > 60:
                speed = self.get(channel)
                break
        lag = 2 * _TURN_HALF_WINDOW_S
        if self._count <= lag:
            return None
        turned = ((heading[lag:] - heading[:-lag] + 180) % 360 - 180) / lag
        middle = slice(_TURN_HALF_WINDOW_S, -_TURN_HALF_WINDOW_S)
        implied = np.degrees(np.arctan(turned * speed[middle] / _TURN_CONSTANT))
        usable = (speed[middle] > _FLYING_KT) & (np.abs(implied) > 12) & np.isfinite(self.get("roll_deg")[middle])
        return _ratio(self.get("roll_deg")[middle][usable], implied[usable], 30)


def _ratio(stated: NDArray[np.float64], implied: NDArray[np.float64], least: int) -> Ratio | None:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = stated / implied
    ratios = ratios[np.isfinite(ratios)]
    if len(ratios) < least:
        return None
    low, middle, high = _quantiles(ratios, 0.25, 0.5, 0.75)
    return Ratio(middle, (high - low) / abs(middle) if middle else np.inf, len(ratios))


def _quantiles(values: NDArray[np.float64], *shares: float) -> list[float]:
    """What `np.quantile` gives for finite values, at least one, in a tenth of its time for some hundred of them."""
    ordered = np.sort(values)
    found: list[float] = []
    for share in shares:
        position = share * (len(ordered) - 1)
        before = int(position)
        low, high = float(ordered[before]), float(ordered[min(before + 1, len(ordered) - 1)])
        part = position - before
        # from the nearer end, as numpy does
        found.append(low + (high - low) * part if part < 0.5 else high - (high - low) * (1 - part))
    return found
