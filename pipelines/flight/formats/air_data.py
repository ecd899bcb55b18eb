"""Disturbed air data: a pitot or static pressure that no longer is the air's, for some seconds.

Water, ice or an alternate static source make the airspeed collapse and ring while the aircraft flies on
undisturbed. Ground speed comes from elsewhere, so it tells the two apart: an airspeed that jumps by more than
`_JUMP_KT` in a second and leaves its own median of half a minute by more than `_AWAY_KT`, while the ground speed
stays within `_STEADY_KT` of its own, is not flown. (A lazy eight in a strong wind comes to 25 kt, but slowly.)
(Seen in a real log: 115 to 39 to 133 kt within six seconds at a ground speed of 125 kt and 1 g.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.flight.formats.session import RawSession

_AWAY_KT = 40.0
_JUMP_KT = 12.0
_STEADY_KT = 5.0
_FLYING_KT = 50.0
_HALF_WINDOW_S = 15
_RINGING_S = 6.0
"""The air data computer's filters ring for some seconds before and after; they are left out as well."""

_FED_BY_AIR_DATA = (
    "indicated_airspeed_kt", "true_airspeed_kt", "vertical_speed_fpm", "altitude_indicated_ft", "wind_speed_kt",
    "wind_direction_deg",
)  # fmt: skip


def remove_disturbed_air_data(raw: RawSession, elapsed_s: NDArray[np.float64]) -> None:
    """Make the air data missing around such disturbances, in place, with one repair sentence for all of them."""
    airspeed, ground_speed = raw.values.get("indicated_airspeed_kt"), raw.values.get("ground_speed_kt")
    if airspeed is None or ground_speed is None:
        return
    second_later = np.minimum(np.searchsorted(elapsed_s, elapsed_s + 1.0 - 1e-6), len(elapsed_s) - 1)
    flying = ground_speed > _FLYING_KT
    jumps = (np.abs(airspeed[second_later] - airspeed) > _JUMP_KT) & flying
    if not jumps.any():
        return
    away = _away_from_median(airspeed, elapsed_s)
    steady = np.abs(_away_from_median(ground_speed, elapsed_s)) < _STEADY_KT
    disturbed = (np.abs(away) > _AWAY_KT) & steady & flying & _near(jumps, elapsed_s)
    if not disturbed.any():
        return
    affected = _near(disturbed, elapsed_s)
    for channel in _FED_BY_AIR_DATA:
        if channel in raw.values:
            raw.values[channel][affected] = np.nan
    raw.repairs.append(
        f"The air data were disturbed from {elapsed_s[affected][0]:,.0f} s on: the airspeed left its usual value by up "
        f"to {float(np.abs(away[disturbed]).max()):.0f} kt at a steady ground speed; {int(affected.sum()):,} sample(s) "
        "of airspeed, vertical speed, barometric altitude and wind were made missing."
    )


def _near(marked: NDArray[np.bool_], elapsed_s: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Samples within the ringing time of a marked one."""
    at = elapsed_s[marked]
    return np.searchsorted(at, elapsed_s + _RINGING_S, side="right") > np.searchsorted(at, elapsed_s - _RINGING_S)


def _away_from_median(values: NDArray[np.float64], elapsed_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each value less the median of the readings on whole seconds around it; 0 where that is unknown."""
    import polars as pl

    seconds = np.arange(0.0, np.floor(elapsed_s[-1]) + 1)
    index = np.minimum(np.searchsorted(elapsed_s, seconds - 1e-6), len(elapsed_s) - 1)
    readings = pl.Series(values[index], nan_to_null=True)
    window = 2 * _HALF_WINDOW_S + 1
    medians = readings.rolling_median(window, min_samples=_HALF_WINDOW_S, center=True).to_numpy()
    nearest = np.minimum(np.round(elapsed_s).astype(np.int64), len(seconds) - 1)
    return np.nan_to_num(values - medians[nearest])
