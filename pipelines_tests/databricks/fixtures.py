"""Fixtures that the tests of the launcher and those of its faults share."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.catalog import VolumeType

from pipelines.local.lifecycle import connection, down
from pipelines.local.settings import PRELOADED_MODULES, LocalSettings
from pipelines_tests.databricks import wiring
from pipelines_tests.databricks.shipped_project import make_repository
from pipelines_tests.databricks.wiring import EVENT_KEY, Wiring
from pipelines_tests.local.conftest import PROJECT, call_local, client, local_settings
from pipelines_tests.local.warm_clusters import started_cluster

PRELOAD = tuple(name for name in PRELOADED_MODULES if name.startswith(("dagster", "upath")))
"""Enough for a step of the shipped project to begin in a moment."""
KEY = "0123456789abcdef-the-key-of-events"


@dataclass(frozen=True)
class Started:
    """The workspaces of a test session, and a cluster in one of them."""

    settings: LocalSettings
    workspace: WorkspaceClient
    cluster: str


_STARTED = pytest.StashKey[Started]()


@pytest.fixture(scope="session")
def started(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Started:
    """Started once for the folders `databricks` and `faults`, whose fixtures pytest keeps apart."""
    stash = request.config.stash
    if _STARTED not in stash:
        settings = local_settings(tmp_path_factory.mktemp("launcher"), preload=PRELOAD)
        for name in settings.workspaces:
            request.config.add_cleanup(partial(_stop, settings, name))
        workspace = client(settings, "development")
        workspace.volumes.create("dev", "default", "staging", VolumeType.MANAGED)
        workspace.secrets.create_scope(EVENT_KEY.scope)
        workspace.secrets.put_secret(EVENT_KEY.scope, EVENT_KEY.key, string_value=KEY)
        # Without an engine: the steps of these tests need none.
        cluster = started_cluster(workspace, {"databricks.local.engine": "none"})
        stash[_STARTED] = Started(settings, workspace, cluster)
    return stash[_STARTED]


def _stop(settings: LocalSettings, name: str) -> None:
    down(settings, name)


@pytest.fixture(scope="session")
def settings(started: Started) -> LocalSettings:
    return started.settings


@pytest.fixture(scope="session")
def workspace(started: Started) -> WorkspaceClient:
    """The development workspace, with a staging volume and a key of events."""
    return started.workspace


@pytest.fixture(scope="session")
def cluster(started: Started) -> str:
    return started.cluster


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
def worker(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a Dagster worker in a process of its own, on the same Dagster home as `instance`."""
    started: list[subprocess.Popen[str]] = []

    def start(wires: Wiring, job: str, parent: str | None = None) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "pipelines_tests.databricks.worker", job, str(tmp_path / "dagster")]
        process = subprocess.Popen(
            [*command, *([] if parent is None else [parent])],
            cwd=PROJECT,
            env={**os.environ, **wires.as_variable()},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


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


@pytest.fixture
def signals(tmp_path: Path) -> Path:
    """A folder that a waiting step looks into; a file `go` in it lets the step end."""
    folder = tmp_path / "signals"
    folder.mkdir()
    return folder


def until(condition: Callable[[], Any], what: str, limit_s: float = 60.0) -> Any:
    """Wait for something to become true; it."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {limit_s} s")


def remote_runs(workspace: WorkspaceClient, dagster_run: str) -> list[Any]:
    """The remote runs that were submitted for a Dagster run, oldest first."""
    found = []
    for run in workspace.jobs.list_runs(expand_tasks=True):
        described = [task.description or "" for task in run.tasks or []]
        if any(f"dagster_run: {dagster_run}" in text for text in described):
            found.append(run)
    return sorted(found, key=lambda run: run.run_id)


def state_of(run: Any) -> tuple[str, str | None]:
    """Life-cycle and result state of a remote run."""
    state = run.state
    return state.life_cycle_state.value, state.result_state.value if state.result_state else None


def failure_text(result: dg.JobExecutionResult, name: str) -> str:
    """Everything that the failed step's error says."""
    failure = result.failure_data_for_node(name)
    assert failure is not None
    assert failure.error is not None
    return failure.error.to_string()


def step_events(instance: dg.DagsterInstance, run_id: str, step: str) -> list[str]:
    """Types of the step's events in a run's log; what the step told is `LOG: ...`."""
    return [
        entry.dagster_event.event_type_value if entry.dagster_event else f"LOG: {entry.user_message}"
        for entry in instance.all_logs(run_id)
        if entry.step_key == step
    ]
