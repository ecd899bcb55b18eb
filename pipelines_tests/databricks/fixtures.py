"""Fixtures that the tests of the launcher and those of its faults share."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.catalog import VolumeType

from pipelines.local.lifecycle import connection, down
from pipelines.local.settings import LocalSettings
from pipelines_tests.databricks import wiring
from pipelines_tests.databricks.shipped_project import make_repository
from pipelines_tests.databricks.wiring import EVENT_KEY, Wiring
from pipelines_tests.local.conftest import call_local, client, local_settings

PRELOAD = ("dagster", "dagster._core.execution.plan.external_step", "dagster._core.execution.plan.execute_step")
KEY = "0123456789abcdef-the-key-of-events"


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSettings]:
    found = local_settings(tmp_path_factory.mktemp("launcher"), preload=PRELOAD)
    yield found
    for workspace in found.workspaces:
        down(found, workspace)


@pytest.fixture(scope="session")
def workspace(settings: LocalSettings) -> WorkspaceClient:
    """The development workspace, with a staging volume and a key of events."""
    found = client(settings, "development")
    found.volumes.create("dev", "default", "staging", VolumeType.MANAGED)
    found.secrets.create_scope(EVENT_KEY.scope)
    found.secrets.put_secret(EVENT_KEY.scope, EVENT_KEY.key, string_value=KEY)
    return found


@pytest.fixture(scope="session")
def cluster(workspace: WorkspaceClient) -> str:
    """A warm cluster without an engine: the steps of these tests need none."""
    created = workspace.clusters.create(
        spark_version="16.4.x-scala2.12", num_workers=0, spark_conf={"databricks.local.engine": "none"}
    )
    cluster_id = created.response.cluster_id
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        state = workspace.clusters.get(cluster_id).state
        if state is not None and state.value == "RUNNING":
            return cluster_id
        time.sleep(0.1)
    raise AssertionError("the cluster did not start")


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Path]:
    """The shipped project, importable here too, as a code location would have it."""
    folder = make_repository(tmp_path / "repository")
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == "shipped"]:
        del sys.modules[name]


@pytest.fixture
def wired(settings: LocalSettings, workspace: WorkspaceClient, cluster: str, repository: Path) -> Iterator[Wiring]:
    """What a launcher of this test's repository needs."""
    found = connection(settings, "development")
    yield Wiring(found.host, found.token, cluster, str(repository))
    wiring.use(None)
    call_local(settings, "development", "DELETE", "/local/faults")


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    home = tmp_path / "dagster"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home)) as found:
        yield found


@pytest.fixture
def run(wired: Wiring, instance: dg.DagsterInstance) -> Callable[..., dg.JobExecutionResult]:
    """Runs a job of the shipped project with a launcher; by default a new one with the test's wiring."""

    def execute(name: str, wires: Wiring | None = None, **more: Any) -> dg.JobExecutionResult:
        wiring.use((wires or wired).launcher())
        target = getattr(importlib.import_module("shipped.jobs"), f"{name}_job")
        return dg.execute_job(dg.reconstructable(target), instance=instance, **more)

    return execute


@pytest.fixture
def fault(settings: LocalSettings, wired: Wiring) -> Callable[..., None]:
    """Switches a fault on the wire on; all are off again after the test."""

    def switch_on(**description: Any) -> None:
        call_local(settings, "development", "POST", "/local/faults", description)

    return switch_on


@pytest.fixture
def requests(settings: LocalSettings, wired: Wiring) -> Callable[[], list[dict[str, Any]]]:
    """The requests that the development workspace got since the test began."""
    began = time.time()

    def found() -> list[dict[str, Any]]:
        return call_local(settings, "development", "GET", f"/local/requests?since={began}")["requests"]

    return found
