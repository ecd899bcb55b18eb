"""Jobs: defined once, run on demand, retried, skipped when too many run."""

from __future__ import annotations

from uuid import uuid4

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import ResourceDoesNotExist
from databricks.sdk.service import jobs

from pipelines_tests.local.conftest import put_code, wait_for

SUCCESS = ("TERMINATED", "SUCCESS")


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


def test_page_of_a_run(development: WorkspaceClient, development_cluster: str) -> None:
    done = run_code(development, "print('<written>')", development_cluster)
    with urllib.request.urlopen(done.run.run_page_url or "") as page:
        text = page.read().decode()
    assert "TERMINATED SUCCESS" in text
    assert "&lt;written&gt;" in text
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


def test_task_may_bring_its_own_engine(development: WorkspaceClient) -> None:
    cluster = compute.ClusterSpec(
        spark_version="16.4.x-scala2.12", num_workers=0, spark_conf={"databricks.local.engine": "none"}
    )
    code = """
        import builtins, os, sys
        print("SPARK_REMOTE" in os.environ, hasattr(builtins, "spark"), "pyspark" in sys.modules)
    """
    done = run_code(development, code, None, new_cluster=cluster)
    assert (done.state, done.logs.strip()) == (SUCCESS, "False False False")


def test_job_is_run_retried_and_skipped(development: WorkspaceClient, development_cluster: str) -> None:
    flaky = """
        import sys
        from pathlib import Path
        marker = Path("/dbfs/flaky") / sys.argv[1]
        marker.parent.mkdir(exist_ok=True)
        marker.write_text((marker.read_text() if marker.exists() else "") + "x")
        sys.exit(0 if len(marker.read_text()) >= 3 else 1)
    """
    task = jobs.Task(
        task_key="flaky",
        existing_cluster_id=development_cluster,
        spark_python_task=jobs.SparkPythonTask(
            python_file=put_code(development, flaky), parameters=["{{job.parameters.who}}"]
        ),
        max_retries=2,
    )
    parameters = [jobs.JobParameterDefinition(name="who", default="nobody")]
    job_id = development.jobs.create(name="flaky job", tasks=[task], parameters=parameters).job_id or 0
    assert [job.job_id for job in development.jobs.list(name="flaky job")] == [job_id]
    first = development.jobs.run_now(job_id, job_parameters={"who": uuid4().hex}, idempotency_token="one")
    same = development.jobs.run_now(job_id, idempotency_token="one")
    assert same.response.run_id == first.response.run_id
    skipped = development.jobs.run_now(job_id)
    assert wait_for(development, skipped.response.run_id).state == ("SKIPPED", "MAXIMUM_CONCURRENT_RUNS_REACHED")
    done = wait_for(development, first.response.run_id)
    assert done.state == SUCCESS
    assert done.run.tasks is not None
    assert done.run.tasks[0].attempt_number == 2
    development.jobs.update(job_id, new_settings=jobs.JobSettings(name="renamed"))
    assert development.jobs.get(job_id).settings is not None
    assert [job.job_id for job in development.jobs.list(name="renamed")] == [job_id]
    development.jobs.delete(job_id)
    with pytest.raises(ResourceDoesNotExist):
        development.jobs.get(job_id)
