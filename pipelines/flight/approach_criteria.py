"""Criteria of a stabilized approach in a light aircraft, and how a recorded approach is held against them.

Sources: Flight Safety Foundation, Approach-and-Landing Accident Reduction (ALAR) tool kit, briefing note 7.1
"Stabilized Approach": stable by 500 ft above the field in visual conditions, sink rate no greater than
1,000 ft/min, and deviations to be called out by the pilot monitoring (speed below target - 5 or above
target + 10 kt, bank above 7 degrees). The speed band VREF - 5 to VREF + 10 kt is the one that the FAA gives for
general aviation; FSF's own outer limit of VREF + 20 kt is meant for transport aircraft, for which 20 kt is a far
smaller share of the speed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.flight.aircraft import AIRCRAFT

if TYPE_CHECKING:
    from numpy.typing import NDArray

GATE_HEIGHT_FT = 500.0
"""Height above the field by which an approach must be stable in visual conditions (FSF ALAR)."""

JUDGED_DOWN_TO_FT = 50.0
"""Height above the field at which judging ends: the flare begins, and speed and sink change on purpose."""

SPEED_BELOW_REFERENCE_KT = 5.0
SPEED_ABOVE_REFERENCE_KT = 10.0
MAXIMUM_SINK_FPM = 1000.0

MAXIMUM_BANK_DEG = 10.0
"""Wings level: FSF has 7 degrees called out on transport aircraft; a light one is rolled further by the same gust."""

CIRCUIT_LEVEL_BY_FT = 300.0
CIRCUIT_BANK_DEG = 30.0
CIRCUIT_TURN_DEG = 30.0
"""FSF lets a circling approach have its wings level only by 300 ft, and a light aircraft's circuit is one: the turn
onto final often ends below 500 ft. Where the heading still changes by 30 degrees or more between 500 and 300 ft, bank
may reach 30 degrees there (what the FAA's Airplane Flying Handbook allows in the circuit)."""

SUSTAINED_S = 3
"""A limit counts as exceeded after so many seconds in a row, so that a single gust does not fail an approach."""

_KNOWN_SHARE = 0.5
"""A criterion is judged only if its channel is known for at least this share of the judged seconds."""

CRITERIA: tuple[str, ...] = ("speed", "sink", "bank")
"""The criteria by name, as `failed_criteria` lists them."""


def reference_speed_kt(aircraft_type: str | None) -> float | None:
    """VREF of a type in knots indicated, or None for a type whose handbook the project does not have."""
    aircraft = AIRCRAFT.get(aircraft_type or "")
    return aircraft.reference_kt if aircraft else None


def exceedances(
    speed_kt: NDArray[np.float64],
    vertical_speed_fpm: NDArray[np.float64],
    bank_deg: NDArray[np.float64],
    bank_limit_deg: NDArray[np.float64] | float,
    reference_kt: float | None,
) -> dict[str, NDArray[np.float64]]:
    """By criterion: 1 where a second is outside the limit, 0 where inside, NaN where that is unknown."""
    reference = np.nan if reference_kt is None else reference_kt
    off_speed = (speed_kt < reference - SPEED_BELOW_REFERENCE_KT) | (speed_kt > reference + SPEED_ABOVE_REFERENCE_KT)
    return {
        "speed": np.where(np.isnan(speed_kt - reference), np.nan, off_speed),
        "sink": np.where(np.isnan(vertical_speed_fpm), np.nan, vertical_speed_fpm < -MAXIMUM_SINK_FPM),
        "bank": np.where(np.isnan(bank_deg), np.nan, np.abs(bank_deg) > bank_limit_deg),
    }


def bank_limits_deg(height_ft: NDArray[np.float64], heading_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """The bank allowed at each second from the gate on: wings level, or the turn onto final of a circuit."""
    limits = np.full(len(height_ft), MAXIMUM_BANK_DEG)
    high = height_ft > CIRCUIT_LEVEL_BY_FT
    turning = heading_deg[: int(np.argmin(high)) + 1 if not high.all() else len(high)]
    turning = turning[~np.isnan(turning)]
    if len(turning) > 1 and abs((turning[-1] - turning[0] + 180.0) % 360.0 - 180.0) >= CIRCUIT_TURN_DEG:
        limits[high] = CIRCUIT_BANK_DEG
    return limits


def holds(exceeded: NDArray[np.float64]) -> bool | None:
    """Whether a criterion held over its seconds, given as one of `exceedances`; None if too few are known.

    An unknown second neither breaks nor prolongs a run of exceeded ones.
    """
    known = exceeded[~np.isnan(exceeded)]
    if len(known) < SUSTAINED_S or len(known) < _KNOWN_SHARE * len(exceeded):
        return None
    return longest_run(known > 0) < SUSTAINED_S


def longest_run(flags: NDArray[np.bool_]) -> int:
    """Length of the longest run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def verdict(criteria: dict[str, bool | None]) -> tuple[bool | None, list[str]]:
    """Whether all known criteria held (None if none is known), and the names of those that did not."""
    known = [held for held in criteria.values() if held is not None]
    return (all(known) if known else None), [name for name, held in criteria.items() if held is False]
