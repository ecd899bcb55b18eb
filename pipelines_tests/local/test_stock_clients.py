"""Clients of dagster-databricks, as they come: the stock step launcher and Pipes, on the local workspace."""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_databricks import PipesDatabricksClient
from dagster_databricks.pipes import (
    PipesDatabricksServerlessClient,
    PipesDbfsMessageReader,
    PipesUnityCatalogVolumesMessageReader,
)
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import compute, jobs
from databricks.sdk.service.catalog import VolumeType

from pipelines.local.lifecycle import connection
from pipelines.local.settings import LocalSettings
from pipelines_tests.local.conftest import put_code

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # both the launcher and parts of Pipes announce that they may change
]

_STEPS = """
import os

import dagster as dg
from dagster_databricks import databricks_pyspark_step_launcher


@dg.op(required_resource_keys={"launcher"}, out=dg.Out(dg.Nothing))
def count_rows(context):
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.getOrCreate()
    rows = spark.range(7).count()
    print("printed by the step")
    assert os.environ["FROM_SECRET"] == "from the scope"
    yield dg.AssetMaterialization("counted", metadata={"rows": rows, "folder": os.getcwd(), "file": __file__})
    yield dg.Output(None)


@dg.job(resource_defs={"launcher": databricks_pyspark_step_launcher}, executor_def=dg.in_process_executor)
def counting():
    count_rows()
"""


@pytest.fixture
def shipped() -> Iterator[Path]:
    """A package to ship. Not in pytest's folder: the stock launcher leaves out any file with `pytest` in its path."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "code" / "stock_steps"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(_STEPS)
        sys.path.insert(0, str(package.parent))
        yield package.parent
        sys.path.remove(str(package.parent))
        sys.modules.pop("stock_steps", None)


def test_stock_step_launcher_runs_a_step(
    settings: LocalSettings,
    development: WorkspaceClient,
    development_cluster: str,
    shipped: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = connection(settings, "development")
    development.secrets.create_scope("stock")
    development.secrets.put_secret("stock", "key", string_value="from the scope")
    launcher: dict[str, Any] = {
        "run_config": {"cluster": {"existing": development_cluster}, "run_name": "stock launcher"},
        "permissions": {},
        "databricks_host": found.host,
        "databricks_token": found.token,
        "secrets_to_env_variables": [{"name": "FROM_SECRET", "scope": "stock", "key": "key"}],
        "env_variables": {},
        "local_dagster_job_package_path": str(shipped),
        "poll_interval_sec": 0.5,
    }
    job = importlib.import_module("stock_steps").counting
    with (
        dg.DagsterInstance.local_temp(str(tmp_path)) as instance,
        dg.execute_job(
            dg.reconstructable(job), instance=instance, run_config={"resources": {"launcher": {"config": launcher}}}
        ) as result,
    ):
        assert result.success, [event.message for event in result.all_events]
        metadata = result.asset_materializations_for_node("count_rows")[0].metadata
    assert metadata["rows"].value == 7
    assert str(settings.home) in str(metadata["folder"].value)
    assert "printed by the step" in capsys.readouterr().out
    run = next(run for run in development.jobs.list_runs() if run.run_name == "stock launcher")
    assert run.state is not None
    assert run.state.result_state == jobs.RunResultState.SUCCESS


_PIPES_ON_DBFS = """
    import os
    from dagster_pipes import (
        PipesCliArgsParamsLoader, PipesDbfsContextLoader, PipesDbfsMessageWriter, PipesEnvVarParamsLoader,
        open_dagster_pipes,
    )

    loader = PipesEnvVarParamsLoader() if "DAGSTER_PIPES_CONTEXT" in os.environ else PipesCliArgsParamsLoader()
    with open_dagster_pipes(
        context_loader=PipesDbfsContextLoader(), message_writer=PipesDbfsMessageWriter(), params_loader=loader
    ) as pipes:
        print("printed by the task")
        pipes.report_asset_materialization(metadata={"rows": spark.range(5).count(), "who": pipes.get_extra("who")})
