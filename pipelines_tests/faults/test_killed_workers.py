"""Workers that are killed: whoever comes after them continues the same remote run."""

from __future__ import annotations

import re
import signal

import dagster as dg
import pytest
from databricks.sdk import WorkspaceClient

from pipelines_tests.databricks.fixtures import remote_runs, state_of, step_events, until
from pipelines_tests.databricks.test_launcher import Run
from pipelines_tests.databricks.wiring import Wiring
from pipelines_tests.faults.test_submission import SUBMIT

pytestmark = pytest.mark.slow


def _submissions(requests) -> int:
    return len([entry for entry in requests() if re.fullmatch(SUBMIT, entry["path"])])


def _new_run(instance: dg.DagsterInstance) -> str:
    return until(lambda: [run.run_id for run in instance.get_runs()], "the worker's run")[0]


def test_killed_while_polling(
    worker, wired: Wiring, instance: dg.DagsterInstance, workspace: WorkspaceClient, signals, requests
) -> None:
    wires = wired.with_changes(environment={"SIGNALS": str(signals)})
    first = worker(wires, "waiting")
    run_id = _new_run(instance)
    until(lambda: "LOG: waits" in step_events(instance, run_id, "waiting"), "the step's message")
    first.kill()
    first.wait()
    [remote] = remote_runs(workspace, run_id)
    assert state_of(remote)[0] == "RUNNING"

    second = worker(wires, "waiting", run_id)
    until(lambda: len(instance.get_runs()) == 2, "the retry's run")
    (signals / "go").touch()
    output, _ = second.communicate(timeout=120)
    assert second.returncode == 0, output
    retry = next(run.run_id for run in instance.get_runs() if run.run_id != run_id)
    assert _submissions(requests) == 1
    told = step_events(instance, retry, "waiting")
    assert [event for event in told if event.startswith("LOG")] == ["LOG: waits"]
    assert (told.count("STEP_START"), told.count("STEP_SUCCESS")) == (1, 1)
    assert "STEP_SUCCESS" not in step_events(instance, run_id, "waiting")
    assert state_of(workspace.jobs.get_run(remote.run_id)) == ("TERMINATED", "SUCCESS")


def test_killed_between_submission_and_its_record(
    worker, wired: Wiring, instance: dg.DagsterInstance, workspace: WorkspaceClient, fault, requests
) -> None:
    fault(path=SUBMIT, action="delay", when="after", delay_s=60)
    first = worker(wired, "empty")
    run_id = _new_run(instance)
    [remote] = until(lambda: remote_runs(workspace, run_id), "the remote run")
    first.kill()
    first.wait()

    second = worker(wired, "empty", run_id)
    output, _ = second.communicate(timeout=120)
    assert second.returncode == 0, output
    accepted = {run.run_id for found in instance.get_runs() for run in remote_runs(workspace, found.run_id)}
    assert accepted == {remote.run_id}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_cancels_its_remote_run_once(
    worker, wired: Wiring, instance: dg.DagsterInstance, workspace: WorkspaceClient, signals, requests, number: int
) -> None:
    process = worker(wired.with_changes(environment={"SIGNALS": str(signals)}), "waiting")
    run_id = _new_run(instance)
    until(lambda: "LOG: waits" in step_events(instance, run_id, "waiting"), "the step's message")
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0, output
    [remote] = remote_runs(workspace, run_id)
    until(lambda: state_of(workspace.jobs.get_run(remote.run_id)) == ("TERMINATED", "CANCELED"), "the cancellation")
    assert len([entry for entry in requests() if entry["path"].endswith("/runs/cancel")]) == 1


def test_a_step_with_a_retry_policy_is_tried_again_when_its_process_was_lost(
    run: Run, wired: Wiring, instance: dg.DagsterInstance, workspace: WorkspaceClient, signals
) -> None:
    (signals / "go").touch()
    result = run("persevering", wired.with_changes(environment={"SIGNALS": str(signals)}))
    assert result.success
    lost, again = remote_runs(workspace, result.run_id)
    assert state_of(lost)[1] != "SUCCESS"
    assert state_of(again) == ("TERMINATED", "SUCCESS")
    told = step_events(instance, result.run_id, "persevering")
    assert told.count("STEP_UP_FOR_RETRY") == 1


def test_a_step_that_was_cancelled_on_purpose_is_not_tried_again(
    worker, wired: Wiring, instance: dg.DagsterInstance, workspace: WorkspaceClient, signals
) -> None:
    started = worker(wired.with_changes(environment={"SIGNALS": str(signals)}), "persevering")
    run_id = _new_run(instance)
    until(lambda: "STEP_START" in step_events(instance, run_id, "persevering"), "the step's start")
    [remote] = remote_runs(workspace, run_id)
    workspace.jobs.cancel_run(remote.run_id)
    started.communicate(timeout=120)
    assert started.returncode != 0
    assert len(remote_runs(workspace, run_id)) == 1
