"""Steps that run on the local workspace, through real HTTP and in real task processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
from databricks.sdk import WorkspaceClient

from pipelines_tests.databricks.fixtures import failure_text, remote_runs
from pipelines_tests.databricks.wiring import Wiring

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


def test_asset_checks_run_remotely(run: Run, instance: dg.DagsterInstance) -> None:
    result = run("checked")
    assert result.success, messages(result)
    found = {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}
    assert (found["full"].passed, found["fresh"].passed) == (True, False)
    assert found["full"].metadata["rows"].value == 3
    assert {"code_digest", "commit", "databricks_run"} <= set(found["fresh"].metadata)


def test_a_dynamic_partition_is_known_remotely(run: Run, instance: dg.DagsterInstance) -> None:
    instance.add_dynamic_partitions("releases", ["abc123"])
    result = run("released", tags={"dagster/partition": "abc123"})
    assert result.success, messages(result)
    assert metadata_of(result, "released")["partition"] == "abc123"
    assert instance.get_materialized_partitions(dg.AssetKey("released")) == {"abc123"}


def test_a_partitioned_multi_asset_with_a_check_and_its_tags(
    run: Run, instance: dg.DagsterInstance, workspace: WorkspaceClient
) -> None:
    result = run("daily", tags={"dagster/partition": "2025-02-03", "pipelines/release": "r42"})
    assert result.success, messages(result)
    found = result.asset_materializations_for_node("daily")
    assert [event.asset_key.path for event in found] == [["daily_a"], ["daily_b"]]
    assert {event.partition for event in found} == {"2025-02-03"}
    [evaluation] = result.get_asset_check_evaluations()
    assert evaluation.metadata["day"].value == "2025-02-03"
    [remote] = remote_runs(workspace, result.run_id)
    assert remote.run_name == "daily daily (environment=development, model=the_model, customer=acme, release=r42)"
    described = remote.tasks[0].description
    assert "cost_center: tests" in described
    assert "dagster_step: daily" in described


def test_a_step_that_takes_longer_than_its_limit_is_ended_and_says_so(run: Run, wired: Wiring, tmp_path: Path) -> None:
    wires = wired.with_changes(environment={"SIGNALS": str(tmp_path)})  # which never come
    began = time.monotonic()
    result = run("waiting", wires, raise_on_error=False, tags={"pipelines/time_limit_minutes": "0.05"})
    assert time.monotonic() - began < 60
    assert not result.success
    text = failure_text(result, "waiting")
    assert "TIMEDOUT" in text
    assert "Run timed out after 3 seconds." in text
