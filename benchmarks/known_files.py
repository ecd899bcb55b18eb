"""What ten new files cost when 100 and when 10,000 files are already known."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from benchmarks.report import Section, Target, in_turns, spread
from benchmarks.sessions import DAY, fill_short
from pipelines.engines import open_engine
from pipelines.engines.engine import Engine
from pipelines.tables.ingestion import ingest_sessions

_KNOWN = (100, 10_000)
_PER_DAY = 100
_NEW = 10
_RUNS = 5
_LIMIT = 1.5


def measure() -> Section:
    """Warehouses with 100 and 10,000 sessions, then ten new files a day, in turns."""
    section = Section(
        "known_files",
        "Ten new files, many known",
        f"Short Garmin logs (two minutes), {_PER_DAY} known files on each upload day up to yesterday. Timed is the "
        f"ingestion of a day with {_NEW} new files, in a warm process. Listed apart: the day itself holds the known "
        "files, all 10,000 of them.",
    )
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        engines = {known: _known_by(Path(folder, str(known)), known, _PER_DAY) for known in _KNOWN}
        section.targets.append(_target(engines, "spread over upload days", first_day=DAY))
        one_day = {known: _known_by(Path(folder, f"day-{known}"), known, known) for known in _KNOWN}
        one_target = _target(one_day, "all on the day of the new ones", first_day=None)
        section.tables.append(
            ("All known files on one upload day:", ("ratio", "within"), [(one_target.measured, one_target.is_met)])
        )
        for engine in (*engines.values(), *one_day.values()):
            engine.stop()
    return section


def _target(engines: dict[int, Engine], where: str, first_day: date | None) -> Target:
    used = {known: known for known in _KNOWN}
    days = {known: first_day or DAY - timedelta(days=1) for known in _KNOWN}

    def ingest(known: int) -> float:
        engine = engines[known]
        landing = engine.folders.parent / "landing"
        day = days[known]
        if first_day is not None:
            days[known] += timedelta(days=1)
        fill_short(landing, used[known], _NEW, day)
        used[known] += _NEW
        start = time.perf_counter()
        report = ingest_sessions(engine, landing, day, "benchmark")
        seconds = time.perf_counter() - start
        assert report.accepted == _NEW
        return seconds

    few, many = in_turns(_RUNS, *(lambda known=known: ingest(known) for known in _KNOWN))
    ratio = statistics.median(many) / statistics.median(few)
    return Target(
        f"with 10,000 known files ({where}) at most {_LIMIT} times the cost with 100",
        f"{ratio:.2f} ({spread(many)} against {spread(few)}, {_RUNS} runs)",
        ratio <= _LIMIT,
    )


def _known_by(folder: Path, count: int, per_day: int) -> Engine:
    """An engine whose ledger knows `count` files, ingested as any other."""
    engine = open_engine("sail", folder / "warehouse")
    landing = folder / "landing"
    for number, first in enumerate(range(0, count, per_day), start=1):
        day = DAY - timedelta(days=number)
        fill_short(landing, first, min(per_day, count - first), day)
        ingest_sessions(engine, landing, day, "benchmark")
        if number > 1:
            shutil.rmtree(landing / "sessions" / day.isoformat())
        print(f"  {min(first + per_day, count):,} of {count:,} known files ingested", flush=True)
    return engine
