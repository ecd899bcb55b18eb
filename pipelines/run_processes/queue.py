"""Dagster's queue of runs, without waiting where there is nothing to wait for."""

from __future__ import annotations

import logging
from threading import Lock
from typing import TYPE_CHECKING, Any

from dagster import DagsterRunStatus, QueuedRunCoordinator, RunsFilter
from dagster._core.storage.dagster_run import ACTIVE_RUN_STATUSES
from dagster._core.storage.tags import SENSOR_NAME_TAG
from dagster._utils.tags import TagConcurrencyLimitsCounter

if TYPE_CHECKING:
    from dagster import DagsterRun
    from dagster._core.run_coordinator import SubmitRunContext

LOOK_EVERY_S = 0.25
_log = logging.getLogger(__name__)


class PromptRunCoordinator(QueuedRunCoordinator):
    """The queue, for people and customers who wait.

    A run that a sensor asks for while nothing is queued, and the limits leave it a place, starts at once: Dagster's
    daemon, in whose process sensors are, would look for it later and do the same. All others are queued, and the queue
    is looked at twice a second: the interval that Dagster's own takes is in whole seconds, of which its daemon makes
    up to one and a half.
    """

    def __init__(self, **configuration: Any) -> None:
        super().__init__(**configuration)
        self._one_at_a_time = Lock()

    @property
    def dequeue_interval_seconds(self) -> float:  # type: ignore[override]
        """Seconds between two looks at the queue."""
        return LOOK_EVERY_S

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        """Start the run, or queue it."""
        run = context.dagster_run
        if SENSOR_NAME_TAG in run.tags and run.status == DagsterRunStatus.NOT_STARTED:
            with self._one_at_a_time:
                if self._has_a_place(run):
                    try:
                        self._instance.launch_run(run.run_id, context.workspace)
                    except Exception as error:  # which is in the run's log: it has failed, and may be tried again
                        _log.warning("Run %s could not be launched: %s", run.run_id, error)
                    return self._instance.get_run_by_id(run.run_id) or run
        return super().submit_run(context)

    def _has_a_place(self, run: DagsterRun) -> bool:
        """Whether the daemon would start it at its next look; those that need a place in a pool are left to it."""
        if run.run_op_concurrency is not None:
            return False
        if self._instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.QUEUED]), limit=1):
            return False
        limits = self._instance.get_concurrency_config().run_queue_config
        assert limits is not None
        under_way = self._instance.get_runs(RunsFilter(statuses=list(ACTIVE_RUN_STATUSES)))
        if 0 <= limits.max_concurrent_runs <= len(under_way):
            return False
        return not TagConcurrencyLimitsCounter(limits.tag_concurrency_limits, under_way).is_blocked(run)
