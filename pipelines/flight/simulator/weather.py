"""The air that a session flies through: a mean wind with a height profile, and gusts.

Gusts are first-order (Dryden-like) processes whose length scale grows with height, as in MIL-F-8785C's
low-altitude model simplified to one scale for the two horizontal axes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

FEET_PER_SECOND_PER_KNOT = 1.687810


@dataclass(frozen=True)
class Weather:
    """Wind 2,000 ft above the ground, and how rough the air is.

    `wind_from_deg` is true; `gust_kt` the standard deviation of each horizontal gust component;
    `temperature_offset_c` the departure from the standard atmosphere.
    """

    wind_kt: float
    wind_from_deg: float
    gust_kt: float
    temperature_offset_c: float


class Air:
    """The wind at the aircraft, advanced step by step from a seed."""

    def __init__(self, weather: Weather, seed: int, step_s: float, steps_in_block: int = 4096) -> None:
        self._weather = weather
        self._step_s = step_s
        self._random = np.random.default_rng(seed)
        self._block = steps_in_block
        self._noise: list[list[float]] = []
        self._next = 0
        self._north = self._east = self._down = 0.0

    def wind_fps(self, height_ft: float, airspeed_fps: float) -> tuple[float, float, float]:
        """Wind towards north, east and down, in ft/s, for the next step at this height and airspeed."""
        if self._next >= len(self._noise):
            self._noise = self._random.standard_normal((self._block, 3)).tolist()
            self._next = 0
        along, across, vertical = self._noise[self._next]
        self._next += 1
        height = max(height_ft, 10.0)
        speed = max(airspeed_fps, 30.0)
        # The surface slows the wind: a power law with the exponent of open country.
        profile = min((height / 2000.0) ** 0.15, 1.1)
        mean = self._weather.wind_kt * FEET_PER_SECOND_PER_KNOT * profile
        towards = math.radians(self._weather.wind_from_deg + 180.0)
        scale_horizontal = min(600.0 + 0.6 * height, 1750.0)
        scale_vertical = min(max(height, 60.0), 1000.0)
        sigma = self._weather.gust_kt * FEET_PER_SECOND_PER_KNOT
        keep = math.exp(-speed * self._step_s / scale_horizontal)
        keep_vertical = math.exp(-speed * self._step_s / scale_vertical)
        shake = sigma * math.sqrt(1.0 - keep * keep)
        # Vertical gusts die out towards the ground.
        shake_vertical = 0.7 * sigma * min(1.0, height / 300.0) * math.sqrt(1.0 - keep_vertical * keep_vertical)
        self._north = keep * self._north + shake * along
        self._east = keep * self._east + shake * across
        self._down = keep_vertical * self._down + shake_vertical * vertical
        return mean * math.cos(towards) + self._north, mean * math.sin(towards) + self._east, self._down
