"""Units that a source may declare, and how to turn them into the canonical ones.

A value converts as `value * factor + offset`. The table is explicit on purpose: a unit that is not in it is
an error of the map, found when the map is loaded, never a silent guess.
"""

from __future__ import annotations

import math

_DEGREES_PER_RADIAN = 180 / math.pi
_FEET_PER_METRE = 1 / 0.3048
_KNOTS_PER_METRE_PER_SECOND = 3600 / 1852
_STANDARD_GRAVITY = 9.80665

_CONVERSIONS: dict[str, dict[str, tuple[float, float]]] = {
    "deg": {
        "deg": (1, 0),
        "rad": (_DEGREES_PER_RADIAN, 0),
        "arcmin": (1 / 60, 0),
        "turn": (360, 0),
    },
    "ft": {
        "ft": (1, 0),
        "m": (_FEET_PER_METRE, 0),
        "km": (1000 * _FEET_PER_METRE, 0),
        "hft": (100, 0),
        "cm": (_FEET_PER_METRE / 100, 0),
    },
    "kt": {
        "kt": (1, 0),
        "m/s": (_KNOTS_PER_METRE_PER_SECOND, 0),
        "km/h": (1 / 1.852, 0),
        "mph": (1609.344 / 1852, 0),
        "ft/s": (0.3048 * _KNOTS_PER_METRE_PER_SECOND, 0),
        "ft/min": (0.3048 * _KNOTS_PER_METRE_PER_SECOND / 60, 0),
    },
    "ft/min": {
        "ft/min": (1, 0),
        "ft/s": (60, 0),
        "m/s": (60 * _FEET_PER_METRE, 0),
        "m/min": (_FEET_PER_METRE, 0),
        "kt": (1852 * _FEET_PER_METRE / 60, 0),
    },
    "g": {
        "g": (1, 0),
        "g minus 1": (1, 1),
        "m/s^2": (1 / _STANDARD_GRAVITY, 0),
        "ft/s^2": (0.3048 / _STANDARD_GRAVITY, 0),
        "mg": (0.001, 0),
    },
    "1/min": {"1/min": (1, 0), "rpm": (1, 0), "1/s": (60, 0), "rad/s": (60 / (2 * math.pi), 0)},
    # volumes of aviation gasoline: 6.0 lb per US gallon at 15 deg C, the usual planning figure
    "gal/h": {
        "gal/h": (1, 0),
        "l/h": (1 / 3.785411784, 0),
        "lb/h": (1 / 6.0, 0),
        "kg/h": (1 / (6.0 * 0.45359237), 0),
        "gal/s": (3600, 0),
        "lb/s": (3600 / 6.0, 0),
        "kg/s": (3600 / (6.0 * 0.45359237), 0),
    },
    "1": {"1": (1, 0), "%": (0.01, 0), "16k": (1 / 16384, 0)},
    "deg C": {"deg C": (1, 0), "deg F": (5 / 9, -160 / 9), "K": (1, -273.15), "deg R": (5 / 9, -273.15)},
}
_SPELLINGS = {
    "degc": "deg C",
    "c": "deg C",
    "celsius": "deg C",
    "degf": "deg F",
    "f": "deg F",
    "kelvin": "K",
    "k": "K",
    "degr": "deg R",
    "degrees": "deg",
    "degree": "deg",
    "radian": "rad",
    "radians": "rad",
    "feet": "ft",
    "foot": "ft",
    "metre": "m",
    "meter": "m",
    "metres": "m",
    "meters": "m",
    "knot": "kt",
    "knots": "kt",
    "kts": "kt",
    "kias": "kt",
    "kmh": "km/h",
    "km/hr": "km/h",
    "fps": "ft/s",
    "fpm": "ft/min",
    "gph": "gal/h",
    "percent": "%",
    "ratio": "1",
    "norm": "1",
    "bool": "1",
    "flag": "1",
    "m/s2": "m/s^2",
    "ft/s2": "ft/s^2",
    "gminus1": "g minus 1",
    "rev/min": "1/min",
}


def known_units(canonical_unit: str) -> tuple[str, ...]:
    """The units from which values can be converted to `canonical_unit`."""
    return tuple(_CONVERSIONS[canonical_unit])


def conversion(source_unit: str, canonical_unit: str) -> tuple[float, float] | None:
    """Factor and offset from `source_unit` to `canonical_unit`, or None if there is no such conversion."""
    table = _CONVERSIONS[canonical_unit]
    if source_unit in table:
        return table[source_unit]
    spelling = source_unit.strip().lower().replace(" ", "").replace("°", "deg")
    return table.get(_SPELLINGS.get(spelling, spelling))
