"""A package of steps, in a repository of its own, and a local workspace with a warm cluster to run them on."""

from __future__ import annotations

import contextlib
import importlib
import json
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.catalog import VolumeType

from pipelines.databricks.code import CodeSource
from pipelines.databricks.compute import ComputeSettings, SizeClass
from pipelines.databricks.launcher import DatabricksStepLauncher
from pipelines.databricks.target import RemoteTarget, SecretReference
from pipelines.local.identity import admin_name
from pipelines.local.lifecycle import connection, down
from pipelines.local.settings import LocalSettings
from pipelines_tests.local.warm_clusters import started_cluster

PACKAGE = "launched_steps_of_benchmark"
_STAGING, _KEY = "/Volumes/dev/default/staging", SecretReference("launcher", "event-key")
_STEPS = """
import time

import dagster as dg
from dagster_databricks import databricks_pyspark_step_launcher


def _launcher(_):
    try:
        from benchmarks.launched_steps import CURRENT
    except ImportError:
        return None
    return CURRENT["launcher"]


@dg.op(required_resource_keys={"launcher"}, out=dg.Out(dg.Nothing))
def empty(context):
    pass


@dg.op(required_resource_keys={"launcher"}, out=dg.Out(dg.Nothing))
def talkative(context):
    for number in range(300):
        context.log.info(f"message {number} " + 80 * "x")
        time.sleep(0.02)


def _job(step, resource):
    @dg.job(name=f"{step.name}_job", resource_defs={"launcher": resource}, executor_def=dg.in_process_executor)
    def made():
        step()

    return made


def empty_ours():
    return _job(empty, dg.ResourceDefinition(_launcher))


def empty_stock():
    return _job(empty, databricks_pyspark_step_launcher)


def empty_here():
    return _job(empty, dg.ResourceDefinition.none_resource())


def talkative_ours():
    return _job(talkative, dg.ResourceDefinition(_launcher))


def talkative_stock():
    return _job(talkative, databricks_pyspark_step_launcher)
"""
CURRENT: dict[str, DatabricksStepLauncher | None] = {"launcher": None}
"""The launcher that the steps of this process find."""


@dataclass
class Bench:
    """A running workspace and everything to launch steps with."""

    settings: LocalSettings
    client: WorkspaceClient
    host: str
    token: str
    cluster_id: str
    repository: Path
    instance: dg.DagsterInstance

    def run(self, name: str) -> float:
        """Run a job of the package; the seconds it took.

        Raises:
            RuntimeError: it failed.
        """
        job = dg.reconstructable(getattr(importlib.import_module(PACKAGE), name))
        config = {"resources": {"launcher": {"config": self._stock()}}} if name.endswith("stock") else {}
        start = time.perf_counter()
        with dg.execute_job(job, instance=self.instance, run_config=config) as result:
            if not result.success:
                raise RuntimeError(f"{name} failed: {[event.message for event in result.all_events]}")
        return time.perf_counter() - start

    def requests(self, since: float) -> list[dict[str, Any]]:
        """What went over the wire since then."""
        return self.local("GET", f"/local/requests?since={since}")["requests"]

    def local(self, method: str, path: str, body: Any = None) -> Any:
        """An operation that only the local workspace has."""
        admin = connection(self.settings, "development", admin_name("development"))
        request = urllib.request.Request(
            admin.host + path,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {admin.token}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request) as response:
            return json.loads(response.read())

    def new_launcher(self) -> None:
        """A launcher as a fresh process would have it."""
        target = RemoteTarget(
            name="development",
            connect=lambda: WorkspaceClient(host=self.host, token=self.token),
            staging=_STAGING,
            event_key=_KEY,
            compute=ComputeSettings(sizes={"standard": SizeClass(existing_cluster_id=self.cluster_id)}),
        )
        CURRENT["launcher"] = DatabricksStepLauncher(target, CodeSource(self.repository, paths=(PACKAGE,)))

    def _stock(self) -> dict[str, Any]:
        return {
            "run_config": {"cluster": {"existing": self.cluster_id}, "run_name": "stock"},
            "permissions": {},
            "databricks_host": self.host,
            "databricks_token": self.token,
            "secrets_to_env_variables": [],
            "env_variables": {},
            "local_dagster_job_package_path": str(self.repository),
        }


@contextlib.contextmanager
def bench() -> Iterator[Bench]:
    """Start a workspace with a warm cluster, and stop it afterwards."""
    with tempfile.TemporaryDirectory(prefix="launcher-benchmark-") as folder:
        root = Path(folder)
        repository = _repository(root / "repository")
        settings = LocalSettings(
            home=root / "databricks", warehouse=root / "warehouse", hidden=(Path(__file__).parents[1] / "pipelines",)
        )
        (root / "dagster").mkdir()
        sys.path.insert(0, str(repository))
        try:
            found = connection(settings, "development")
            client = WorkspaceClient(host=found.host, token=found.token)
            client.volumes.create("dev", "default", "staging", VolumeType.MANAGED)
            client.secrets.create_scope(_KEY.scope)
            client.secrets.put_secret(_KEY.scope, _KEY.key, string_value=secrets.token_hex(32))
            cluster_id = started_cluster(client)
            with dg.DagsterInstance.local_temp(str(root / "dagster")) as instance:
                made = Bench(settings, client, found.host, found.token, cluster_id, repository, instance)
                made.new_launcher()
                yield made
        finally:
            sys.path.remove(str(repository))
            CURRENT["launcher"] = None
            for workspace in settings.workspaces:
                down(settings, workspace)


def _repository(folder: Path) -> Path:
    package = folder / PACKAGE
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(_STEPS, encoding="utf-8")
    for command in (
        ["init", "--quiet"],
        ["add", "--all"],
        ["-c", "user.name=Benchmark", "-c", "user.email=b@example.org", "commit", "--quiet", "-m", "steps"],
    ):
        subprocess.run(["git", "-C", str(folder), *command], check=True)
    return folder
