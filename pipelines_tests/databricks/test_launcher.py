"""Steps that run on the local workspace, through real HTTP and in real task processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dagster as dg

from pipelines_tests.databricks.fixtures import failure_text

Run = Callable[..., dg.JobExecutionResult]


def messages(result: dg.JobExecutionResult) -> list[str]:
    return [event.message or "" for event in result.all_events]


def metadata_of(result: dg.JobExecutionResult, name: str) -> dict[str, Any]:
    found = result.asset_materializations_for_node(name)[0].metadata
    return {key: value.value for key, value in found.items()}


def test_a_step_runs_remotely_with_the_committed_code(run: Run) -> None:
    result = run("empty")
    assert result.success, messages(result)
    metadata = metadata_of(result, "empty")
    assert (metadata["what"], metadata["remote"]) == ("committed", True)
    assert metadata["databricks_run"].startswith("http://127.0.0.1")
    assert len(metadata["code_digest"]) == 64


def test_messages_and_output_arrive_in_order_and_once(run: Run, instance: dg.DagsterInstance) -> None:
    result = run("telling")
    assert result.success, messages(result)
    told = [entry.user_message for entry in instance.all_logs(result.run_id) if "message " in entry.user_message]
    assert told == [f"message {number}" for number in range(5)]


def test_a_failing_step_fails_with_its_own_error_and_the_way_to_the_log(run: Run) -> None:
    result = run("failing", raise_on_error=False)
    assert not result.success
    text = failure_text(result, "failing")
    assert "no fuel" in text
    assert "about to fail" in text
    assert "http://127.0.0.1" in text
