"""The legacy `databricks-cli` from PyPI, in an environment of its own.

It leaves the port out of every address, so it reaches the workspace as a proxy does: by `HTTP_PROXY`, which it obeys.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.local.lifecycle import connection
from pipelines.local.settings import LocalSettings

pytestmark = pytest.mark.slow

Command = Callable[..., str]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    venv.create(folder, with_pip=True)
    install = [str(folder / "bin" / "pip"), "install", "--quiet", "databricks-cli==0.18.0", "setuptools<80"]
    done = subprocess.run(install, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"databricks-cli cannot be installed here: {done.stderr.strip().splitlines()[-1]}")
    return folder / "bin" / "databricks"


@pytest.fixture
def cli(installed: Path, settings: LocalSettings, tmp_path: Path) -> Command:
    found = connection(settings, "development")

    def run(*arguments: str, fails: bool = False) -> str:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "HTTP_PROXY": found.host,
            "DATABRICKS_HOST": "http://development.databricks.test",
            "DATABRICKS_TOKEN": found.token,
        }
        done = subprocess.run([str(installed), *arguments], capture_output=True, text=True, env=environment)
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def test_files(cli: Command, tmp_path: Path) -> None:
    source, back = tmp_path / "source.bin", tmp_path / "back.bin"
    source.write_bytes(os.urandom(3 * 1024 * 1024 + 5))
    cli("fs", "mkdirs", "dbfs:/cli")
    cli("fs", "cp", str(source), "dbfs:/cli/source.bin")
    assert "source.bin" in cli("fs", "ls", "dbfs:/cli")
    cli("fs", "cp", "dbfs:/cli/source.bin", str(back))
    assert back.read_bytes() == source.read_bytes()
    cli("fs", "mv", "dbfs:/cli/source.bin", "dbfs:/cli/moved.bin")
    cli("fs", "rm", "-r", "dbfs:/cli")
    assert "No file or directory exists" in cli("fs", "ls", "dbfs:/cli", fails=True)


def test_workspace(cli: Command, tmp_path: Path) -> None:
    source, back = tmp_path / "notebook.py", tmp_path / "back.py"
    source.write_text("# Databricks notebook source\nprint(1)\n")
    cli("workspace", "mkdirs", "/Cli")
    cli("workspace", "import", "-l", "PYTHON", str(source), "/Cli/notebook")
    assert "notebook" in cli("workspace", "ls", "/Cli")
    cli("workspace", "export", "/Cli/notebook", str(back))
    assert back.read_text() == source.read_text()
    cli("workspace", "rm", "-r", "/Cli")


def test_secrets(cli: Command) -> None:
    cli("secrets", "create-scope", "--scope", "cli")
    cli("secrets", "put", "--scope", "cli", "--key", "key", "--string-value", "planted")
    listed = cli("secrets", "list", "--scope", "cli")
    assert "key" in listed
    assert "planted" not in listed
    cli("secrets", "delete-scope", "--scope", "cli")


def test_clusters_and_runs(cli: Command, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("print('ran')\n")
    cli("fs", "cp", "--overwrite", str(script), "dbfs:/cli-script.py")
    assert "16.4.x" in cli("clusters", "spark-versions")
    assert "m5d.large" in cli("clusters", "list-node-types")
    request = {
        "run_name": "cli",
        "new_cluster": {"spark_version": "16.4.x-scala2.12", "num_workers": 0},
        "spark_python_task": {"python_file": "dbfs:/cli-script.py"},
    }
    run_id = json.loads(cli("runs", "submit", "--version", "2.1", "--json", json.dumps(request)))["run_id"]
    state: dict[str, str] = {}
    deadline = time.monotonic() + 120
    while state.get("life_cycle_state") != "TERMINATED" and time.monotonic() < deadline:
        state = json.loads(cli("runs", "get", "--run-id", str(run_id), "--version", "2.1"))["state"]
    assert state["result_state"] == "SUCCESS"
    assert "ran" in json.loads(cli("runs", "get-output", "--run-id", str(run_id), "--version", "2.1"))["logs"]
    assert str(run_id) in cli("runs", "list", "--version", "2.1")


def test_jobs(cli: Command) -> None:
    settings = {
        "name": "cli job",
        "tasks": [
            {
                "task_key": "a",
                "new_cluster": {"spark_version": "16.4.x-scala2.12", "num_workers": 0},
                "spark_python_task": {"python_file": "dbfs:/cli-script.py"},
            }
        ],
    }
    job_id = json.loads(cli("jobs", "create", "--version", "2.1", "--json", json.dumps(settings)))["job_id"]
    assert "cli job" in cli("jobs", "list", "--version", "2.1")
    assert json.loads(cli("jobs", "get", "--job-id", str(job_id), "--version", "2.1"))["settings"]["name"] == "cli job"
    cli("jobs", "delete", "--job-id", str(job_id), "--version", "2.1")


def test_unity_catalog(cli: Command) -> None:
    assert "main" in cli("unity-catalog", "catalogs", "list")
    cli("unity-catalog", "schemas", "create", "--catalog-name", "dev", "--name", "from_cli")
    assert "from_cli" in cli("unity-catalog", "schemas", "list", "--catalog-name", "dev")
    granted = cli("unity-catalog", "permissions", "get", "--schema", "dev.from_cli")
    assert "privilege_assignments" in granted


def test_wrong_token_is_refused(cli: Command, installed: Path, settings: LocalSettings, tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "HTTP_PROXY": connection(settings, "development").host,
        "DATABRICKS_HOST": "http://development.databricks.test",
        "DATABRICKS_TOKEN": "wrong",
    }
    done = subprocess.run([str(installed), "fs", "ls"], capture_output=True, text=True, env=environment)
    assert done.returncode != 0
    assert "Authorization failed" in done.stdout + done.stderr
