"""The plain rules by which a flight instructor reads maneuvers off a strip chart.

They are the baseline that the learned classifier has to beat, so they are made as good as plain rules
get: heights above the field, bank, speeds relative to the type's stalling speed, rates, and a look at
the seconds before and after. Bounds follow the taxonomy (`pipelines.flight.maneuvers`) and the FAA's
Private Pilot Airman Certification Standards (steep turn 45 degrees of bank, within 5; slow flight just
above the stall).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipelines.flight.aircraft import AIRCRAFT
from pipelines.flight.maneuvers import Maneuver

RULE_COLUMNS: tuple[str, ...] = (
    "height_ft",
    "airspeed_kt",
    "ground_speed_kt",
    "climb_fpm",
    "bank_deg",
    "pitch_deg",
    "load_factor_g",
    "seconds_since_ground",
    "seconds_to_ground",
)
"""What the rules look at, a row per second; columns may hold NaN where a log does not tell."""

_GENERIC_STALL_KT = 45.0
_RUNWAY_HEIGHT_FT = 50.0
_FINAL_HEIGHT_FT = 1000.0
_GO_AROUND_TOP_FT = 500.0
_GO_AROUND_LOW_POINT_FT = 350.0
_CLIMB_FPM = 200.0
_TURN_BANK_DEG = 10.0
_STEEP_BANK_DEG = 38.0
_SLOW_FLIGHT_OF_STALL = 1.4
_STALL_OF_STALL = 1.15
_FINAL_S = 240
_TAXI_KT = 15.0
_TAKEOFF_ROLL_S = 60


def maneuvers_by_rule(flight: pd.DataFrame, aircraft_type: str | None) -> np.ndarray:
    """The maneuver of each second of one session, as an array of taxonomy values.

    Args:
        flight: RULE_COLUMNS of one session, ordered by second, without rows for gaps.
        aircraft_type: key of AIRCRAFT, or None for a generic single-engine trainer.
    """
    known = AIRCRAFT.get(aircraft_type or "")
    stall_kt = known.stall_clean_kt if known else _GENERIC_STALL_KT
    height = flight["height_ft"].to_numpy(dtype=float)
    airspeed = flight["airspeed_kt"].to_numpy(dtype=float)
    ground_speed = flight["ground_speed_kt"].to_numpy(dtype=float)
    speed = np.where(np.isnan(airspeed), ground_speed, airspeed)
    ground_speed = np.where(np.isnan(ground_speed), airspeed, ground_speed)
    climb_now = flight["climb_fpm"].to_numpy(dtype=float)
    pitch = flight["pitch_deg"].to_numpy(dtype=float)
    climb = _mean(climb_now, 15)
    bank = _mean(np.abs(flight["bank_deg"].to_numpy(dtype=float)), 7)
    since_ground = np.nan_to_num(flight["seconds_since_ground"].to_numpy(dtype=float), nan=np.inf)
    to_ground = np.nan_to_num(flight["seconds_to_ground"].to_numpy(dtype=float), nan=np.inf)

    low_point_before, low_point_after = _low_points(height)
    touches_ground = np.isfinite(since_ground) | np.isfinite(to_ground)
    near_runway = (height < _RUNWAY_HEIGHT_FT) & touches_ground
    accelerating = _mean(np.gradient(ground_speed) if len(ground_speed) > 1 else np.zeros(1), 9) > 0.3
    on_ground = (ground_speed < _TAXI_KT) & near_runway & ~accelerating
    departing = near_runway & (since_ground <= _TAKEOFF_ROLL_S) & accelerating & (to_ground > 20)
    touching_down = near_runway & ~departing
    final = (height < _FINAL_HEIGHT_FT) & (climb < -_CLIMB_FPM) & (bank < 20)
    final &= (to_ground < _FINAL_S) | (low_point_after <= _FINAL_S)
    going_around = (height < _GO_AROUND_TOP_FT) & (climb > 0) & (low_point_before <= 60) & (since_ground > 60)

    slow = (_mean(speed, 9) < _SLOW_FLIGHT_OF_STALL * stall_kt) & (height > _GO_AROUND_TOP_FT)
    stalled = _stalled(speed, pitch, climb_now, stall_kt) & (height > _GO_AROUND_TOP_FT)

    rules: list[tuple[np.ndarray, Maneuver]] = [
        (on_ground, Maneuver.GROUND),
        (departing, Maneuver.TAKEOFF),
        (going_around, Maneuver.GO_AROUND),
        (touching_down, Maneuver.LANDING),
        (stalled, Maneuver.STALL),
        (bank >= _STEEP_BANK_DEG, Maneuver.STEEP_TURN),
        (final, Maneuver.APPROACH),
        (slow & (np.abs(climb) < 400), Maneuver.SLOW_FLIGHT),
        ((bank >= _TURN_BANK_DEG) & (np.abs(climb) < 500), Maneuver.TURN),
        (climb > _CLIMB_FPM, Maneuver.CLIMB),
        (climb < -_CLIMB_FPM, Maneuver.DESCENT),
    ]
    chosen = np.select(
        [condition for condition, _ in rules], [maneuver.value for _, maneuver in rules], Maneuver.CRUISE.value
    )
    return _settled(chosen, shortest_s=4)


def _mean(values: np.ndarray, seconds: int) -> np.ndarray:
    return np.asarray(pd.Series(values).rolling(seconds, center=True, min_periods=1).mean(), dtype=float)


def _highest(values: np.ndarray, seconds: int, *, center: bool = False) -> np.ndarray:
    return np.asarray(pd.Series(values).rolling(seconds, center=center, min_periods=1).max(), dtype=float)


def _low_points(height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Seconds since the last and until the next low point of a given-up approach (infinite if none).

    A low point is the lowest second within a minute on either side, off the runway but below
    _GO_AROUND_LOW_POINT_FT, with a climb of at least 200 ft after it.
    """
    lowest = -_highest(-height, 121, center=True)
    later_top = _highest(height[::-1], 90)[::-1]
    is_low = (height == lowest) & (height < _GO_AROUND_LOW_POINT_FT) & (height > 5) & (later_top > height + 200)
    seconds = np.arange(len(height), dtype=float)
    marked = pd.Series(np.where(is_low, seconds, np.nan))
    last, following = np.asarray(marked.ffill(), dtype=float), np.asarray(marked.bfill(), dtype=float)
    since, until = seconds - last, following - seconds
    return np.nan_to_num(since, nan=np.inf), np.nan_to_num(until, nan=np.inf)


def _stalled(speed: np.ndarray, pitch: np.ndarray, climb: np.ndarray, stall_kt: float) -> np.ndarray:
    """Near the stalling speed with the nose dropping or the aircraft sinking, until flying speed is back."""
    near_stall = speed < _STALL_OF_STALL * stall_kt
    drop = _highest(pitch, 8) - pitch
    broke = near_stall & ((drop > 8) | (_mean(climb, 3) < -500))
    return (_highest(broke.astype(float), 11, center=True) > 0) & (speed < 1.35 * stall_kt)


def _settled(maneuvers: np.ndarray, shortest_s: int) -> np.ndarray:
    """The same with runs shorter than `shortest_s` given to the run before them."""
    settled = maneuvers.copy()
    starts = np.flatnonzero(np.r_[True, maneuvers[1:] != maneuvers[:-1]])
    ends = np.r_[starts[1:], len(maneuvers)]
    for start, end in zip(starts, ends, strict=True):
        if start > 0 and end - start < shortest_s:
            settled[start:end] = settled[start - 1]
    return settled
