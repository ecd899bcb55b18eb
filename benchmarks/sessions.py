"""Session files to measure with: flown once by the simulator, cached, and multiplied with differing bytes."""

from __future__ import annotations

import os
import shutil
from datetime import date
from pathlib import Path

from pipelines.flight.simulator.sessions import simulate_sessions
from pipelines.machine_cache import cache_folder

DAY = date(2026, 11, 20)
_FLOWN = (("csv", 16, 500), ("garmin", 4, 900))
"""Format, number of sessions, first seed: four in five files come from a training device at 10 Hz."""


def flown_sessions() -> list[Path]:
    """The twenty session files that everything here is made of, flown at the first call on this machine."""
    folder = cache_folder(os.environ) / "benchmarks" / "flown-2"
    if not folder.is_dir():
        unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
        for file_format, count, seed in _FLOWN:
            for number, _ in enumerate(
                simulate_sessions(count, seed, unfinished, DAY, file_format=file_format),  # type: ignore[arg-type]
                start=1,
            ):
                print(f"  flying {file_format} session {number} of {count}", flush=True)
        (unfinished / "sessions" / DAY.isoformat()).rename(folder)
        shutil.rmtree(unfinished)
    return sorted(folder.iterdir())


def fill(landing: Path, count: int, day: date = DAY) -> list[Path]:
    """Put `count` sessions of differing bytes into a landing zone: copies lose some of their first samples."""
    folder = landing / "sessions" / day.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    sources = flown_sessions()
    # Every fifth file is a Garmin log, also among the first few.
    devices = [path for path in sources if not path.name.startswith("log_")]
    garmin = [path for path in sources if path.name.startswith("log_")]
    written = []
    for number in range(count):
        source = garmin[(number // 5) % len(garmin)] if number % 5 == 4 else devices[number % len(devices)]
        target = folder / f"{number:05d}_{source.name}"
        _write_shortened(source, target, header_lines=3 if number % 5 == 4 else 1, lost=number)
        written.append(target)
    return written


def fill_short(landing: Path, first: int, count: int, day: date = DAY) -> None:
    """Put `count` short Garmin logs of about two minutes into a landing zone, numbered from `first`."""
    folder = landing / "sessions" / day.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    source = next(path for path in flown_sessions() if path.name.startswith("log_"))
    lines = source.read_bytes().splitlines(keepends=True)
    for number in range(first, first + count):
        start = 3 + number % 300
        marked = lines[0].rstrip(b"\r\n") + b', copy="%d"\n' % number
        (folder / f"{number:06d}.csv").write_bytes(marked + b"".join(lines[1:3] + lines[start : start + 120]))


def _write_shortened(source: Path, target: Path, header_lines: int, lost: int) -> None:
    lines = source.read_bytes().splitlines(keepends=True)
    target.write_bytes(b"".join(lines[:header_lines] + lines[header_lines + lost :]))
