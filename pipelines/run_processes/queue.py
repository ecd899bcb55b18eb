"""Dagster's queue of runs, looked at more often than its own configuration can say."""

from __future__ import annotations

from dagster import QueuedRunCoordinator

LOOK_EVERY_S = 0.25


class PromptRunCoordinator(QueuedRunCoordinator):
    """The queue, for people and customers who wait.

    The interval that Dagster's takes is in whole seconds, of which its daemon makes up to one and a half.
    """

    @property
    def dequeue_interval_seconds(self) -> float:  # type: ignore[override]
        """Seconds between two looks at the queue."""
        return LOOK_EVERY_S
