"""A run that is killed at any point, or meets another one, and the tables after the next run."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from pipelines.environments import Settings
from pipelines_tests.end_to_end.environment import contents, settings_in, start_job, upload_sessions

pytestmark = pytest.mark.slow

# The step after whose start the process dies, and the seconds that it is given in it.
POINTS = (
    ("ingest_annotation_files", 0.0),
    ("ingest_session_files", 0.3),
    ("ingest_session_files", 1.5),
    ("refine_flight_samples", 0.5),
    ("refine_maneuvers", 0.0),
    ("refine_sessions", 0.2),
)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, object]]]:
    """The tables after one run that nobody disturbed."""
    settings = settings_in(tmp_path_factory.mktemp("undisturbed"))
    upload_sessions(settings)
    _finish(start_job(settings, "ingest"))
    return contents(settings)


def test_an_undisturbed_run_brings_every_file_to_its_place(undisturbed: dict[str, list[dict[str, object]]]):
    ledger = {row["file_path"]: row["status"] for row in undisturbed["main.bronze.session_files"]}
    assert ledger == {
        **{f"2026-03-04/flight-{seed}.csv": "accepted" for seed in (1, 2, 3)},
        "2026-03-04/holiday.csv": "quarantined",
    }
    assert len(undisturbed["main.gold.sessions"]) == 3
    seconds = undisturbed["main.gold.flight_samples"]
    assert len(seconds) == sum(int(str(row["second_count"])) for row in undisturbed["main.gold.sessions"])
    labels = [row["maneuver"] for row in seconds if row["maneuver"] is not None]
    assert {label: labels.count(label) for label in set(labels)} == {"ground": 3 * 40, "climb": 3 * 150}


@pytest.mark.parametrize(("step", "seconds"), POINTS)
def test_a_killed_run_is_made_good_by_the_next(
    step: str, seconds: float, undisturbed: dict[str, list[dict[str, object]]], tmp_path: Path
):
    settings = settings_in(tmp_path)
    upload_sessions(settings)
    process = start_job(settings, "ingest")
    _wait_for_step(process, step)
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL, "the run was over before it was killed"
    _finish(start_job(settings, "ingest"))
    assert contents(settings) == undisturbed


def test_two_runs_of_one_day_at_once_end_as_one(undisturbed: dict[str, list[dict[str, object]]], tmp_path: Path):
    settings = settings_in(tmp_path)
    upload_sessions(settings)
    for process in [start_job(settings, "ingest") for _ in range(2)]:
        _finish(process)
    assert contents(settings) == undisturbed


def test_a_run_with_nothing_new_changes_no_table(tmp_path: Path):
    settings = settings_in(tmp_path)
    upload_sessions(settings, count=1)
    _finish(start_job(settings, "ingest"))
    before = _versions(settings)
    _finish(start_job(settings, "ingest"))
    assert _versions(settings) == before


def _versions(settings: Settings) -> dict[str, int]:
    logs = settings.tables.glob("*/*/*/_delta_log")
    return {str(log.parent.relative_to(settings.tables)): len(list(log.glob("*.json"))) for log in logs}


def _wait_for_step(process: subprocess.Popen[bytes], step: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if re.search(rf" {step} - STEP_START ".encode(), line):
            return
    pytest.fail(f"the run ended before {step} began")


def _finish(process: subprocess.Popen[bytes]) -> None:
    _, errors = process.communicate(timeout=400)
    assert process.returncode == 0, errors.decode(errors="replace")[-3000:]
