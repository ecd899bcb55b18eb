"""Runs: once per token, through their states in order, cancelled, timed out, retried, in the order of their tasks."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from typing import Any
from uuid import uuid4

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound, ResourceDoesNotExist
from databricks.sdk.service import compute, jobs

from pipelines_tests.local.conftest import put_code, run_code, wait_for

SUCCESS = ("TERMINATED", "SUCCESS")


def python_task(key: str, file: str, cluster_id: str, **more: Any) -> jobs.SubmitTask:
    return jobs.SubmitTask(
        task_key=key,
        existing_cluster_id=cluster_id,
        spark_python_task=jobs.SparkPythonTask(python_file=file),
        **more,
    )


def states_of(run: jobs.Run) -> dict[str, tuple[str, str | None]]:
    found = {}
    for task in run.tasks or []:
        assert task.state is not None
        assert task.state.life_cycle_state is not None
        result = task.state.result_state
        found[task.task_key or ""] = (task.state.life_cycle_state.value, result.value if result else None)
    return found


def test_same_token_is_the_same_run(development: WorkspaceClient, development_cluster: str) -> None:
    file, token = put_code(development, "print(1)"), uuid4().hex
    submitted = [
        development.jobs.submit(tasks=[python_task("a", file, development_cluster)], idempotency_token=token)
        for _ in range(3)
    ]
    assert len({waiter.response.run_id for waiter in submitted}) == 1
    other = development.jobs.submit(tasks=[python_task("a", file, development_cluster)], idempotency_token=uuid4().hex)
    assert other.response.run_id != submitted[0].response.run_id
    wait_for(development, other.response.run_id)
    again = development.jobs.submit(tasks=[python_task("a", file, development_cluster)], idempotency_token=token)
    assert again.response.run_id == submitted[0].response.run_id
    with pytest.raises(BadRequest, match="at most 64"):
        development.jobs.submit(tasks=[python_task("a", file, development_cluster)], idempotency_token="x" * 65)


def test_states_come_in_order(development: WorkspaceClient, development_cluster: str) -> None:
    file = put_code(development, "import time; time.sleep(0.5)")
    run_id = development.jobs.submit(tasks=[python_task("a", file, development_cluster)]).response.run_id
    seen: list[str] = []
    while not seen or seen[-1] != "TERMINATED":
        state = development.jobs.get_run(run_id).state
        assert state is not None
        assert state.life_cycle_state is not None
        if not seen or seen[-1] != state.life_cycle_state.value:
            seen.append(state.life_cycle_state.value)
        time.sleep(0.01)
    order = ["PENDING", "RUNNING", "TERMINATING", "TERMINATED"]
    assert [state for state in order if state in seen] == seen
    assert seen[-3:] == ["RUNNING", "TERMINATED"] or "RUNNING" in seen
    run = development.jobs.get_run(run_id)
    assert run.status is not None
    assert run.status.termination_details is not None
    assert run.status.termination_details.code == jobs.TerminationCodeCode.SUCCESS
    assert (run.start_time or 0) <= (run.end_time or 0)
    assert (run.execution_duration or 0) >= 500


def test_cancelled_run_ends_its_processes(development: WorkspaceClient, development_cluster: str) -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    waiter = development.jobs.submit(tasks=[python_task("a", put_code(development, code), development_cluster)])
    run_id = waiter.response.run_id
    while (
        (state := development.jobs.get_run(run_id).state) is None
        or state.life_cycle_state is None
        or (state.life_cycle_state.value == "PENDING")
    ):
        time.sleep(0.05)
    began = time.monotonic()
    development.jobs.cancel_run(run_id)
    done = wait_for(development, run_id)
    assert done.state == ("TERMINATED", "CANCELED")
    assert time.monotonic() - began < 20
    development.jobs.cancel_run(run_id)
    assert wait_for(development, run_id).state == ("TERMINATED", "CANCELED")


def test_run_beyond_its_time_limit(development: WorkspaceClient, development_cluster: str) -> None:
    file = put_code(development, "import time; time.sleep(600)")
    waiter = development.jobs.submit(tasks=[python_task("a", file, development_cluster)], timeout_seconds=1)
    assert wait_for(development, waiter.response.run_id).state == ("TERMINATED", "TIMEDOUT")
    waiter = development.jobs.submit(tasks=[python_task("a", file, development_cluster, timeout_seconds=1)])
    done = wait_for(development, waiter.response.run_id)
    assert done.state == ("TERMINATED", "TIMEDOUT")
    assert states_of(done.run) == {"a": ("TERMINATED", "TIMEDOUT")}


def test_tasks_run_in_order_and_failures_spread(development: WorkspaceClient, development_cluster: str) -> None:
    def depends(*keys: str) -> list[jobs.TaskDependency]:
        return [jobs.TaskDependency(task_key=key) for key in keys]

    good, bad = put_code(development, "print(1)"), put_code(development, "raise SystemExit(1)")
    tasks = [
        python_task("after_good", good, development_cluster, depends_on=depends("good")),
        python_task("good", good, development_cluster),
        python_task("bad", bad, development_cluster),
        python_task("after_bad", good, development_cluster, depends_on=depends("bad")),
        python_task("cleanup", good, development_cluster, depends_on=depends("bad"), run_if=jobs.RunIf.ALL_DONE),
    ]
    waiter = development.jobs.submit(tasks=tasks)
    with pytest.raises(BadRequest, match="multiple tasks"):
        development.jobs.get_run_output(waiter.response.run_id)
    done = wait_for(development, waiter.response.run_id)
    assert done.state == ("TERMINATED", "FAILED")
    assert states_of(done.run) == {
        "after_good": SUCCESS,
        "good": SUCCESS,
        "bad": ("TERMINATED", "FAILED"),
        "after_bad": ("TERMINATED", "UPSTREAM_FAILED"),
        "cleanup": SUCCESS,
    }
    times = {task.task_key: task for task in done.run.tasks or []}
    assert (times["good"].end_time or 0) <= (times["after_good"].end_time or 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task_key": "bad key!"}, "not valid"),
        ({"existing_cluster_id": "0000-000000-nothing"}, "does not exist"),
        ({"depends_on": [{"task_key": "nobody"}]}, "unknown task"),
        ({"depends_on": [{"task_key": "a"}]}, "circle"),
        ({"spark_python_task": None}, "Exactly one task type"),
        ({"spark_python_task": None, "spark_jar_task": {"main_class_name": "x"}}, "no Java"),
        ({"new_cluster": {"spark_version": "x"}}, "Only one of"),
        ({"environment_key": "none"}, "not defined"),
    ],
)
def test_bad_requests_are_refused(
    development: WorkspaceClient, development_cluster: str, change: dict[str, Any], message: str
) -> None:
    task = python_task("a", "dbfs:/x.py", development_cluster).as_dict() | change
    task = {name: value for name, value in task.items() if value is not None}
    with pytest.raises(InvalidParameterValue, match=message):
        development.api_client.do("POST", "/api/2.2/jobs/runs/submit", body={"tasks": [task]})


def test_repair_is_refused_in_words(development: WorkspaceClient, development_cluster: str) -> None:
    done = run_code(development, "raise SystemExit(1)", development_cluster)
    with pytest.raises(BadRequest, match=r"does not repair runs\. Submit it again"):
        development.jobs.repair_run(done.run.run_id or 0, rerun_all_failed_tasks=True)


def test_unknown_run_is_missing(development: WorkspaceClient) -> None:
    with pytest.raises(ResourceDoesNotExist):
        development.jobs.get_run(12345)


def test_runs_are_listed_and_deleted(development: WorkspaceClient, development_cluster: str) -> None:
    done = run_code(development, "print(1)", development_cluster)
    run_id = done.run.run_id or 0
    assert run_id in {run.run_id for run in development.jobs.list_runs(completed_only=True, limit=2)}
    assert run_id not in {run.run_id for run in development.jobs.list_runs(active_only=True)}
    development.jobs.delete_run(run_id)
    with pytest.raises((NotFound, ResourceDoesNotExist)):
        development.jobs.get_run(run_id)


def test_page_of_a_run(development: WorkspaceClient) -> None:
    cluster = compute.ClusterSpec(
        spark_version="16.4.x-scala2.12", num_workers=0, custom_tags={"model": "upset_detector", "customer": "a<b"}
    )
    done = run_code(development, "print('<written>')", None, new_cluster=cluster)
    with urllib.request.urlopen(done.run.run_page_url or "") as page:
        text = page.read().decode()
    assert "TERMINATED SUCCESS" in text
    assert "&lt;written&gt;" in text
    assert "&quot;model&quot;: &quot;upset_detector&quot;" in text
    assert "a&lt;b" in text
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen((done.run.run_page_url or "").partition("key=")[0] + "key=guessed")


def test_fresh_cluster_delivers_its_logs_and_ends(development: WorkspaceClient) -> None:
    cluster = compute.ClusterSpec(
        spark_version="16.4.x-scala2.12",
        num_workers=0,
        custom_tags={"cost_center": "training"},
        cluster_log_conf=compute.ClusterLogConf(dbfs=compute.DbfsStorageInfo(destination="dbfs:/cluster-logs")),
    )
    done = run_code(development, "print('delivered')", None, new_cluster=cluster)
    assert done.state == SUCCESS
    assert done.run.tasks is not None
    assert done.run.tasks[0].cluster_instance is not None
    cluster_id = done.run.tasks[0].cluster_instance.cluster_id or ""
    log = development.dbfs.download(f"/cluster-logs/{cluster_id}/driver/stdout").read()
    assert log == b"delivered\n"
    found = development.clusters.get(cluster_id)
    assert found.state == compute.State.TERMINATED
    assert found.custom_tags == {"cost_center": "training"}


def test_cluster_that_is_stopped_loses_its_tasks_and_starts_again(development: WorkspaceClient) -> None:
    from pipelines_tests.local.warm_clusters import started_cluster

    cluster_id = started_cluster(development)
    code = put_code(development, "import time; time.sleep(600)")
    waiter = development.jobs.submit(tasks=[python_task("a", code, cluster_id)])
    while states_of(development.jobs.get_run(waiter.response.run_id))["a"][0] != "RUNNING":
        time.sleep(0.05)
    development.clusters.delete(cluster_id)
    done = wait_for(development, waiter.response.run_id)
    assert done.state == ("INTERNAL_ERROR", "FAILED")
    assert "driver" in (done.error or "")
    assert run_code(development, "print(1)", cluster_id).state == SUCCESS
    development.clusters.permanent_delete(cluster_id)
    with pytest.raises(ResourceDoesNotExist):
        development.clusters.get(cluster_id)
