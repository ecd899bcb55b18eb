"""Aircraft types: the speeds and limits that criteria and features refer to.

Speeds are indicated airspeeds in knots at maximum mass, rounded from the types' published handbooks;
the simulated variants (`c172x`, ...) use the handbook of the type that they model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Aircraft:
    """Reference speeds (KIAS) of one aircraft type.

    `stall_clean_kt` is VS1, `stall_landing_kt` VS0, `reference_kt` VREF for a normal landing
    (1.3 VS0 calibrated, as the handbook's final approach speed states it), `rotation_kt` VR,
    `best_climb_kt` VY, `maneuvering_kt` VA, `cruise_kt` a typical training cruise.
    """

    type: str
    name: str
    stall_landing_kt: float
    stall_clean_kt: float
    reference_kt: float
    rotation_kt: float
    best_climb_kt: float
    maneuvering_kt: float
    cruise_kt: float
    never_exceed_kt: float


_TYPES = (
    Aircraft("c172p", "Cessna 172P", 33, 44, 63, 55, 76, 99, 105, 158),
    Aircraft("c172r", "Cessna 172R", 33, 44, 63, 55, 79, 99, 108, 163),
    Aircraft("c172s", "Cessna 172S", 40, 48, 63, 55, 74, 105, 112, 163),
    Aircraft("c172x", "Cessna 172X", 33, 44, 63, 55, 76, 99, 105, 158),
    Aircraft("c182", "Cessna 182", 38, 49, 66, 55, 80, 110, 130, 175),
    Aircraft("p28a", "Piper PA-28-181", 49, 55, 66, 60, 76, 113, 110, 154),
)

AIRCRAFT: dict[str, Aircraft] = {aircraft.type: aircraft for aircraft in _TYPES}

_PATTERNS: tuple[tuple[str, str], ...] = (
    (r"172\s*-?s", "c172s"),
    (r"172\s*-?r", "c172r"),
    (r"172\s*-?x", "c172x"),
    (r"172", "c172p"),
    (r"182", "c182"),
    (r"pa-?28|p28a|archer|cherokee", "p28a"),
)


def aircraft_type_of(airframe_name: str | None) -> str | None:
    """The type that an airframe's free-text name means ("Cessna 172S" -> "c172s"), or None if unknown."""
    if not airframe_name:
        return None
    for pattern, aircraft_type in _PATTERNS:
        if re.search(pattern, airframe_name, re.IGNORECASE):
            return aircraft_type
    return None
