"""`pipelines up | down | status` on the local workspaces."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from pipelines.cli import cli
from pipelines.cli.workspaces import print_workspaces
from pipelines.databricks.session import Session
from pipelines.embedded import connected, local_settings
from pipelines.environments import current_settings
from pipelines.local import light_client
from pipelines.local.lifecycle import connection, down, status
from pipelines.local.overview import overview
from pipelines.local.settings import settings_below
from pipelines.remote import step_launcher_for
from pipelines.settings import Settings
from pipelines.workspace_names import LOCATIONS
from pipelines_tests.local.conftest import call_local


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """An environment of one's own, whose clusters import nothing beforehand."""
    monkeypatch.setenv("PIPELINES_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("pipelines.embedded.settings_below", partial(settings_below, preload=()))
    found = current_settings()
    yield found
    for name in LOCATIONS:
        down(local_settings(found), name)


def command(*arguments: str) -> list[str]:
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output.splitlines()


def shown(settings: Settings) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    print_workspaces(console, settings)
    return console.export_text()


def start_waiting(settings: Settings) -> int:
    """Start a run in development that does not end by itself; its number, once it is running."""
    found = connected(settings)
    body = {"path": "/wait.py", "contents": base64.b64encode(b"import time; time.sleep(600)").decode()}
    light_client.call(found.host, found.token, "POST", "/api/2.0/dbfs/put", body)
    task: dict[str, Any] = {"task_key": "a", "existing_cluster_id": found.cluster_id}
    task["spark_python_task"] = {"python_file": "dbfs:/wait.py"}
    submitted = {"run_name": "waits", "tasks": [task]}
    run = light_client.call(found.host, found.token, "POST", "/api/2.1/jobs/runs/submit", submitted)
    deadline = time.monotonic() + 60
    while "waits: running" not in shown(settings) and time.monotonic() < deadline:
        time.sleep(0.1)
    return run["run_id"]


def test_up_status_down(settings: Settings) -> None:
    assert "running" not in shown(settings)
    (line,) = command("up", "development")
    host = status(local_settings(settings), "development").host
    assert line.startswith(f"development: {host}, principal pipelines-development, cluster ")
    assert not status(local_settings(settings), "production").running
    assert command("up", "development") == [line]

    start_waiting(settings)
    text = shown(settings)
    assert "waits: running http://127.0.0.1" in text
    assert "pipelines: running" in text
    assert str(host) in text
    assert "stopped" in text

    assert command("down") == ["development: stopped, 1 active run cancelled", "production: was not running"]
    assert "running" not in shown(settings)


def test_production_needs_development_prepared_and_none_of_its_clusters(settings: Settings) -> None:
    local = local_settings(settings)
    (line,) = command("up", "production")
    assert line.startswith(f"production: {status(local, 'production').host}, principal pipelines-production, cluster ")
    assert overview(local, "development").status.running
    assert overview(local, "development").clusters == {}
    assert list(overview(local, "production").clusters) == ["pipelines"]

    command("down")
    assert command("up", "production") == [line]
    assert not status(local, "development").running, "what is prepared stays so"

    command("up", "development")
    assert list(overview(local, "development").clusters) == ["pipelines"]


def test_start_delays_are_told_and_taken_on_as_soon_as_no_run_is_active(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start_waiting(settings)
    before = status(local_settings(settings), "development")
    monkeypatch.setenv("PIPELINES_START_DELAYS", "pool=7")
    told = "Steps run on job clusters of their own from a pool; start delays: pool 7 s."
    wait = (
        "development was started with other start delays (none): the next step or `pipelines up` starts it anew, once "
        "no run is active on it (1 now)."
    )
    up = f"development: {before.host}, principal pipelines-development, no cluster is kept warm"
    assert command("up", "development") == [up, wait, told]
    assert status(local_settings(settings), "development").pid == before.pid
    assert {told, wait} <= set(shown(current_settings()).splitlines())

    reached = connection(local_settings(settings), "development")
    light_client.call(reached.host, reached.token, "POST", "/api/2.1/jobs/runs/cancel", {"run_id": run})
    deadline = time.monotonic() + 60
    while status(local_settings(settings), "development").active_runs and time.monotonic() < deadline:
        time.sleep(0.1)
    assert command("up", "development") == [up, told]
    assert status(local_settings(settings), "development").pid != before.pid
    assert "was started with" not in shown(current_settings())
    # Who asks for no delays is told of those that there are.
    assert "development was started with other start delays (pool 7 s)" in shown(settings)


def test_a_session_opens_with_one_look_at_the_workspace(settings: Settings) -> None:
    found = connected(settings)
    call_local(local_settings(settings), "development", "DELETE", "/local/requests")
    launcher = step_launcher_for(settings)
    assert launcher is not None
    session = Session.open(launcher.target, budget_s=20)
    assert {size.existing_cluster_id for size in session.compute.sizes.values()} == {found.cluster_id}
    requests = call_local(local_settings(settings), "development", "GET", "/local/requests")["requests"]
    paths = [entry["path"] for entry in requests]
    assert paths.count("/api/2.1/clusters/get") == 1, paths
