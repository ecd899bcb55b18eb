"""Trying again when another writer's commit came first."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

_COLLISIONS = (
    "Failed to commit transaction",
    "Missing commit file",
    "ConcurrentAppend",
    "ConcurrentModification",
    "ConcurrentWrite",
    "ConcurrentDelete",
    "ConcurrentTransaction",
    "DELTA_CONCURRENT",
    "DELTA_METADATA_CHANGED",
    "transaction conflict",
    "version already exists",
)
_ATTEMPTS = 6


def is_collision(error: Exception) -> bool:
    """Whether a write failed only because another commit of the same table came first."""
    text = f"{type(error).__name__}: {error}"
    return any(sign.lower() in text.lower() for sign in _COLLISIONS)


def until_committed(write: Callable[[], Result]) -> Result:
    """The result of `write`, tried again for a few seconds while it collides with other writers.

    `write` must be safe to run again after a failure, and build its data frames anew each time.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return write()
        except Exception as error:
            if attempt == _ATTEMPTS or not is_collision(error):
                raise
            time.sleep(random.uniform(0.5, 1.0) * 0.1 * 2**attempt)
    raise AssertionError("unreachable")