"""

_PIPES_ON_VOLUMES = """
    from dagster_pipes import (
        PipesCliArgsParamsLoader, PipesUnityCatalogVolumesContextLoader, PipesUnityCatalogVolumesMessageWriter,
        open_dagster_pipes,
    )

    with open_dagster_pipes(
        context_loader=PipesUnityCatalogVolumesContextLoader(),
        message_writer=PipesUnityCatalogVolumesMessageWriter(),
        params_loader=PipesCliArgsParamsLoader(),
    ) as pipes:
        pipes.report_asset_materialization(metadata={"rows": spark.range(5).count(), "who": pipes.get_extra("who")})
"""


def materialize(client: Any, task: jobs.SubmitTask, submit_args: dict[str, Any] | None = None) -> dict[str, Any]:
    """The metadata of an asset whose computing is the Pipes task."""

    @dg.asset
    def piped(context) -> Any:
        invocation = client.run(context=context, task=task, extras={"who": "pilot"}, submit_args=submit_args)
        return invocation.get_materialize_result()

    result = dg.materialize([piped])
    assert result.success
    metadata = result.asset_materializations_for_node("piped")[0].metadata
    return {name: value.value for name, value in metadata.items()}


@pytest.mark.parametrize("kind", ["existing", "fresh"])
def test_pipes_client(
    development: WorkspaceClient, development_cluster: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    task = jobs.SubmitTask(
        task_key="piped",
        spark_python_task=jobs.SparkPythonTask(python_file=put_code(development, _PIPES_ON_DBFS)),
    )
    if kind == "existing":
        task.existing_cluster_id = development_cluster
    else:
        task.new_cluster = compute.ClusterSpec(
            spark_version="16.4.x-scala2.12",
            num_workers=0,
            cluster_log_conf=compute.ClusterLogConf(dbfs=compute.DbfsStorageInfo(destination="dbfs:/pipes-logs")),
        )
    client = PipesDatabricksClient(
        development,
        poll_interval_seconds=0.2,
        message_reader=PipesDbfsMessageReader(client=development, interval=0.2, include_stdio_in_messages=True)
        if kind == "existing"
        else None,
    )
    metadata = materialize(client, task)
    assert (metadata["rows"], metadata["who"]) == (5, "pilot")
    assert metadata["Databricks Job Run URL"].startswith("http://127.0.0.1")
    assert "printed by the task" in capsys.readouterr().out


def test_serverless_pipes_client(development: WorkspaceClient) -> None:
    development.volumes.create("dev", "default", "pipes", VolumeType.MANAGED)
    volume = "/Volumes/dev/default/pipes"
    task = jobs.SubmitTask(
        task_key="piped",
        environment_key="default",
        spark_python_task=jobs.SparkPythonTask(python_file=put_code(development, _PIPES_ON_VOLUMES)),
    )
    client = PipesDatabricksServerlessClient(
        development,
        volume_path=volume,
        poll_interval_seconds=0.2,
        message_reader=PipesUnityCatalogVolumesMessageReader(client=development, volume_path=volume, interval=0.2),
    )
    environments = [jobs.JobEnvironment(environment_key="default", spec=compute.Environment(client="3"))]
    metadata = materialize(client, task, {"environments": environments})
    assert (metadata["rows"], metadata["who"]) == (5, "pilot")
    assert [entry.name for entry in development.files.list_directory_contents(f"{volume}/tmp")] == []


def test_failing_pipes_task_fails_the_asset(development: WorkspaceClient, development_cluster: str) -> None:
    code = put_code(development, "raise ValueError('no fuel')")
    task = jobs.SubmitTask(
        task_key="piped",
        existing_cluster_id=development_cluster,
        spark_python_task=jobs.SparkPythonTask(python_file=code),
    )
    with pytest.raises(Exception, match="no fuel"):
        materialize(PipesDatabricksClient(development, poll_interval_seconds=0.2), task)
