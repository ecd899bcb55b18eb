"""429 and 503, with and without a word on how long to wait: waited for, never a reason to cancel."""

from __future__ import annotations

import re
import time
from email.utils import formatdate

import dagster as dg
import pytest
from databricks.sdk import WorkspaceClient

from pipelines.databricks.session import Session
from pipelines_tests.databricks.fixtures import failure_text, remote_runs, state_of, step_events, until
from pipelines_tests.databricks.test_launcher import Run, messages
from pipelines_tests.databricks.wiring import Wiring
from pipelines_tests.faults.test_submission import SUBMIT

GET = r"/api/2\.\d/jobs/runs/get"
CANCEL = r"/api/2\.\d/jobs/runs/cancel"


@pytest.mark.slow
@pytest.mark.parametrize("path", [SUBMIT, GET], ids=["submit", "get"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("header", ["seconds", "date", "none"])
def test_refusals_are_waited_for(
    run: Run, workspace: WorkspaceClient, fault, requests, path: str, header: str, when: str
) -> None:
    until_then = time.time() + 6
    headers = {"seconds": {"Retry-After": "2"}, "date": {"Retry-After": formatdate(until_then, usegmt=True)}}
    fault(path=path, action="respond", when=when, status=429, headers=headers.get(header, {}))
    result = run("empty")
    assert result.success, messages(result)
    assert len(remote_runs(workspace, result.run_id)) == 1
    entries = [entry for entry in requests() if re.fullmatch(path, entry["path"])]
    # A request that a fault answers in the handler's place is not counted, so the one after it is what there is.
    repeated = entries[0 if when == "before" else 1]["at"]
    if header == "date":
        assert repeated >= int(until_then)
    if when == "after":
        assert repeated - entries[0]["at"] >= {"seconds": 2, "date": 0, "none": 1}[header]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_burst_of_503_while_polling_does_not_cancel_the_run(
    run: Run, workspace: WorkspaceClient, fault, requests, when: str
) -> None:
    fault(path=GET, action="respond", when=when, status=503, times=3, skip=1)
    result = run("telling")
    assert result.success, messages(result)
    [remote] = remote_runs(workspace, result.run_id)
    assert state_of(remote) == ("TERMINATED", "SUCCESS")
    assert not [entry for entry in requests() if re.fullmatch(CANCEL, entry["path"])]


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_beyond_the_budget_the_step_fails_and_a_retry_finds_its_run(
    run: Run,
    instance: dg.DagsterInstance,
    workspace: WorkspaceClient,
    wired: Wiring,
    settings,
    fault,
    signals,
    requests,
    when: str,
) -> None:
    hasty = wired.with_changes(budget_s=1.0, reattachments=0, environment={"SIGNALS": str(signals)})
    fault(path=GET, action="respond", when=when, status=503, times=-1, skip=2)
    first = run("waiting", hasty, raise_on_error=False)
    assert not first.success
    assert "did not let us ask for the state of run" in failure_text(first, "waiting")
    [remote] = remote_runs(workspace, first.run_id)
    assert state_of(remote)[0] == "RUNNING"

    from pipelines_tests.local.conftest import call_local

    call_local(settings, "development", "DELETE", "/local/faults")
    (signals / "go").touch()
    second = run("waiting", reexecution_options=dg.ReexecutionOptions(parent_run_id=first.run_id))
    assert second.success, messages(second)
    assert remote_runs(workspace, second.run_id) == []
    assert len([entry for entry in requests() if re.fullmatch(SUBMIT, entry["path"])]) == 1
    told = step_events(instance, second.run_id, "waiting")
    assert [event for event in told if event.startswith("LOG")] == ["LOG: waits"]
    assert (told.count("STEP_START"), told.count("STEP_SUCCESS")) == (1, 1)


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_within_a_run_the_step_is_put_off_and_continued(
    run: Run, instance: dg.DagsterInstance, workspace: WorkspaceClient, wired: Wiring, fault, monkeypatch, when: str
) -> None:
    opened: list[Session] = []
    real = Session.open
    monkeypatch.setattr(Session, "open", lambda *arguments: opened.append(real(*arguments)) or opened[-1])
    slow = {"MESSAGES": "8", "PAUSE_S": "0.4"}
    fault(path=GET, action="respond", when=when, status=503, times=3, skip=2)
    result = run("telling", wired.with_changes(budget_s=1.0, environment=slow))
    assert result.success, messages(result)
    assert len(remote_runs(workspace, result.run_id)) == 1
    told = step_events(instance, result.run_id, "telling")
    assert "STEP_UP_FOR_RETRY" in told
    assert [event for event in told if event.startswith("LOG")] == [f"LOG: message {number}" for number in range(8)]
    assert (told.count("STEP_START"), told.count("STEP_SUCCESS")) == (1, 1)
    until(lambda: instance.get_run_by_id(result.run_id), "the run's record")
    assert len(opened) == 1 + told.count("STEP_UP_FOR_RETRY"), "connected anew, for what was away may be elsewhere"
