"""A step in a workspace, caught at work: its task has begun, has not ended, and stands still until the test goes on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.embedded import local_settings
from pipelines.remote import workspace_client
from pipelines.settings import Settings

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.jobs import RunTask


@dataclass(frozen=True)
class CaughtStep:
    """The processes of a step's task, stopped in the middle of it."""

    process_group: int

    def go_on(self) -> None:
        """Let the step work on, as if nothing had been."""
        os.killpg(self.process_group, signal.SIGCONT)

    def kill(self) -> None:
        """End the step's processes."""
        os.killpg(self.process_group, signal.SIGKILL)


def caught_step(
    settings: Settings, goes_on: Callable[[], bool], since: float, step: str, limit_s: float = 180
) -> CaughtStep | None:
    """Stop the step once it has reported its first events; None if it ended before it could be stopped.

    Args:
        settings: the environment.
        goes_on: whether the run of the step has not ended.
        since: seconds since 1970, before that run was started: tells its tasks from those of earlier runs.
        step: key of the step.
        limit_s: how long the step may need to begin.

    Raises:
        AssertionError: it did not begin.
    """
    workspace = workspace_client(settings)
    until = time.monotonic() + limit_s
    while goes_on():
        assert time.monotonic() < until, f"{step} did not begin within {limit_s:.0f} s"
        task = _running_task(workspace, step, since)
        events = _segments(workspace, task) if task else []
        if task and events:
            return _stopped(settings, workspace, task)
        time.sleep(0.02)
    return None


def _stopped(settings: Settings, workspace: WorkspaceClient, task: RunTask) -> CaughtStep | None:
    folder = local_settings(settings).workspace_folder(settings.location) / "runs" / str(task.run_id)
    found = CaughtStep(int((folder / "pid").read_text().split()[0]))
    with suppress(ProcessLookupError):
        os.killpg(found.process_group, signal.SIGSTOP)
        newest = _segments(workspace, task)[-1:]
        # Only the segment that says how the step ended has something there.
        if newest and _content(workspace, newest[0]).endswith(b'"last": null}'):
            return found
        found.go_on()
    return None


def _running_task(workspace: WorkspaceClient, step: str, since: float) -> RunTask | None:
    runs = workspace.jobs.list_runs(active_only=True, expand_tasks=True, start_time_from=int(since * 1000))
    for task in [task for run in runs for task in run.tasks or []]:
        assert task.state is not None
        assert task.state.life_cycle_state is not None
        of_step = f"dagster_step: {step}" in (task.description or "").splitlines()
        if of_step and task.state.life_cycle_state.value == "RUNNING":
            return task
    return None


def _segments(workspace: WorkspaceClient, task: RunTask) -> list[str]:
    """The files in which the step has reported so far, oldest first; none before it began or once all are removed."""
    from databricks.sdk.errors import NotFound

    assert task.spark_python_task is not None
    parameters = dict(entry.split("=", 1) for entry in task.spark_python_task.parameters or [])
    with suppress(NotFound):
        found = [entry.path for entry in workspace.files.list_directory_contents(parameters["events"])]
        return sorted(path for path in found if path)
    return []


def _content(workspace: WorkspaceClient, path: str) -> bytes:
    answer = workspace.files.download(path).contents
    assert answer is not None
    return answer.read()
