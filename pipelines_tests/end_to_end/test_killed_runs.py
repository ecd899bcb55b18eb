"""A run that loses its process, its task or its workspace, or meets another run, and the tables after the next one."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import psutil
import pytest

from pipelines.embedded import connected, local_settings
from pipelines.engines import open_engine
from pipelines.environments import Settings
from pipelines.local.lifecycle import status
from pipelines.tables.contracts import GOLD
from pipelines_tests.conformance.flow import make_day
from pipelines_tests.end_to_end.environment import DAY, contents, environment_in, finish, start_job, upload_sessions

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """One environment for all of this module's tests; each has an upload day and flights of its own."""
    with environment_in(tmp_path_factory.mktemp("killed") / "home") as found:
        yield found


def kill_run(settings: Settings, process: subprocess.Popen[bytes]) -> None:
    """The process that launches steps dies; the step that it launched goes on without it."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def kill_task(settings: Settings, process: subprocess.Popen[bytes]) -> None:
    """The process of the step dies, and the run hears of it."""
    until = time.monotonic() + 300
    while process.poll() is None:
        assert time.monotonic() < until, "the run did not end"
        # Again and again: a task that is killed after its last word has done its work.
        for task in _tasks(settings):
            with suppress(psutil.NoSuchProcess):
                task.kill()
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=0.1)
    assert process.returncode != 0


def kill_workspace(settings: Settings, process: subprocess.Popen[bytes]) -> None:
    """The workspace dies with its clusters and tasks, and is started anew by whoever needs it next."""
    server = status(local_settings(settings), "development").pid
    assert server is not None
    os.kill(server, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(server)] if psutil.pid_exists(server) else [], timeout=10)
    connected(settings)
    process.communicate(timeout=300)
    assert process.returncode != 0


@pytest.mark.parametrize(
    ("number", "step", "seconds", "kill"),
    [
        (1, "ingest_session_files", 0.5, kill_run),
        (2, "ingest_session_files", 0.3, kill_task),
        (3, "refine_flight_samples", 0.1, kill_task),
        (4, "refine_maneuvers", 0.3, kill_workspace),
        (5, "refine_sessions", 0.2, kill_run),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_the_next_run_makes_good_what_was_killed(
    number: int,
    step: str,
    seconds: float,
    kill: Callable[[Settings, subprocess.Popen[bytes]], None],
    settings: Settings,
    tmp_path: Path,
):
    day = DAY + timedelta(days=number)
    upload_sessions(settings, first_seed=10 * number, day=day)
    process = start_job(settings, "ingest", day)
    _wait_for_step(settings, process, step)
    time.sleep(seconds)
    kill(settings, process)
    finish(start_job(settings, "ingest", day))
    assert contents(settings.tables, day) == _undisturbed(settings, day, tmp_path)


def test_two_runs_of_one_day_at_once_end_as_one(settings: Settings, tmp_path: Path):
    upload_sessions(settings)
    for process in [start_job(settings, "ingest") for _ in range(2)]:
        finish(process)
    found = contents(settings.tables)
    assert found == _undisturbed(settings, DAY, tmp_path)
    assert {row["file_path"]: row["status"] for row in found["main.bronze.session_files"]} == {
        **{f"2026-03-04/flight-{seed}.csv": "accepted" for seed in (1, 2, 3)},
        "2026-03-04/holiday.csv": "quarantined",
    }
    labels = [row["maneuver"] for row in found["main.gold.flight_samples"] if row["maneuver"] is not None]
    assert {label: labels.count(label) for label in set(labels)} == {"ground": 3 * 40, "climb": 3 * 150}


def test_a_run_with_nothing_new_changes_no_table(settings: Settings):
    upload_sessions(settings, count=1, first_seed=90, day=DAY + timedelta(days=9))
    finish(start_job(settings, "ingest", DAY + timedelta(days=9)))
    before = _versions(settings)
    finish(start_job(settings, "ingest", DAY + timedelta(days=9)))
    assert _versions(settings) == before


def _undisturbed(settings: Settings, day: date, folder: Path) -> dict[str, list[dict[str, object]]]:
    """The tables that the same files give where nothing is killed: in this process, without Dagster."""
    assert isinstance(settings.landing, Path)
    engine = open_engine("sail", folder / "warehouse")
    make_day(engine, settings.landing, day)
    engine.stop()
    return contents(folder / "warehouse", day)


def _versions(settings: Settings) -> dict[str, int]:
    logs = [settings.tables.joinpath(*contract.name) / "_delta_log" for contract in GOLD]
    logs += list(settings.tables.glob("main/*/*/_delta_log"))
    return {str(log.parent.relative_to(settings.tables)): len(list(log.glob("*.json"))) for log in logs}


def _tasks(settings: Settings) -> list[psutil.Process]:
    """The processes of the workspace's tasks: children of its clusters' drivers."""
    server = status(local_settings(settings), "development").pid
    with suppress(psutil.NoSuchProcess):
        return [task for driver in psutil.Process(server).children() for task in driver.children()]
    return []


def _wait_for_step(settings: Settings, process: subprocess.Popen[bytes], step: str, limit_s: float = 120) -> None:
    """Wait until the newest run has started the step."""
    from dagster import DagsterEventType, DagsterInstance, RunsFilter
    from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES

    until = time.monotonic() + limit_s
    with DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        while time.monotonic() < until:
            assert process.poll() is None, f"the run ended before {step} began"
            for run in instance.get_runs(RunsFilter(statuses=IN_PROGRESS_RUN_STATUSES), limit=1):
                started = instance.all_logs(run.run_id, of_type=DagsterEventType.STEP_START)
                if step in [entry.step_key for entry in started]:
                    return
            time.sleep(0.05)
    pytest.fail(f"{step} did not begin within {limit_s:.0f} s")
