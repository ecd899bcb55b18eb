"""A token that is wrong, expired or of the other workspace: refused, and named."""

from __future__ import annotations

import time

import pytest
from databricks.sdk import WorkspaceClient

from pipelines.local.lifecycle import connection
from pipelines_tests.databricks.fixtures import failure_text, remote_runs
from pipelines_tests.databricks.test_launcher import Run
from pipelines_tests.databricks.wiring import Wiring


@pytest.fixture
def tokens(settings, workspace: WorkspaceClient) -> dict[str, str]:
    expired = workspace.tokens.create(lifetime_seconds=1, comment="expired").token_value
    assert expired is not None
    time.sleep(1.2)
    return {"wrong": "dapi-wrong", "expired": expired, "other": connection(settings, "production").token}


@pytest.mark.parametrize("kind", ["wrong", "expired", "other"])
def test_a_bad_token_is_refused_and_named(
    run: Run, wired: Wiring, workspace: WorkspaceClient, tokens: dict[str, str], kind: str
) -> None:
    result = run("empty", wired.with_changes(token=tokens[kind]), raise_on_error=False)
    assert not result.success
    text = failure_text(result, "empty")
    assert "Databricks target 'development'" in text
    assert wired.host in text
    assert "Check the token" in text
    assert tokens[kind] not in text
    assert remote_runs(workspace, result.run_id) == []
