"""Cleaning rules of gold: one sample per whole second, gaps marked and never filled, physical ranges enforced."""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING

import numpy as np

from pipelines.flight.channels import CHANNELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

RULES_VERSION = 1
"""Raise it whenever a rule of gold changes meaning: every session is then refined again."""

REACH_S = 0.5
"""A second without a sample this near is a gap. At 1 Hz it is the farthest that a complete log can be."""

_ROUNDING_S = 1e-6


def second_count(duration_s: float) -> int:
    """Whole seconds of a session whose last sample lies `duration_s` after its first, both ends included."""
    return math.floor(duration_s + _ROUNDING_S) + 1


def nearest_samples(elapsed_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """For each whole second, the position of the nearest sample, or -1 where none is within `REACH_S`.

    `elapsed_s` never decreases. Of two samples equally near, or at the same time, the first is taken.
    """
    seconds = np.arange(second_count(float(elapsed_s[-1])), dtype=np.float64)
    after = np.minimum(np.searchsorted(elapsed_s, seconds, side="left"), len(elapsed_s) - 1)
    before = np.maximum(after - 1, 0)
    # the first of the samples that share the earlier one's time
    before = np.searchsorted(elapsed_s, elapsed_s[before], side="left")
    distance_before = np.abs(elapsed_s[before] - seconds)
    distance_after = np.abs(elapsed_s[after] - seconds)
    nearest = np.where(distance_before <= distance_after + _ROUNDING_S, before, after)
    distance = np.minimum(distance_before, distance_after)
    return np.where(distance <= REACH_S + _ROUNDING_S, nearest, -1).astype(np.int64)


def within_range(channel: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The channel's values with NaN in place of what its aircraft cannot physically show."""
    limits = CHANNELS[channel]
    possible = (values >= limits.minimum) & (values <= limits.maximum)
    return np.where(possible, values, np.nan)


def rules_digest() -> str:
    """Changes whenever cleaning would: with the version of the rules and with every channel's range."""
    ranges = [(channel.name, channel.minimum, channel.maximum) for channel in CHANNELS.values()]
    return hashlib.sha256(json.dumps([RULES_VERSION, REACH_S, ranges]).encode()).hexdigest()
