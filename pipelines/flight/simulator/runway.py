"""Runways, and where the aircraft is relative to one."""

from __future__ import annotations

import math
from dataclasses import dataclass

FEET_PER_NAUTICAL_MILE = 6076.12
_FEET_PER_DEGREE = 60.0 * FEET_PER_NAUTICAL_MILE


def move(latitude: float, longitude: float, bearing_true: float, feet: float) -> tuple[float, float]:
    """The point a short distance away (flat-earth formula, good to 0.1 % within 20 nautical miles)."""
    north = feet * math.cos(math.radians(bearing_true))
    east = feet * math.sin(math.radians(bearing_true))
    narrowing = math.cos(math.radians(latitude))
    return latitude + north / _FEET_PER_DEGREE, longitude + east / (_FEET_PER_DEGREE * narrowing)


@dataclass(frozen=True)
class Runway:
    """A runway by its threshold, true direction, elevation and length."""

    latitude: float
    longitude: float
    heading_true: float
    elevation_ft: float
    length_ft: float = 5000.0

    def along_and_across_ft(self, latitude: float, longitude: float) -> tuple[float, float]:
        """Distance beyond the threshold along the runway, and to the right of its centre line."""
        north = (latitude - self.latitude) * _FEET_PER_DEGREE
        east = (longitude - self.longitude) * _FEET_PER_DEGREE * math.cos(math.radians(self.latitude))
        direction = math.radians(self.heading_true)
        along = north * math.cos(direction) + east * math.sin(direction)
        across = east * math.cos(direction) - north * math.sin(direction)
        return along, across
