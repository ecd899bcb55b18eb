"""Refuses channels whose values are in another unit than the source says (knots as m/s, metres as feet, ...).

Each channel is compared with what the others imply (see `kinematics`). A file is refused only if the ratio is
far from 1, steady over the flight, and that of a known mix-up, so that odd flying, wind or a sloppy sensor never
looks like a wrong unit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, TypeGuard

import numpy as np

from pipelines.flight.formats.kinematics import Kinematics, Ratio
from pipelines.flight.formats.quarantine import QuarantineCode, QuarantineError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.flight.formats.session import RawSession

_SPEED_MIX_UPS = ((1852 / 3600, "m/s"), (1.852, "km/h"), (1852 / 3600 / 0.3048, "ft/s"))
_GROUND_SPEED_MIX_UPS = (*_SPEED_MIX_UPS, (1.852 / 1.609344, "mph"))
_FEET_TO_METRES = 0.3048
_RADIANS = float(np.pi / 180)
_MAX_SPREAD = 0.5

_AIRSPEEDS = ("indicated_airspeed_kt", "true_airspeed_kt")
_ALTITUDES = ("altitude_msl_ft", "altitude_indicated_ft", "altitude_agl_ft")


def refuse_wrong_units(name: str, raw: RawSession, elapsed_s: NDArray[np.float64]) -> None:
    """Raise `QuarantineError` (`wrong_units`) naming column and probable unit; quiet if nobody can tell."""
    flight = Kinematics(elapsed_s, raw.values)
    check = _Check(name, raw, flight)
    check.load_factor()
    check.angles()
    check.ground_speed()
    for channel in _AIRSPEEDS:
        check.airspeed(channel)
    check.altitudes()
    check.temperature()


class _Check:
    def __init__(self, name: str, raw: RawSession, flight: Kinematics) -> None:
        self._name, self._raw, self._flight = name, raw, flight

    def _refuse(self, channel: str, evidence: str, probable: str) -> NoReturn:
        column = self._raw.columns.get(channel, channel)
        raise QuarantineError(
            QuarantineCode.WRONG_UNITS,
            f"{self._name}: column {column!r} cannot be {channel} as declared: {evidence}. {probable}.",
            f"column {column!r}",
            "Correct the unit in the column map (or the export's settings) and upload the file again.",
        )

    def _has(self, channel: str) -> bool:
        return bool(np.isfinite(self._flight.get(channel)).any())

    def load_factor(self) -> None:
        """The load factor is 1 on the ground and on average in the air."""
        values = self._flight.get("normal_acceleration_g")
        if np.isfinite(values).sum() < 60:
            return
        middle = float(np.nanmedian(values))
        evidence = f"its median is {middle:.2f}, and a load factor's is 1"
        for low, high, meaning in (
            (-0.25, 0.25, "It looks like g minus 1"),
            (8.5, 11, "It looks like m/s^2"),
            (28, 36, "It looks like ft/s^2"),
            (-1.25, -0.75, "It looks like its sign is reversed"),
            (-11, -8.5, "It looks like m/s^2 with reversed sign"),
        ):
            if low <= middle <= high:
                self._refuse("normal_acceleration_g", evidence, meaning)

    def angles(self) -> None:
        """Heading, bank and pitch against the turn and the climb that they cause."""
        track = self._flight.position_track()
        all_round = np.isfinite(track).sum() >= 60 and np.nanmean((track > 30) & (track < 330)) > 0.2
        for channel in ("heading_deg", "track_deg"):
            values = self._flight.get(channel)
            known = values[np.isfinite(values) & np.isfinite(track)]
            small = len(known) >= 60 and np.abs(known).max() <= 2 * np.pi + 0.01
            if all_round and small and np.ptp(known) > 0.05:
                self._refuse(channel, "it stays within 6.3 while the positions fly other ways", "It looks like radians")
        bank = self._flight.bank_over_turning()
        if _steady(bank, 1.0):
            evidence = f"it is {bank.median:.3f} times the bank that speed and rate of turn imply"
            if _near(bank.median, _RADIANS, 0.4):
                self._refuse("roll_deg", evidence, "It looks like radians")
            if -1.6 < bank.median < -0.6 and bank.spread < _MAX_SPREAD:
                self._refuse("roll_deg", evidence, "It looks like its sign is reversed")
        altitude = next((channel for channel in _ALTITUDES if self._has(channel)), None)
        climb = self._flight.climb_over_pitch(altitude) if altitude else None
        if climb is not None and climb.spread <= 0.4:
            evidence = f"the climb is {climb.median:.1f} times what pitch and speed explain"
            if climb.median > 12 and np.nanmax(np.abs(self._flight.get("pitch_deg"))) < np.pi / 2:
                self._refuse("pitch_deg", evidence, "It looks like radians")
            if climb.median < -0.2:
                self._refuse("pitch_deg", evidence, "It looks like its sign is reversed")

    def ground_speed(self) -> None:
        """Ground speed against positions."""
        ratio = self._flight.ground_speed_over_position()
        if not _steady(ratio, _MAX_SPREAD):
            return
        evidence = f"it is {ratio.median:.3f} times the speed that the positions show"
        for factor, unit in _GROUND_SPEED_MIX_UPS:
            if _near(ratio.median, factor, 0.05):
                self._refuse("ground_speed_kt", evidence, f"It looks like {unit}")
        if _near(ratio.median, 1 / _RADIANS, 0.6):
            self._refuse(
                "latitude_deg", f"the ground speed is {ratio.median:.1f} times what it shows", "It looks like radians"
            )
        if _near(ratio.median, 1000, 0.1) or _near(ratio.median, 0.001, 0.1):
            raise QuarantineError(
                QuarantineCode.WRONG_UNITS,
                f"{self._name}: the time column is not in its unit: {evidence}, a factor of 1,000.",
                "time column",
                "Correct the time's unit (s or ms) in the column map and upload the file again.",
            )

    def airspeed(self, channel: str) -> None:
        """Airspeed against wind triangle, turns, and ground speed; the first of these that can tell decides."""
        if not self._has(channel):
            return
        for relate, relation, max_spread, width in (
            (self._flight.speed_over_wind_triangle, "positions and headings", 0.3, 0.15),
            (self._flight.speed_over_turning, "bank and rate of turn", _MAX_SPREAD, 0.2),
            (self._flight.speed_over_ground_speed, "the speed over the ground", 0.35, 0.12),
        ):
            ratio = relate(channel)
            if not _steady(ratio, max_spread):
                continue
            for factor, unit in _SPEED_MIX_UPS:
                if _near(ratio.median, factor, width) and not 0.65 < ratio.median < 1.5:
                    evidence = f"it is {ratio.median:.2f} times the speed that {relation} imply"
                    self._refuse(channel, evidence, f"It looks like {unit}")
            if relation != "the speed over the ground":
                return

    def altitudes(self) -> None:
        """Altitudes against vertical speed, against each other, and against pitch and speed."""
        for channel in _ALTITUDES[:2]:
            if not self._has(channel):
                continue
            ratio = self._flight.climb_over_vertical_speed(channel)
            if _steady(ratio, _MAX_SPREAD):
                self._against_vertical_speed(channel, ratio)
                continue
            for other in _ALTITUDES[:2]:
                between = self._flight.climb_over_climb(channel, other)
                if _steady(between, _MAX_SPREAD) and _near(between.median, _FEET_TO_METRES, 0.12):
                    self._refuse(
                        channel, f"its climbs are {between.median:.2f} times those of {other}", "It looks like metres"
                    )
            if not self._has("vertical_speed_fpm"):
                self._against_pitch(channel)
        between = self._flight.climb_over_climb("altitude_agl_ft", "altitude_msl_ft")
        if _steady(between, _MAX_SPREAD) and _near(between.median, _FEET_TO_METRES, 0.15):
            self._refuse(
                "altitude_agl_ft",
                f"its climbs are {between.median:.2f} times those of altitude_msl_ft",
                "It looks like metres",
            )

    def _against_vertical_speed(self, channel: str, ratio: Ratio) -> None:
        evidence = f"its climbs are {ratio.median:.2f} times those of the vertical speed"
        if _near(ratio.median, _FEET_TO_METRES, 0.2):
            self._refuse(channel, evidence, "It looks like metres")
        if _near(ratio.median, 1 / _FEET_TO_METRES, 0.2):
            self._refuse(channel, evidence, "It looks like feet that the map takes for metres")
        if _near(ratio.median, -1, 0.3):
            self._refuse("vertical_speed_fpm", evidence, "It looks like its sign is reversed")
        inverse = f"the climbs of {channel} are {ratio.median:.1f} times those it states"
        if _near(ratio.median, 60 / _FEET_TO_METRES, 0.2):
            self._refuse("vertical_speed_fpm", inverse, "It looks like m/s")
        if _near(ratio.median, 60, 0.2):
            self._refuse("vertical_speed_fpm", inverse, "It looks like ft/s, or m/s with an altitude in metres")

    def _against_pitch(self, channel: str) -> None:
        climb = self._flight.climb_over_pitch(channel)
        if climb is not None and climb.spread < 0.2 and 0.08 < climb.median < 0.26:
            evidence = f"its climbs are {climb.median:.2f} times what pitch and speed explain, and 0.5 to 0.8 is usual"
            self._refuse(channel, evidence, "It looks like metres")

    def temperature(self) -> None:
        """Training aircraft do not fly in air above 50 deg C."""
        values = self._flight.get("outside_air_temperature_c")
        if np.isfinite(values).sum() < 60:
            return
        middle = float(np.nanmedian(values))
        if 50 < middle < 125:
            self._refuse("outside_air_temperature_c", f"its median is {middle:.0f} deg C", "It looks like deg F")
        if 200 < middle < 330:
            self._refuse("outside_air_temperature_c", f"its median is {middle:.0f} deg C", "It looks like kelvin")


def _steady(ratio: Ratio | None, max_spread: float) -> TypeGuard[Ratio]:
    return ratio is not None and ratio.spread <= max_spread


def _near(value: float, factor: float, width: float) -> bool:
    """Whether value and factor have one sign and differ by less than `width` as a share."""
    return value * factor > 0 and abs(np.log(value / factor)) < np.log1p(width)
