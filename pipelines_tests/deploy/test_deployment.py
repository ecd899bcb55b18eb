"""Runs through the deployed configuration: queued, monitored, kept in Postgres, their logs in S3."""

from __future__ import annotations

import time
from typing import Any

import pytest

from pipelines_tests.deploy.conftest import BUCKET, Deployment

pytestmark = pytest.mark.slow

_LAUNCH = """
mutation Launch($job: String!, $tags: [ExecutionTag!]) {
  launchRun(executionParams: {
    selector: {repositoryLocationName: "thin", repositoryName: "__repository__", jobName: $job},
    runConfigData: {}, executionMetadata: {tags: $tags}
  }) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}
"""
_RUN = """
query Run($id: ID!) { runOrError(runId: $id) { ... on Run {
  status startTime endTime
} } }
"""
_RUNS = 'query Runs($id: String!) { runsOrError(filter: {tags: [{key: "dagster/parent_run_id", value: $id}]}) { \
... on Runs { results { runId status } } } }'


def launch(deployment: Deployment, job: str, **tags: str) -> str:
    named = [{"key": key, "value": value} for key, value in tags.items()]
    answer = deployment.ask(_LAUNCH, job=job, tags=named)["launchRun"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return answer["run"]["runId"]


def ended(deployment: Deployment, run_id: str, limit_s: float = 150) -> dict[str, Any]:
    deadline = time.monotonic() + limit_s
    run: dict[str, Any] = {}
    while time.monotonic() < deadline:
        run = deployment.ask(_RUN, id=run_id)["runOrError"]
        if run["status"] in ("SUCCESS", "FAILURE", "CANCELED"):
            return run
        time.sleep(0.5)
    raise AssertionError(f"run {run_id} did not end: {run}")


def test_run_goes_through_the_queue_and_is_kept_in_postgres(deployment: Deployment) -> None:
    run_id = launch(deployment, "thin")
    run = ended(deployment, run_id)
    assert run["status"] == "SUCCESS"
    assert deployment.rows(f"SELECT status FROM runs WHERE run_id = '{run_id}'") == [("SUCCESS",)]
    events = deployment.rows(f"SELECT dagster_event_type FROM event_logs WHERE run_id = '{run_id}' ORDER BY id")
    wanted = ("PIPELINE_ENQUEUED", "PIPELINE_STARTING", "PIPELINE_START", "ASSET_MATERIALIZATION", "PIPELINE_SUCCESS")
    assert tuple(kind for [kind] in events if kind in wanted) == wanted
    assert deployment.rows("SELECT asset_key FROM asset_keys") == [('["thin", "table"]',)]


def test_what_a_step_prints_is_in_s3_and_shown(deployment: Deployment) -> None:
    import boto3

    run_id = launch(deployment, "thin")
    assert ended(deployment, run_id)["status"] == "SUCCESS"
    credentials = {"aws_access_key_id": "loopback", "aws_secret_access_key": "loopback"}
    client = boto3.client("s3", endpoint_url=deployment.s3, **credentials)
    listed = client.list_objects_v2(Bucket=BUCKET, Prefix=f"production/storage/{run_id}/").get("Contents", [])
    output = next(entry["Key"] for entry in listed if entry["Key"].endswith(".out"))
    text = client.get_object(Bucket=BUCKET, Key=output)["Body"].read().decode()
    assert f"computed in run {run_id}" in text
    key = [run_id, "compute_logs", output.rpartition("/")[2].removesuffix(".out")]
    shown = deployment.ask("query L($key: [String!]!) { capturedLogs(logKey: $key) { stdout } }", key=key)
    assert shown["capturedLogs"]["stdout"] == text


@pytest.mark.parametrize(
    ("job", "tags"),
    [("slow", {}), ("thin", {"dagster/partition": "2026-03-04"})],
    ids=["one run in a pool", "one run of a partition"],
)
def test_runs_that_must_not_meet_wait_for_each_other(deployment: Deployment, job: str, tags: dict[str, str]) -> None:
    # A pool gets its default limit in the daemon's round that first meets it, and keeps to it from the next one on.
    ended(deployment, launch(deployment, job))
    runs = [ended(deployment, run_id) for run_id in [launch(deployment, job, **tags) for _ in range(2)]]
    assert [run["status"] for run in runs] == ["SUCCESS", "SUCCESS"]
    first, second = sorted(runs, key=lambda run: run["startTime"])
    assert first["endTime"] <= second["startTime"]


def test_run_whose_process_is_killed_is_tried_again(deployment: Deployment) -> None:
    run_id = launch(deployment, "dying")
    assert ended(deployment, run_id)["status"] == "FAILURE"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        retried = deployment.ask(_RUNS, id=run_id)["runsOrError"]["results"]
        if [run["status"] for run in retried] == ["SUCCESS"]:
            return
        time.sleep(1)
    raise AssertionError(f"not tried again: {retried}")
