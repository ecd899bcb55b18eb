"""A file that kills or hangs its reader stops one run at most, and never the other files."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.engines.engine import Engine
from pipelines.tables import reader_trial
from pipelines.tables.contracts import SAMPLES, SESSION_FILES
from pipelines.tables.ingestion import ingest_sessions
from pipelines.tables.landed_files import list_landed
from pipelines.tables.reader_trial import ParsingNote, TrialError, deadly_files
from pipelines_tests.tables.landing_zone import DAY, SECONDS, LandingZone, rows

_DEADLY = [sys.executable, "-m", "pipelines_tests.tables.deadly_reader"]


def test_trial_finds_every_file_that_its_reader_does_not_survive(
    landing: LandingZone, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.csv", "deadly1.csv", "deadly2.csv", "endless.csv", "z.csv"):
        landing.session(name, b"")
    files = {file.name: file for file in list_landed(landing.folder / "sessions", DAY)}
    monkeypatch.setattr(reader_trial, "COMMAND", _DEADLY)
    found = deadly_files({name: files[name] for name in ("a.csv", "deadly1.csv", "z.csv", "deadly2.csv")}, ())
    assert set(found) == {"deadly1.csv", "deadly2.csv"}
    assert found["deadly1.csv"].code == "reader_died"
    assert f"code {-signal.SIGABRT}" in (found["deadly1.csv"].reason or "")
    monkeypatch.setattr(reader_trial, "SECONDS_PER_FILE", 2.0)
    monkeypatch.setattr(reader_trial, "STARTING_SECONDS", 0.0)
    found = deadly_files({"endless.csv": files["endless.csv"]}, ())
    assert "took longer" in (found["endless.csv"].reason or "")


def test_a_trial_that_cannot_begin_condemns_no_file(landing: LandingZone, monkeypatch: pytest.MonkeyPatch) -> None:
    landing.session("a.csv", b"")
    files = {file.name: file for file in list_landed(landing.folder / "sessions", DAY)}
    monkeypatch.setattr(reader_trial, "COMMAND", [sys.executable, "-c", "import no_such_package"])
    with pytest.raises(TrialError, match="no_such_package"):
        deadly_files(files, ())


@pytest.mark.slow
@pytest.mark.parametrize(("readers", "code"), [("threads", -signal.SIGABRT), ("processes", 1)])
def test_run_after_a_deadly_file_puts_it_aside(
    engine: Engine,
    landing: LandingZone,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    readers: str,
    code: int,
) -> None:
    landing.session("a.csv", 1)
    landing.session("deadly.csv", 2)
    landing.session("deadly-copy.csv", 2)
    landing.session("z.csv", 3)
    died = subprocess.run([*_DEADLY, str(tmp_path), readers], check=False, capture_output=True, text=True)
    assert died.returncode == code
    assert (f"A worker process ended by signal {signal.SIGABRT}" in died.stderr) == (readers == "processes")
    monkeypatch.setattr(reader_trial, "COMMAND", _DEADLY)
    report = ingest_sessions(engine, landing.folder, DAY, "run")
    assert report.quarantine_reasons == {"reader_died": 2}
    statuses = {row["file_path"].partition("/")[2]: row["status"] for row in rows(engine, SESSION_FILES)}
    assert statuses == {
        "a.csv": "accepted",
        "deadly.csv": "quarantined",
        "deadly-copy.csv": "quarantined",
        "z.csv": "accepted",
    }
    assert engine.table(SAMPLES.name).count() == 2 * SECONDS


def test_whole_run_leaves_no_note(engine: Engine, landing: LandingZone) -> None:
    landing.session("a.csv", 1)
    report = ingest_sessions(engine, landing.folder, DAY, "run")
    assert ParsingNote(engine, DAY).left_behind() == set()
    assert "trial" not in report.stage_seconds
