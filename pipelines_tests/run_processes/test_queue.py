"""The queue of runs is the project's, prompt, and keeps to the limits of `dagster.yaml`."""

from __future__ import annotations

import shutil
from pathlib import Path

from dagster import DagsterInstance, QueuedRunCoordinator

from pipelines.cli.instance import PROJECT
from pipelines.run_processes.queue import LOOK_EVERY_S, PromptRunCoordinator


def test_the_queue_is_looked_at_more_than_once_a_second_and_keeps_its_limits(tmp_path: Path):
    shutil.copy(PROJECT / "dagster.yaml", tmp_path)
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        coordinator = instance.run_coordinator
        assert isinstance(coordinator, PromptRunCoordinator)
        assert isinstance(coordinator, QueuedRunCoordinator), "Dagster's daemon serves no other"
        assert coordinator.dequeue_interval_seconds == LOOK_EVERY_S < 1
        limits = instance.get_concurrency_config().run_queue_config
        assert limits is not None
        assert limits.max_concurrent_runs == 4
        assert {one["key"] for one in limits.tag_concurrency_limits} >= {"dagster/partition", "pipelines/purpose"}
