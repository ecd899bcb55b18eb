"""The environment `databricks` whose two workspaces are local ones behind HTTPS, and control processes in it.

The control process and the task get what deploy/*.yaml say but for host, credential, compute and repository.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from dagster import DagsterInstance

from pipelines.embedded import connected
from pipelines.environments import settings_from
from pipelines.remote_settings import SIZES
from pipelines.settings import Settings
from pipelines.workspace_names import LOCATIONS, Location
from pipelines_tests.end_to_end.environment import environment_in
from pipelines_tests.end_to_end.tiny_repository import TinyRepository, model_files
from pipelines_tests.end_to_end.tls_front import https_before, write_certificate
from pipelines_tests.project.on_databricks import DEPLOY

_ON_CLUSTERS = '''
"""What tests run in workspaces: a step that tells what it sees, and `development` on a cluster with Apache Spark."""

import dagster as dg

from pipelines import definitions
from pipelines.engines.apache_spark import ApacheSparkEngine
from pipelines.engines.engine import Engine
from pipelines.environments import current_settings
from pipelines.resources import resources_for
from pipelines.settings import Settings


@dg.asset(check_specs=[dg.AssetCheckSpec("is_there", asset="seen")])
def seen(
    context: dg.AssetExecutionContext,
    engine: dg.ResourceParam[Engine],
    settings: dg.ResourceParam[Settings],
    step_launcher: dg.ResourceParam[object],
):
    context.log.info(f"in the {settings.location} workspace")
    facts = {
        "engine": engine.name,
        "in_task": settings.in_task,
        "work": str(settings.work),
        "credentials": sorted(settings.remote.authentication),
    }
    yield dg.MaterializeResult(metadata=facts, check_results=[dg.AssetCheckResult(check_name="is_there", passed=True)])


def telling(location):
    job = dg.define_asset_job("tell", selection=[seen])
    resources = resources_for(current_settings(location))
    return dg.Definitions(assets=[seen], jobs=[job], resources=resources, executor=dg.in_process_executor)


def development():
    return telling("development")


def production():
    return telling("production")


class Cluster(ApacheSparkEngine):
    """As on Databricks, the session is there before a step asks for it, and finds the tables of steps before."""

    def _create_schema(self, session, table):
        place = self.folders / table.catalog / table.schema
        session.sql(f"CREATE SCHEMA IF NOT EXISTS {table.catalog}.{table.schema} LOCATION 'file://{place}'")


def development_on_spark():
    settings = current_settings("development")
    if settings.in_task:
        from pipelines.costs.usage import usage_contract
        from pipelines.engines.lease import lease_contract
        from pipelines.tables.contracts import ALL

        cluster = Cluster(settings.work / "metastore", settings.work)
        for contract in (*ALL, lease_contract(settings.catalog), usage_contract(settings)):
            cluster._create_schema(cluster.spark, contract.name)
    return definitions.development()
'''


@dataclass(frozen=True)
class DatabricksSite:
    """Two workspaces of one metastore, and the variables of control processes."""

    local: Settings
    """The environment that the local workspaces belong to; control processes know nothing of it."""
    variables: Mapping[str, str]
    repository: Path
    instances: dict[Location, DagsterInstance] = field(default_factory=dict)

    def execute(self, location: Location, code: str, job: str, **options: str) -> subprocess.CompletedProcess[str]:
        """Run the job of that function in the module `pipelines.on_clusters`, in a process of its own."""
        given = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)]
        where = ["-m", "pipelines.on_clusters", "-a", code, "-j", job]
        return subprocess.run(
            [sys.executable, "-m", "dagster", "job", "execute", *where, *given],
            cwd=self.repository,
            env={**self.variables, "DAGSTER_HOME": str(self.instances[location].root_directory)},
            capture_output=True,
            text=True,
            check=False,
        )


@contextmanager
def databricks_site(folder: Path, compute: Mapping[str, Any]) -> Iterator[DatabricksSite]:
    """The environment below the folder, until the end of the block; every size class is that compute."""
    with ExitStack() as until_end:
        # Its tasks find Java, should they start Apache Spark.
        local = until_end.enter_context(environment_in(folder / "local", "conformance"))
        certificate, key = write_certificate(folder)
        own = {"PIPELINES_HOME": str(local.home), "PIPELINES_ENVIRONMENT": local.environment}
        repository = TinyRepository(folder / "repository")
        repository.commit({**model_files(), "pipelines/on_clusters.py": _ON_CLUSTERS})
        variables = {
            **os.environ,
            "PYTHONPATH": "",
            "PIPELINES_ENVIRONMENT": "databricks",
            "PIPELINES_HOME": str(folder / "control"),
            "REQUESTS_CA_BUNDLE": str(certificate),
        }
        for name in LOCATIONS:
            found = connected(settings_from(own, name))
            address = until_end.enter_context(https_before(urlsplit(found.host).port or 0, certificate, key))
            token = f"PIPELINES_{name.upper()}_TOKEN"
            whole = yaml.safe_load((DEPLOY / f"{name}.yaml").read_text(encoding="utf-8"))
            whole |= {
                "workspace": {"host": address, "authentication": {"token": token}},
                "compute": {"sizes": {size: dict(compute) for size in SIZES}},
                "repository": str(repository.work),
            }
            file = folder / f"{name}.yaml"
            file.write_text(yaml.safe_dump(whole), encoding="utf-8")
            variables |= {token: found.token, f"PIPELINES_{name.upper()}": str(file)}
        instances: dict[Location, DagsterInstance] = {}
        for name in LOCATIONS:
            home = folder / "dagster" / name
            home.mkdir(parents=True)
            (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
            instances[name] = until_end.enter_context(DagsterInstance.from_config(str(home)))
        yield DatabricksSite(local, variables, repository.work, instances)
