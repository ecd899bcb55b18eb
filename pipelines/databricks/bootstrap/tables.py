"""Making a plan's tables: by a SQL warehouse, or without one by a one-off job."""

from __future__ import annotations

import io
import json
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from pipelines.databricks.bootstrap.identities import Identities
from pipelines.databricks.bootstrap.plan import Plan
from pipelines.databricks.bootstrap.step import BootstrapError

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.jobs import Run

_LONGEST_JOB_S = 30 * 60
_LONGEST_STATEMENT_S = 10 * 60
_ENVIRONMENT = "bootstrap"


def create_tables_by_warehouse(plan: Plan, client: WorkspaceClient, warehouse: str) -> list[str]:
    """Make the tables that do not exist by a SQL warehouse; they belong to whoever's client this is.

    Raises:
        BootstrapError: a statement fails or takes more than ten minutes; names the table.
    """
    from databricks.sdk.service.sql import StatementState

    for table in plan.tables:
        answer = client.statement_execution.execute_statement(table.statement, warehouse, wait_timeout="30s")
        deadline = time.monotonic() + _LONGEST_STATEMENT_S
        while answer.status and answer.status.state in (StatementState.PENDING, StatementState.RUNNING):
            if time.monotonic() > deadline:
                raise BootstrapError(f"Warehouse {warehouse} has not made {table.name} in ten minutes: is it running?")
            time.sleep(2)
            answer = client.statement_execution.get_statement(answer.statement_id or "")
        if answer.status is None or answer.status.state != StatementState.SUCCEEDED:
            error = answer.status.error.message if answer.status and answer.status.error else "no reason given"
            raise BootstrapError(f"{table.name} cannot be made: {error}\n{table.statement}")
    return [f"is there: table {table.name}" for table in plan.tables]


def create_tables_by_job(
    plan: Plan, client: WorkspaceClient, folder: str, run_as: str | None = None, cluster: str | None = None
) -> list[str]:
    """Make the tables that do not exist by a job that runs once: on a cluster, or serverless if none is named.

    `folder` is one of a volume, such as `/Volumes/dev/pipelines/staging/bootstrap`, which the job may read; `run_as`
    is the service principal (display name) that runs it and owns the tables then.

    Raises:
        BootstrapError: the job fails; names its page and says why.
    """
    from databricks.sdk.service.compute import Environment
    from databricks.sdk.service.jobs import JobEnvironment, JobRunAs, RunResultState, SparkPythonTask, SubmitTask

    path = f"{folder}/create_tables_{plan.digest[:16]}.py"
    client.files.create_directory(folder)
    client.files.upload(path, io.BytesIO(_script(plan).encode()), overwrite=True)
    environment = None if cluster else _ENVIRONMENT
    task = SubmitTask(
        task_key="create_tables",
        existing_cluster_id=cluster,
        environment_key=environment,
        spark_python_task=SparkPythonTask(python_file=path),
        timeout_seconds=_LONGEST_JOB_S,
    )
    identity = Identities(client, {}).id_of(run_as) if run_as else None
    waiter = client.jobs.submit(
        run_name=f"create the tables of {plan.workspace}",
        tasks=[task],
        environments=[JobEnvironment(environment, Environment(client="2"))] if environment else None,
        run_as=JobRunAs(service_principal_name=identity) if identity else None,
    )
    try:
        run = _ended(client, waiter.run_id)
    finally:
        client.files.delete(path)
    if run.state is None or run.state.result_state != RunResultState.SUCCESS:
        output = client.jobs.get_run_output(run.tasks[0].run_id or 0) if run.tasks else None
        reason = (output.error if output else None) or (run.state.state_message if run.state else None)
        raise BootstrapError(f"The tables cannot be made: {reason}. The run's page: {run.run_page_url}")
    return [f"is there: table {table.name} (run {run.run_id})" for table in plan.tables]


def _ended(client: WorkspaceClient, run_id: int) -> Run:
    from databricks.sdk.errors import OperationFailed

    try:
        return client.jobs.wait_get_run_job_terminated_or_skipped(run_id, timeout=timedelta(seconds=_LONGEST_JOB_S))
    except OperationFailed:
        return client.jobs.get_run(run_id)


def _script(plan: Plan) -> str:
    statements = json.dumps([table.statement for table in plan.tables], indent=1)
    return (
        "import json\n"
        "from pyspark.sql import SparkSession\n"
        "spark = SparkSession.builder.getOrCreate()\n"
        f"for statement in json.loads({statements!r}):\n"
        "    spark.sql(statement)\n"
    )
