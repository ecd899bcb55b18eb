"""Two local workspaces, started once for all tests of this folder, and clients of them."""

from __future__ import annotations

import base64
import json
import textwrap
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sdk.service import jobs

from pipelines.local.lifecycle import connection, down
from pipelines.local.settings import LocalSettings, admin_name
from pipelines_tests.local.warm_clusters import started_cluster

PROJECT = Path(__file__).resolve().parents[2]
FINAL = ("TERMINATED", "INTERNAL_ERROR", "SKIPPED")
# Enough for a task to start in a moment, without the minute that all of a cluster's imports take on a busy machine.
PRELOADED = (
    "pyspark.sql.connect.session",
    "pyspark.sql.connect.functions",
    "grpc",
    "pandas",
    "pyarrow",
    "pysail.spark",
)


def client(settings: LocalSettings, workspace: str, principal: str | None = None) -> WorkspaceClient:
    """The SDK's own client, as the principal; it gives up after few seconds where the SDK would retry for minutes."""
    found = connection(settings, workspace, principal)
    return client_with(found.host, found.token)


def client_with(host: str, token: str) -> WorkspaceClient:
    """The SDK's own client with that token."""
    return WorkspaceClient(config=Config(host=host, token=token, retry_timeout_seconds=10))


@dataclass(frozen=True)
class Finished:
    """A run that has ended: how, and what it left."""

    run: jobs.Run
    logs: str
    error: str | None

    @property
    def state(self) -> tuple[str, str | None]:
        """Life-cycle state and result state."""
        state = self.run.state
        assert state is not None
        assert state.life_cycle_state is not None
        return state.life_cycle_state.value, state.result_state.value if state.result_state else None


def put_code(workspace: WorkspaceClient, code: str) -> str:
    """Put a Python file on DBFS; its address."""
    path = f"/code/{uuid4().hex}.py"
    text = textwrap.dedent(code)
    workspace.dbfs.put(path, contents=base64.b64encode(text.encode()).decode())
    return f"dbfs:{path}"


def wait_for(workspace: WorkspaceClient, run_id: int, limit_s: float = 120) -> Finished:
    """Wait until the run has ended."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        run = workspace.jobs.get_run(run_id)
        assert run.state is not None
        assert run.state.life_cycle_state is not None
        if run.state.life_cycle_state.value in FINAL:
            assert run.tasks is not None
            output = workspace.jobs.get_run_output(run.tasks[0].run_id or 0)
            return Finished(run, output.logs or "", output.error)
        time.sleep(0.05)
    raise AssertionError(f"run {run_id} did not end within {limit_s} s: {workspace.jobs.get_run(run_id).as_dict()}")


def run_code(
    workspace: WorkspaceClient, code: str, cluster_id: str | None, limit_s: float = 120, **task: Any
) -> Finished:
    """Run a Python file as a job's only task, on a cluster, and wait for its end."""
    parameters = task.pop("parameters", [])
    submitted = jobs.SubmitTask(
        task_key="only",
        existing_cluster_id=cluster_id,
        spark_python_task=jobs.SparkPythonTask(python_file=put_code(workspace, code), parameters=parameters),
        **task,
    )
    waiter = workspace.jobs.submit(run_name="test", tasks=[submitted])
    return wait_for(workspace, waiter.response.run_id, limit_s)


def call_local(settings: LocalSettings, workspace: str, method: str, path: str, body: Any = None) -> Any:
    """An operation that only the local workspace has (faults, counted requests), as its administrator."""
    admin = connection(settings, workspace, admin_name(workspace))
    request = urllib.request.Request(
        admin.host + path,
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {admin.token}", "Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request) as response:
        return json.loads(response.read())


def local_settings(home: Path, **changes: Any) -> LocalSettings:
    """Settings of workspaces below a folder of the tests."""
    settings = LocalSettings(
        home=home / "databricks",
        warehouse=home / "warehouse",
        preload=PRELOADED,
        hidden=(PROJECT / "pipelines", PROJECT / "pipelines_tests"),
        private={name: (home / "private" / name,) for name in ("development", "production")},
    )
    return settings.with_changes(**changes)


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSettings]:
    found = local_settings(tmp_path_factory.mktemp("local"))
    yield found
    for workspace in found.workspaces:
        down(found, workspace)


@pytest.fixture(scope="session")
def development(settings: LocalSettings) -> WorkspaceClient:
    """The development workspace, as its service principal."""
    return client(settings, "development")


@pytest.fixture(scope="session")
def production(settings: LocalSettings) -> WorkspaceClient:
    """The production workspace, as its service principal."""
    return client(settings, "production")


@pytest.fixture(scope="session")
def administrator(settings: LocalSettings) -> WorkspaceClient:
    """The development workspace, as its administrator."""
    return client(settings, "development", admin_name("development"))


@pytest.fixture(scope="session")
def development_cluster(development: WorkspaceClient) -> str:
    return started_cluster(development)


@pytest.fixture(scope="session")
def production_cluster(production: WorkspaceClient) -> str:
    return started_cluster(production)
