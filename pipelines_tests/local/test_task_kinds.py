"""Kinds of tasks and of compute: wheels, libraries, serverless, notebooks."""

from __future__ import annotations

import io
import zipfile

from databricks.sdk import WorkspaceClient
from databricks.sdk.service import compute, jobs

from pipelines_tests.local.conftest import put_code, run_code, wait_for

SUCCESS = ("TERMINATED", "SUCCESS")


def test_shipped_wheel_comes_first(development: WorkspaceClient, development_cluster: str) -> None:
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("pipelines/__init__.py", "origin = 'shipped'\n\ndef main():\n    print('entry', origin)\n")
        archive.writestr("pipelines-9.9.dist-info/METADATA", "Metadata-Version: 2.1\nName: pipelines\nVersion: 9.9\n")
        archive.writestr("pipelines-9.9.dist-info/entry_points.txt", "[console_scripts]\nrun = pipelines:main\n")
    development.dbfs.upload("/wheels/pipelines-9.9-py3-none-any.whl", io.BytesIO(wheel.getvalue()), overwrite=True)
    libraries = [compute.Library(whl="dbfs:/wheels/pipelines-9.9-py3-none-any.whl")]
    done = run_code(development, "import pipelines; print(pipelines.origin)", development_cluster, libraries=libraries)
    assert (done.state, done.logs.strip()) == (SUCCESS, "shipped")
    task = jobs.SubmitTask(
        task_key="only",
        existing_cluster_id=development_cluster,
        libraries=libraries,
        python_wheel_task=jobs.PythonWheelTask(package_name="pipelines", entry_point="run"),
    )
    done = wait_for(development, development.jobs.submit(tasks=[task]).response.run_id)
    assert (done.state, done.logs.strip()) == (SUCCESS, "entry shipped")


def test_library_that_is_not_installed_is_named(development: WorkspaceClient, development_cluster: str) -> None:
    library = compute.Library(pypi=compute.PythonPyPiLibrary(package="numpy==0.0.1"))
    done = run_code(development, "print(1)", development_cluster, libraries=[library])
    assert done.state == ("INTERNAL_ERROR", "FAILED")
    assert "numpy is installed as" in (done.error or "")


def test_serverless_task(development: WorkspaceClient) -> None:
    task = jobs.SubmitTask(
        task_key="only",
        environment_key="default",
        spark_python_task=jobs.SparkPythonTask(python_file=put_code(development, "print(spark.range(3).count())")),
    )
    environment = jobs.JobEnvironment(environment_key="default", spec=compute.Environment(client="3"))
    waiter = development.jobs.submit(tasks=[task], environments=[environment])
    done = wait_for(development, waiter.response.run_id)
    assert (done.state, done.logs.strip()) == (SUCCESS, "3")


def test_notebook_returns_its_result(development: WorkspaceClient, development_cluster: str) -> None:
    source = (
        "x = dbutils.widgets.get('who')\n\n# COMMAND ----------\n\n# MAGIC %md words\n"
        "dbutils.notebook.exit(x.upper())\n"
    )
    development.workspace.upload("/Shared/greeting.py", io.BytesIO(b"# Databricks notebook source\n" + source.encode()))
    task = jobs.SubmitTask(
        task_key="only",
        existing_cluster_id=development_cluster,
        notebook_task=jobs.NotebookTask(notebook_path="/Shared/greeting", base_parameters={"who": "pilot"}),
    )
    done = wait_for(development, development.jobs.submit(tasks=[task]).response.run_id)
    assert done.state == SUCCESS, done.logs
    assert done.run.tasks is not None
    output = development.jobs.get_run_output(done.run.tasks[0].run_id or 0).notebook_output
    assert output is not None
    assert output.result == "PILOT"
