"""What an imperfect pilot adds to a flight: attention that wanders from the targets, and hands that shake."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from pipelines.flight.simulator.cockpit import CONTROL_STEP_S

ALTITUDE, SPEED, BANK, HEADING, PITCH, THROTTLE = range(6)
"""Targets that attention wanders from: feet, knots, degrees, degrees, degrees, share of full throttle."""

_FADES_AFTER_S = 14.0
_SMOOTHING = 0.25


class Lapses:
    """Slow errors of attention and fast ones of the hands, larger the clumsier the pilot is (0 to 1)."""

    def __init__(self, clumsy: float, random: np.random.Generator) -> None:
        self._random = random
        self._noise: list[list[float]] = []
        # Standard deviations of the slow errors, one per target.
        self._spread = (8 + 55 * clumsy, 0.8 + 4.0 * clumsy, 0.6 + 3.2 * clumsy, 0.8 + 4.0 * clumsy,
                        0.2 + 0.9 * clumsy, 0.004 + 0.02 * clumsy)  # fmt: skip
        self._persist = math.exp(-CONTROL_STEP_S / _FADES_AFTER_S)
        self._shake = 0.002 + 0.012 * clumsy
        self._attention = 1.0
        self._tremble = {"elevator": 0.0, "aileron": 0.0}
        self._hand = {"elevator": 0.0, "aileron": 0.0}
        self.wander = [0.0] * 6
        """The error in each target at the moment."""

    def look(self, attention: float) -> None:
        """Let a control step pass; all errors grow with `attention`, 1 being the usual."""
        self._attention = attention
        if not self._noise:
            self._noise = self._random.standard_normal((2048, 8)).tolist()
        noise = self._noise.pop()
        persist = self._persist
        spread = math.sqrt(1.0 - persist * persist)
        wander = self.wander
        for index, size in enumerate(self._spread):
            wander[index] = persist * wander[index] + spread * size * attention * noise[index]
        self._tremble["elevator"], self._tremble["aileron"] = noise[6:]

    def hand(self, control: Literal["elevator", "aileron"], lightness: float) -> float:
        """What the hand on a control adds in this step, -1..1 being its travel; call once a step and control."""
        hand = self._hand
        hand[control] += (self._tremble[control] * self._shake * lightness - hand[control]) * _SMOOTHING
        return hand[control] * self._attention
