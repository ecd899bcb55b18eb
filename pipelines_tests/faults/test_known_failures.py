"""A step that is known to have failed is submitted anew when it is tried again."""

from __future__ import annotations

import dagster as dg
import pytest
from databricks.sdk import WorkspaceClient

from pipelines_tests.databricks.fixtures import failure_text, remote_runs, state_of
from pipelines_tests.databricks.test_launcher import Run, messages
from pipelines_tests.databricks.wiring import Wiring


def test_a_retry_after_a_known_failure_is_a_new_run(run: Run, workspace: WorkspaceClient) -> None:
    first = run("failing", raise_on_error=False)
    second = run("failing", raise_on_error=False, reexecution_options=dg.ReexecutionOptions(parent_run_id=first.run_id))
    assert not first.success
    assert not second.success
    [failed], [again] = remote_runs(workspace, first.run_id), remote_runs(workspace, second.run_id)
    assert failed.run_id != again.run_id
    assert state_of(failed) == state_of(again) == ("TERMINATED", "FAILED")


def test_a_retry_that_the_step_asks_for_is_a_new_run(run: Run, workspace: WorkspaceClient) -> None:
    result = run("asking")
    assert result.success, messages(result)
    remote = remote_runs(workspace, result.run_id)
    assert [state_of(found) for found in remote] == [("TERMINATED", "FAILED"), ("TERMINATED", "SUCCESS")]


@pytest.mark.parametrize("job", ["killed", "exhausted"])
def test_a_lost_driver_is_a_clear_failure_with_its_log(run: Run, job: str) -> None:
    result = run(job, raise_on_error=False)
    assert not result.success
    text = failure_text(result, job)
    assert "about to be lost" in text
    assert "http://127.0.0.1" in text
    assert {"killed": "ended by signal 9", "exhausted": "MemoryError"}[job] in text


def test_a_module_that_cannot_be_imported_there_is_named(run: Run, wired: Wiring, workspace: WorkspaceClient) -> None:
    result = run("empty", wired.with_changes(environment={"BREAK_IMPORT": "1"}), raise_on_error=False)
    assert not result.success
    assert "no_such_module" in failure_text(result, "empty")
