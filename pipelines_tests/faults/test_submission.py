"""A submission whose answer is lost is one run."""

from __future__ import annotations

import pytest
from databricks.sdk import WorkspaceClient

from pipelines_tests.databricks.fixtures import remote_runs
from pipelines_tests.databricks.test_launcher import Run, messages

SUBMIT = r"/api/2\.\d/jobs/runs/submit"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_to_submit_is_one_run(run: Run, workspace: WorkspaceClient, fault, when: str) -> None:
    fault(path=SUBMIT, action="drop", when=when)
    result = run("empty")
    assert result.success, messages(result)
    assert len(remote_runs(workspace, result.run_id)) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_service_that_fails_after_accepting_is_one_run(
    run: Run, workspace: WorkspaceClient, fault, status: int
) -> None:
    fault(path=SUBMIT, action="respond", status=status, when="after", body='{"message": "upstream broke"}')
    result = run("empty")
    assert result.success, messages(result)
    assert len(remote_runs(workspace, result.run_id)) == 1
