"""What a maneuver's own definition rules out, whatever the trees believe.

The trees learn from simulated sessions, which cover less than what real pilots fly (a real downwind
leg is slower than any simulated cruise, say). Where the definition of a maneuver names a height, a
speed or a bank, a second far outside of it is not that maneuver. The bounds are wider than the
definitions, so that they settle nothing on the edges; where a signal is missing, nothing is ruled out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.flight.maneuvers import MANEUVERS, Maneuver

if TYPE_CHECKING:
    import pandas as pd

RULED_OUT = 1e-6
"""What the probability of a maneuver that is ruled out is multiplied by."""

_APPROACH_TOP_FT = 1200.0
_GO_AROUND_TOP_FT = 700.0
_RUNWAY_TOP_FT = 150.0
_AIRWORK_BOTTOM_FT = 300.0
_SLOW_OF_STALL = 1.5
_STALL_OF_STALL = 1.3
_HELD_FPM = 450.0
_NOT_DESCENDING_FPM = -100.0
_OPPOSITE_FPM = 150.0
_STEEP_BANK_DEG = (28.0, 70.0)
_TURN_BANK_DEG = 5.0


def within_limits(features: pd.DataFrame, probabilities: np.ndarray) -> np.ndarray:
    """`probabilities` [seconds, maneuvers in the order of MANEUVERS] without what definitions rule out; rows sum to 1.

    Heights count only where the session touched the ground, so that the field's height is known.
    """
    column = {name: features[name].to_numpy(dtype=float) for name in _COLUMNS}
    touched = ~(np.isnan(column["height_departure_ft"]) & np.isnan(column["height_destination_ft"]))
    height = np.where(touched, column["height_ft"], np.nan)
    speed = column["speed_ratio_mean_within4"]
    # A stall needs the angle, not the speed: in a pull or a turn it comes at a higher speed.
    pull = np.maximum(np.nan_to_num(column["load_factor_g_maximum_within4"], nan=1.0), 1.0)
    turning = 1.0 / np.cos(np.radians(np.minimum(np.nan_to_num(column["bank_size_deg_maximum_within4"]), 70.0)))
    slowest = column["speed_ratio_minimum_within4"] / np.sqrt(np.maximum(pull, turning))
    bank = column["bank_size_deg_mean_within4"]
    signed = column["climb_fpm_mean_within12"]
    climb = np.abs(signed)
    lowest_rate = np.minimum(column["climb_fpm_mean_past30"], column["climb_fpm_mean_next30"])

    contradicted = {
        Maneuver.APPROACH: (height > _APPROACH_TOP_FT) | (lowest_rate > _NOT_DESCENDING_FPM),
        Maneuver.GO_AROUND: height > _GO_AROUND_TOP_FT,
        Maneuver.LANDING: height > _RUNWAY_TOP_FT,
        Maneuver.TAKEOFF: height > _RUNWAY_TOP_FT,
        Maneuver.GROUND: height > _RUNWAY_TOP_FT,
        Maneuver.SLOW_FLIGHT: (speed > _SLOW_OF_STALL) | (height < _AIRWORK_BOTTOM_FT) | (climb > _HELD_FPM),
        Maneuver.STALL: slowest > _STALL_OF_STALL,
        Maneuver.STEEP_TURN: (bank < _STEEP_BANK_DEG[0]) | (bank > _STEEP_BANK_DEG[1]),
        Maneuver.CLIMB: signed < -_OPPOSITE_FPM,
        Maneuver.DESCENT: signed > _OPPOSITE_FPM,
        Maneuver.TURN: bank < _TURN_BANK_DEG,
    }
    factors = np.ones_like(probabilities)
    for maneuver, seconds in contradicted.items():
        factors[seconds, MANEUVERS.index(maneuver)] = RULED_OUT
    kept = probabilities * factors
    return kept / kept.sum(axis=1, keepdims=True)


_COLUMNS = (
    "height_ft",
    "height_departure_ft",
    "height_destination_ft",
    "speed_ratio_mean_within4",
    "speed_ratio_minimum_within4",
    "load_factor_g_maximum_within4",
    "bank_size_deg_maximum_within4",
    "bank_size_deg_mean_within4",
    "climb_fpm_mean_within12",
    "climb_fpm_mean_past30",
    "climb_fpm_mean_next30",
)
