"""The servers' lives: started once, found by others, killed and back again with nothing half-written."""

from __future__ import annotations

import base64
import contextlib
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from databricks.sdk.service import jobs

from pipelines.local.lifecycle import LocalWorkspaceError, connection, down, status, up
from pipelines.local.settings import LocalSettings, from_json, settings_below, to_json
from pipelines_tests.local.conftest import client, local_settings, put_code, run_code, wait_for


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LocalSettings]:
    """Settings of workspaces that one test starts, kills and stops as it likes."""
    settings = local_settings(tmp_path)
    yield settings
    for workspace in settings.workspaces:
        down(settings, workspace)


def is_running(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def test_settings_survive_json(own: LocalSettings) -> None:
    assert from_json(to_json(own)) == own


def test_settings_hide_the_project_but_not_its_state(tmp_path: Path) -> None:
    for name in ("pipelines", ".git", ".venv", ".pipelines/databricks"):
        (tmp_path / name).mkdir(parents=True)
    home = tmp_path / ".pipelines"
    settings = settings_below(home / "databricks", home / "warehouse", tmp_path)
    assert {folder.name for folder in settings.hidden} == {"pipelines", ".git"}


def test_started_once_by_many(own: LocalSettings) -> None:
    assert status(own, "development").running is False
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: up(own, "development"), range(4)))
    assert len({entry.pid for entry in found}) == 1
    assert found[0].host == connection(own, "development").host
    assert status(own, "production").running is False
    assert down(own, "development") is True
    assert down(own, "development") is False
    assert status(own, "development").running is False
    host = up(own, "development").host
    assert host == found[0].host


def test_unknown_workspace_and_principal(own: LocalSettings) -> None:
    with pytest.raises(ValueError, match="development, production"):
        up(own, "staging")
    with pytest.raises(LocalWorkspaceError, match="no token for 'nobody'"):
        connection(own, "development", "nobody")


@pytest.mark.slow
def test_killed_server_leaves_nothing_behind(own: LocalSettings) -> None:
    development = client(own, "development")
    development.dbfs.put("/kept.txt", contents=base64.b64encode(b"kept").decode())
    development.secrets.create_scope("kept")
    development.secrets.put_secret("kept", "key", string_value="value")
    cluster_id = development.clusters.create(spark_version="16.4.x-scala2.12", num_workers=0).response.cluster_id
    finished = run_code(development, "print('done')", cluster_id)
    code = """
        import os, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print(os.getpid(), child.pid, flush=True)
        time.sleep(600)
    """
    task = jobs.SubmitTask(
        task_key="a",
        existing_cluster_id=cluster_id,
        spark_python_task=jobs.SparkPythonTask(python_file=put_code(development, code)),
    )
    run_id = development.jobs.submit(tasks=[task], idempotency_token="before the crash").response.run_id
    logs = ""
    while not logs.strip():
        time.sleep(0.05)
        tasks = development.jobs.get_run(run_id).tasks or []
        logs = development.jobs.get_run_output(tasks[0].run_id or 0).logs or ""
    handle = development.dbfs.create("/half.bin", overwrite=True).handle or 0
    development.dbfs.add_block(handle, base64.b64encode(b"half").decode())
    before = status(own, "development")

    kill(before.pid)

    after = up(own, "development")
    assert after.host == before.host
    assert after.pid != before.pid
    lost = wait_for(development, run_id)
    assert lost.state == ("INTERNAL_ERROR", "FAILED")
    assert "restarted" in str(lost.run.state)
    deadline = time.monotonic() + 10
    while any(is_running(int(pid)) for pid in logs.split()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(is_running(int(pid)) for pid in logs.split())
    assert development.dbfs.download("/kept.txt").read() == b"kept"
    assert not development.dbfs.exists("/half.bin")
    assert development.secrets.get_secret("kept", "key").value
    assert development.jobs.get_run(finished.run.run_id or 0).state == finished.run.state
    assert development.jobs.submit(tasks=[task], idempotency_token="before the crash").response.run_id == run_id
    assert run_code(development, "print('again')", cluster_id).state == ("TERMINATED", "SUCCESS")


@pytest.mark.slow
def test_stopped_server_cancels_its_runs(own: LocalSettings) -> None:
    development = client(own, "development")
    task = jobs.SubmitTask(
        task_key="a",
        environment_key="default",
        spark_python_task=jobs.SparkPythonTask(python_file=put_code(development, "import time; time.sleep(600)")),
    )
    environments = [jobs.JobEnvironment(environment_key="default")]
    run_id = development.jobs.submit(tasks=[task], environments=environments).response.run_id
    while (
        (state := development.jobs.get_run(run_id).state) is None
        or state.life_cycle_state is None
        or (state.life_cycle_state.value != "RUNNING")
    ):
        time.sleep(0.05)
    began = time.monotonic()
    assert down(own, "development")
    assert time.monotonic() - began < 15
    up(own, "development")
    assert wait_for(development, run_id).state == ("TERMINATED", "CANCELED")
