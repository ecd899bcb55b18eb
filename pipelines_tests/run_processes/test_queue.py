"""The queue of runs is the project's, prompt, and keeps to the limits of `dagster.yaml`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, QueuedRunCoordinator
from dagster._core.instance.ref import InstanceRef
from dagster._core.launcher import RunLauncher
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.run_coordinator import SubmitRunContext
from dagster._core.storage.dagster_run import RunOpConcurrency

from pipelines.cli.instance import PROJECT
from pipelines.run_processes.queue import LOOK_EVERY_S, PromptRunCoordinator

SENSED = {"dagster/sensor_name": "requests"}
OF_ACME = {**SENSED, "dagster/partition": "acme", "pipelines/purpose": "inference"}


class RecordingLauncher(RunLauncher):
    """Launches nothing, and fails where it is told to."""

    inst_data = None

    def __init__(self, inst_data: Any = None) -> None:
        super().__init__()

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> RecordingLauncher:
        return cls()

    def launch_run(self, context: Any) -> None:
        if "fails" in context.dagster_run.tags:
            raise RuntimeError("no process could be forked")

    def terminate(self, run_id: str) -> bool:
        return False


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    """Of the project's `dagster.yaml`, but for the launcher."""
    shutil.copy(PROJECT / "dagster.yaml", tmp_path)
    own = {"run_launcher": {"module": __name__, "class": RecordingLauncher.__name__}}
    with DagsterInstance.from_ref(InstanceRef.from_dir(str(tmp_path), overrides=own)) as opened:
        yield opened


def submitted(instance: DagsterInstance, tags: dict[str, str], **more: Any) -> DagsterRunStatus:
    """What has become of a run with these tags when it was submitted."""
    origin = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("tests"), "jobs").get_job_origin("job")
    run = dg.DagsterRun(job_name="job", tags=tags, remote_job_origin=origin, **more)
    instance.add_run(run)
    found: DagsterRun = instance.run_coordinator.submit_run(SubmitRunContext(run, None))  # type: ignore[arg-type]
    return found.status


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


def test_what_a_sensor_asks_for_starts_at_once_if_there_is_a_place(instance: DagsterInstance):
    assert submitted(instance, OF_ACME) == DagsterRunStatus.STARTING


def test_what_others_ask_for_waits_for_the_daemon_that_attends_it(instance: DagsterInstance):
    assert submitted(instance, {"dagster/partition": "acme"}) == DagsterRunStatus.QUEUED


def test_nobody_is_overtaken(instance: DagsterInstance):
    assert submitted(instance, {}) == DagsterRunStatus.QUEUED
    assert submitted(instance, OF_ACME) == DagsterRunStatus.QUEUED


@pytest.mark.parametrize(
    ("under_way", "then"),
    [
        ([OF_ACME], DagsterRunStatus.QUEUED),  # the same partition
        ([{**OF_ACME, "dagster/partition": "bravo"}], DagsterRunStatus.STARTING),
        ([{**OF_ACME, "dagster/partition": name} for name in ("bravo", "charlie")], DagsterRunStatus.QUEUED),
        # All four places are taken.
        ([{**SENSED, "dagster/partition": name} for name in "abcd"], DagsterRunStatus.QUEUED),
    ],
)
def test_the_limits_hold(instance: DagsterInstance, under_way: list[dict[str, str]], then: DagsterRunStatus):
    for tags in under_way:
        assert submitted(instance, tags) == DagsterRunStatus.STARTING
    assert submitted(instance, OF_ACME) == then


def test_what_needs_a_place_in_a_pool_waits_for_the_daemon(instance: DagsterInstance):
    training = RunOpConcurrency(root_key_counts={"training": 1}, has_unconstrained_root_nodes=False)
    assert submitted(instance, SENSED, run_op_concurrency=training) == DagsterRunStatus.QUEUED


def test_a_run_that_cannot_be_launched_has_failed_and_the_sensor_goes_on(instance: DagsterInstance):
    assert submitted(instance, {**SENSED, "fails": "yes"}) == DagsterRunStatus.FAILURE
