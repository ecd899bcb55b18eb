"""Jobs: defined once, run on demand, retried, skipped when too many run."""

from __future__ import annotations

from uuid import uuid4

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import ResourceDoesNotExist
from databricks.sdk.service import jobs

from pipelines_tests.local.conftest import put_code, wait_for

SUCCESS = ("TERMINATED", "SUCCESS")


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
