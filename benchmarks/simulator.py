"""How many training sessions the simulator flies per second over all cores."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import polars as pl

from benchmarks.report import Section
from benchmarks.sessions import DAY
from pipelines.flight.simulator.sessions import simulate_sessions

_SESSIONS = 40


def measure() -> Section:
    """Forty sessions of the usual mix, process start included."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        start = time.perf_counter()
        files = list(simulate_sessions(_SESSIONS, 9_000, Path(folder), DAY))
        seconds = time.perf_counter() - start
        samples = sum(_rows(file) for file in files)
        size = sum(file.stat().st_size for file in files) / 2**20
    rate = _SESSIONS / seconds
    return Section(
        "simulator",
        "Simulator",
        f"{_SESSIONS} sessions of the usual mix with their annotations, on {len(os.sched_getaffinity(0))} cores, "
        "from the start of the worker processes to the last file.",
        tables=[
            (
                "",
                ("sessions/s", "seconds a session", "samples written/s", "MiB written", "seconds"),
                [(f"{rate:.2f}", f"{1 / rate:.2f}", f"{samples / seconds:,.0f}", f"{size:.0f}", f"{seconds:.1f}")],
            )
        ],
    )


def _rows(file: Path) -> int:
    if file.suffix == ".parquet":
        return pl.scan_parquet(file).select(pl.len()).collect().item()
    return file.read_bytes().count(b"\n")
