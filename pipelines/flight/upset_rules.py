"""The plain rules by which an instructor reads upsets off a log, and the name of what an upset was.

They are the baseline that the learned detector has to beat. A Garmin log has no angle of attack, so a stall is read
from what it does: too slow for the load, nose high, and sinking or pitching down nevertheless.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.flight.aircraft import AIRCRAFT
from pipelines.flight.upsets import BANK_LIMIT_DEG, PITCH_DOWN_LIMIT_DEG, PITCH_UP_LIMIT_DEG

if TYPE_CHECKING:
    import pandas
    from numpy.typing import NDArray

GENERIC_STALL_KT = 47.0
"""Clean stalling speed assumed for a type whose handbook the project does not have."""

_SLOW = 1.1
_NOSE_HIGH_DEG = 5.0
_SINKING_FPM = -500.0
_BREAK_DEG = 6.0
_BREAK_SLOW = 1.25
_BREAK_S = 3
_FLYING = 0.6
"""Slower than this share of the stall speed within fifteen seconds means takeoff or landing, not a stall."""


def upset_by_rule(flight: pandas.DataFrame, aircraft_type: str | None) -> NDArray[np.bool_]:
    """Whether each second is an upset by the rules.

    `flight` has one row per second of one session in order, with `airspeed_kt`, `climb_fpm`, `pitch_deg`,
    `bank_size_deg`, `load_factor_g` (NaN where not recorded) and `slowest_near`, the lowest airspeed within fifteen
    seconds as a share of the stall speed.
    """
    aircraft = AIRCRAFT.get(aircraft_type or "")
    stall_kt = aircraft.stall_clean_kt if aircraft else GENERIC_STALL_KT
    pitch = flight["pitch_deg"].to_numpy(dtype=np.float64)
    bank = flight["bank_size_deg"].to_numpy(dtype=np.float64)
    load = flight["load_factor_g"].to_numpy(dtype=np.float64)
    load = np.where(np.isnan(load), 1.0 / np.cos(np.radians(np.minimum(bank, 75.0))), load)
    with np.errstate(invalid="ignore"):
        flying = ~(flight["slowest_near"].to_numpy(dtype=np.float64) < _FLYING)
        slow = flight["airspeed_kt"].to_numpy(dtype=np.float64) / (stall_kt * np.sqrt(np.maximum(load, 0.2)))
        sinking = flight["climb_fpm"].to_numpy(dtype=np.float64) < _SINKING_FPM
        attitude = (bank > BANK_LIMIT_DEG) | (pitch > PITCH_UP_LIMIT_DEG) | (pitch < PITCH_DOWN_LIMIT_DEG)
        mushing = (slow < _SLOW) & (pitch > _NOSE_HIGH_DEG) & sinking
        breaking = (slow < _BREAK_SLOW) & sinking & (_highest_before(pitch) - pitch > _BREAK_DEG)
        return attitude | (flying & (mushing | breaking))


def kind_of_upset(pitch_deg: NDArray[np.float64], bank_size_deg: NDArray[np.float64]) -> str:
    """What the attitudes of an event say it was: overbank, nose_high, nose_low; stall where none is extreme."""
    excess = {
        "overbank": np.nanmax(bank_size_deg, initial=0.0) / BANK_LIMIT_DEG,
        "nose_high": np.nanmax(pitch_deg, initial=0.0) / PITCH_UP_LIMIT_DEG,
        "nose_low": np.nanmin(pitch_deg, initial=0.0) / PITCH_DOWN_LIMIT_DEG,
    }
    kind = max(excess, key=lambda name: float(excess[name]))
    return kind if excess[kind] > 1.0 else "stall"


def _highest_before(pitch_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    highest = pitch_deg.copy()
    for back in range(1, _BREAK_S + 1):
        highest[back:] = np.fmax(highest[back:], pitch_deg[:-back])
    return highest
