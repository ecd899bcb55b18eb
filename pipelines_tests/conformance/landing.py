"""A small landing zone with what matters to engines: both formats, two days, labels, a duplicate, bad files."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

from pipelines.flight.simulator.sessions import FileFormat, simulate_sessions

FIRST_DAY = date(2026, 11, 20)
SECOND_DAY = date(2026, 11, 21)
UPLOAD_DAYS = (FIRST_DAY, SECOND_DAY)

_SESSIONS: tuple[tuple[int, str, str, FileFormat], ...] = (
    # seed, aircraft, lesson, format
    (71, "c172p", "circuits", "csv"),
    (72, "c172r", "airwork", "garmin"),
    (73, "c182", "upset_training", "parquet"),
)


def fill_landing_zone(landing: Path) -> None:
    """Write the sessions, their annotations and the troublesome files below `landing`."""
    for seed, aircraft, lesson, file_format in _SESSIONS:
        for _ in simulate_sessions(
            1, seed, landing, FIRST_DAY, aircraft, lesson, file_format, rate_hz=5.0, processes=1
        ):
            pass
    first, second = (landing / "sessions" / day.isoformat() for day in UPLOAD_DAYS)
    garmin = next(first.glob("log_*.csv"))
    second.mkdir(parents=True)
    shutil.copyfile(garmin, second / "the same again.csv")
    shutil.copyfile(garmin, second / "cut off.csv")
    with (second / "cut off.csv").open("r+b") as stream:
        stream.truncate(garmin.stat().st_size * 2 // 3)
    (second / "empty.csv").write_bytes(b"")
    (second / "noise.csv").write_bytes(bytes(range(256)) * 40)
    _move_labels_to_the_second_day(landing, garmin.name)


def _move_labels_to_the_second_day(landing: Path, session_file: str) -> None:
    """An instructor labels one session a day late."""
    for labels in sorted((landing / "annotations" / FIRST_DAY.isoformat()).rglob("*.csv")):
        if session_file in labels.read_text(encoding="utf-8"):
            late = landing / "annotations" / SECOND_DAY.isoformat() / labels.name
            late.parent.mkdir(parents=True, exist_ok=True)
            labels.rename(late)
            return
    raise AssertionError(f"no annotations name {session_file}")
