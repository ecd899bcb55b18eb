"""Runs in forked processes: they end as they should, can be terminated, and are noticed when they die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.instance.ref import InstanceRef
from dagster._core.launcher.base import LaunchRunContext, WorkerStatus
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin

from pipelines.run_processes import launcher as module
from pipelines.run_processes.launcher import WarmRunLauncher

MODULE = "pipelines_tests.run_processes.jobs_to_run"
LIMIT_S = 120
OWN = {"run_launcher": {"module": WarmRunLauncher.__module__, "class": WarmRunLauncher.__name__}}


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterInstance]:
    home = tmp_path_factory.mktemp("dagster")
    with DagsterInstance.from_ref(InstanceRef.from_dir(str(home), overrides=OWN)) as opened:
        yield opened


def started(instance: DagsterInstance, job: str, file: Path) -> DagsterRun:
    """A run of the job, launched as Dagster's daemon launches it."""
    repository = ReconstructableRepository.for_module(MODULE, "jobs", str(Path.cwd()))
    run = instance.create_run_for_job(
        repository.get_reconstructable_job(job).get_definition(),
        run_config={"ops": {"tell_process" if job == "telling" else "wait_long": {"config": {"file": str(file)}}}},
        remote_job_origin=RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("tests"), "jobs").get_job_origin(job),
        job_code_origin=repository.get_reconstructable_job(job).get_python_origin(),
        status=DagsterRunStatus.STARTING,
    )
    instance.run_launcher.launch_run(LaunchRunContext(run, None))
    return run


def ended(instance: DagsterInstance, run: DagsterRun) -> DagsterRun:
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        found = instance.get_run_by_id(run.run_id)
        assert found is not None
        if found.is_finished:
            return found
        time.sleep(0.05)
    raise AssertionError("the run has not ended")


def process_in(file: Path) -> int:
    until = time.monotonic() + LIMIT_S
    while not file.is_file() or not file.read_text():
        assert time.monotonic() < until, "the step has not begun"
        time.sleep(0.05)
    return int(file.read_text())


def test_runs_end_in_processes_of_their_own(instance: DagsterInstance, tmp_path: Path):
    processes = set()
    for name in ("first", "second"):
        run = started(instance, "telling", tmp_path / name)
        assert ended(instance, run).status == DagsterRunStatus.SUCCESS
        processes.add(process_in(tmp_path / name))
    assert len(processes) == 2
    assert os.getpid() not in processes


@pytest.mark.parametrize("by", ["this process", "another process"])
def test_a_run_is_terminated(instance: DagsterInstance, tmp_path: Path, by: str):
    run = started(instance, "waiting", tmp_path / "begun")
    process_in(tmp_path / "begun")
    if by == "this process":
        assert instance.run_launcher.terminate(run.run_id)
    else:
        with DagsterInstance.from_ref(instance.get_ref()) as other:
            assert other.run_launcher.terminate(run.run_id)
    assert ended(instance, run).status == DagsterRunStatus.CANCELED


def test_a_run_whose_process_is_killed_has_failed(instance: DagsterInstance, tmp_path: Path):
    run = started(instance, "waiting", tmp_path / "begun")
    os.kill(process_in(tmp_path / "begun"), signal.SIGKILL)
    assert ended(instance, run).status == DagsterRunStatus.FAILURE
    told = [entry.dagster_event.message or "" for entry in instance.all_logs(run.run_id) if entry.dagster_event]
    assert any("was terminated by signal 9 (SIGKILL)" in text for text in told), "\n".join(told)


def test_a_run_that_died_with_its_daemon_is_told_from_one_that_lives(instance: DagsterInstance, tmp_path: Path):
    code = (
        "import sys; from pathlib import Path; from dagster import DagsterInstance; from dagster._core.instance.ref "
        f"import InstanceRef; from {__name__} import OWN, started; "
        "instance = DagsterInstance.from_ref(InstanceRef.from_dir(sys.argv[1], overrides=OWN)); "
        "print(started(instance, 'waiting', Path(sys.argv[2])).run_id, flush=True); sys.stdin.read()"
    )
    daemon = subprocess.Popen(
        [sys.executable, "-c", code, instance.root_directory, str(tmp_path / "begun")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert daemon.stdout is not None
    run = instance.get_run_by_id(daemon.stdout.readline().strip())
    assert run is not None
    worker = process_in(tmp_path / "begun")
    assert instance.run_launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING
    os.killpg(daemon.pid, signal.SIGKILL)
    daemon.wait()
    until = time.monotonic() + LIMIT_S
    while instance.run_launcher.check_run_worker_health(run).status != WorkerStatus.FAILED:
        assert time.monotonic() < until, f"process {worker} has ended and counts as living"
        time.sleep(0.05)
    assert instance.run_launcher.check_run_worker_health(run).msg == f"its process {worker} has ended"


def test_code_that_has_changed_is_not_run_by_forks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "a.py").write_text("")
    monkeypatch.setattr(module, "_PACKAGE", tmp_path)
    launcher = WarmRunLauncher()
    assert launcher._current_forks() is not None
    (tmp_path / "b.py").write_text("")
    assert launcher._current_forks() is None


def test_the_processes_share_what_was_imported_and_no_model_code():
    code = "import pipelines.run_processes.preloaded, sys, threading; print(threading.active_count(), *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, *names = done.stdout.split()
    assert count == "1", "a process with threads must not be forked"
    assert {"dagster", "databricks.sdk", "pipelines.assets.customers", "pipelines.databricks.launch"} <= set(names)
    assert not {"mlflow", "sklearn", "pyspark", "pysail", "polars"} & set(names)
    assert dg.__name__ in names
