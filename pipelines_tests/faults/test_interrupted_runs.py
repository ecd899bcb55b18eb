"""Interrupted workers whose word to cancel is lost or refused: the remote run ends, or the next one continues it."""

from __future__ import annotations

import re
import signal
from typing import Any

import dagster as dg
import pytest
from databricks.sdk import WorkspaceClient

from pipelines_tests.databricks.fixtures import remote_runs, state_of, step_events, until
from pipelines_tests.databricks.wiring import Wiring
from pipelines_tests.faults.test_busy_workspace import CANCEL
from pipelines_tests.faults.test_submission import SUBMIT
from pipelines_tests.local.conftest import call_local

pytestmark = pytest.mark.slow

_CANCELED = ("TERMINATED", "CANCELED")


def _waiting(instance: dg.DagsterInstance) -> str:
    """The run of the worker, once its step waits remotely."""
    run_id = until(lambda: [run.run_id for run in instance.get_runs()], "the worker's run")[0]
    until(lambda: "LOG: waits" in step_events(instance, run_id, "waiting"), "the step's message")
    return run_id


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "what", [{"action": "drop"}, {"action": "respond", "status": 503, "times": 3}], ids=["lost", "503"]
)
def test_a_cancellation_is_repeated_until_it_is_heard(
    worker, wired: Wiring, instance: dg.DagsterInstance, workspace: WorkspaceClient, signals, fault, requests,
    what: dict[str, Any], when: str,
) -> None:  # fmt: skip
    process = worker(wired.with_changes(environment={"SIGNALS": str(signals)}), "waiting")
    run_id = _waiting(instance)
    fault(path=CANCEL, when=when, **what)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0, output
    [remote] = remote_runs(workspace, run_id)
    until(lambda: state_of(workspace.jobs.get_run(remote.run_id)) == _CANCELED, "the cancellation")
    # A request that a fault answers in the handler's place is not counted.
    heard = [entry for entry in requests() if re.fullmatch(CANCEL, entry["path"])]
    assert len(heard) == (1 if when == "before" else 1 + what.get("times", 1))
    assert "could not be cancelled" not in output


def test_a_run_whose_submission_is_under_way_is_cancelled_once_it_is_known(
    worker, wired: Wiring, instance: dg.DagsterInstance, workspace: WorkspaceClient, signals, fault
) -> None:
    fault(path=SUBMIT, action="delay", when="after", delay_s=3)
    process = worker(wired.with_changes(environment={"SIGNALS": str(signals)}), "waiting")
    run_id = until(lambda: [run.run_id for run in instance.get_runs()], "the worker's run")[0]
    [remote] = until(lambda: remote_runs(workspace, run_id), "the remote run")
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0, output
    until(lambda: state_of(workspace.jobs.get_run(remote.run_id)) == _CANCELED, "the cancellation")
    assert len(remote_runs(workspace, run_id)) == 1


def test_a_run_that_could_not_be_cancelled_is_told_and_continued_by_whoever_comes_next(
    worker, wired: Wiring, instance: dg.DagsterInstance, workspace: WorkspaceClient, settings, signals, fault, requests
) -> None:
    wires = wired.with_changes(budget_s=1.0, environment={"SIGNALS": str(signals)})
    first = worker(wires, "waiting")
    run_id = _waiting(instance)
    fault(path=CANCEL, action="respond", status=503, times=-1)
    first.send_signal(signal.SIGTERM)
    output, _ = first.communicate(timeout=60)
    assert first.returncode != 0, output
    [remote] = remote_runs(workspace, run_id)
    assert state_of(remote)[0] == "RUNNING"
    told = [event for event in step_events(instance, run_id, "waiting") if "could not be cancelled" in event]
    assert len(told) == 1
    assert f"Remote run {remote.run_id}" in told[0]

    call_local(settings, "development", "DELETE", "/local/faults")
    second = worker(wires, "waiting", run_id)
    until(lambda: len(instance.get_runs()) == 2, "the second run")
    (signals / "go").touch()
    output, _ = second.communicate(timeout=120)
    assert second.returncode == 0, output
    assert state_of(workspace.jobs.get_run(remote.run_id)) == ("TERMINATED", "SUCCESS")
    assert len([entry for entry in requests() if re.fullmatch(SUBMIT, entry["path"])]) == 1
