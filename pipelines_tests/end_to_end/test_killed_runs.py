"""A run that loses its process, its task or its workspace, or meets another run, and the tables after the next one."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import psutil
import pytest

from pipelines.embedded import connected, local_settings
from pipelines.engines import open_engine
from pipelines.local.lifecycle import status
from pipelines.settings import Settings
from pipelines.tables.contracts import GOLD
from pipelines_tests.conformance.flow import make_day
from pipelines_tests.end_to_end.caught_step import CaughtStep, caught_step
from pipelines_tests.end_to_end.environment import DAY, contents, environment_in, finish, start_job, upload_sessions

pytestmark = pytest.mark.slow

_ATTEMPTS = 3
"""How often a step may be over before it can be killed; each attempt has an upload day of its own."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """One environment for all of this module's tests; each has an upload day and flights of its own."""
    with environment_in(tmp_path_factory.mktemp("killed") / "home") as found:
        yield found


def kill_run(settings: Settings, process: subprocess.Popen[bytes], step: CaughtStep) -> None:
    """The process that launches steps dies; the step that it launched goes on without it."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    step.go_on()


def kill_task(settings: Settings, process: subprocess.Popen[bytes], step: CaughtStep) -> None:
    """The processes of the step die, and the run hears of it."""
    step.kill()
    process.communicate(timeout=300)
    assert process.returncode != 0


def kill_workspace(settings: Settings, process: subprocess.Popen[bytes], step: CaughtStep) -> None:
    """The workspace dies with its clusters and tasks, and is started anew by whoever needs it next."""
    server = status(local_settings(settings), "development").pid
    assert server is not None
    os.kill(server, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(server)] if psutil.pid_exists(server) else [], timeout=10)
    connected(settings)
    process.communicate(timeout=300)
    assert process.returncode != 0


@pytest.mark.parametrize(
    ("number", "step", "kill"),
    [
        (1, "ingest_session_files", kill_run),
        (2, "ingest_session_files", kill_task),
        (3, "refine_flight_samples", kill_task),
        (4, "refine_maneuvers", kill_workspace),
        (5, "refine_sessions", kill_run),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_the_next_run_makes_good_what_was_killed(
    number: int,
    step: str,
    kill: Callable[[Settings, subprocess.Popen[bytes], CaughtStep], None],
    settings: Settings,
    tmp_path: Path,
):
    for attempt in range(_ATTEMPTS):
        day = DAY + timedelta(days=number + 20 * attempt)
        upload_sessions(settings, first_seed=10 * number + 3 * attempt, day=day)
        since = time.time()
        process = start_job(settings, "ingest", day)
        caught = caught_step(settings, lambda process=process: process.poll() is None, since, step)
        if caught is not None:
            kill(settings, process, caught)
            finish(start_job(settings, "ingest", day))
            assert contents(settings.tables, day) == _undisturbed(settings, day, tmp_path)
            return
        finish(process)
    pytest.fail(f"{step} ended before it could be killed, {_ATTEMPTS} times")


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
