"""Files of simulated sessions in a landing zone, with the instructor's annotations."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

import numpy as np

from pipelines.flight.simulator.session import FlownSession, fly_session
from pipelines.flight.simulator.syllabus import plan_session

FileFormat = Literal["csv", "parquet", "garmin"]

_ANNOTATION_HEADER = ("session_file", "start_s", "end_s", "maneuver", "instructor", "comment")


def session_file_name(flown: FlownSession, file_format: FileFormat) -> str:
    """The name that the recorder gives the file; the seed keeps names of one batch apart."""
    plan = flown.plan
    if file_format == "garmin":
        return f"log_{plan.started_at:%y%m%d_%H%M%S}_S{plan.seed:05d}.csv"
    return f"ftd_{plan.started_at:%Y%m%dT%H%M}_{plan.seed:06d}.{file_format}"


def encode_session(flown: FlownSession, file_format: FileFormat) -> bytes:
    """The bytes of the session's file."""
    from pipelines.flight.simulator import garmin, training_device

    return garmin.encode(flown) if file_format == "garmin" else training_device.encode(flown, file_format)


def encode_annotations(flown: FlownSession, session_file: str) -> bytes:
    """The instructor's annotations of the session as CSV."""
    from pipelines.flight.simulator.truth import annotate

    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_ANNOTATION_HEADER)
    instructor = f"instructor {flown.plan.seed % 7 + 1}"
    for row in annotate(flown):
        writer.writerow((session_file, f"{row.start_s:g}", f"{row.end_s:g}", row.maneuver, instructor, row.comment))
    return text.getvalue().encode("utf-8")


def write_session(flown: FlownSession, landing: Path, day: date, file_format: FileFormat = "csv") -> Path:
    """Put the session into `<landing>/sessions/<day>/` and its annotations into `<landing>/annotations/<day>/`.

    Each file appears whole or not at all, the annotations first. Returns the path of the session file.
    """
    name = session_file_name(flown, file_format)
    annotations = landing / "annotations" / day.isoformat() / f"{Path(name).stem}.csv"
    session = landing / "sessions" / day.isoformat() / name
    _write_whole(annotations, encode_annotations(flown, name))
    _write_whole(session, encode_session(flown, file_format))
    return session


def _write_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    partial.write_bytes(content)
    partial.replace(path)


def simulate_sessions(
    count: int,
    seed: int,
    landing: Path,
    day: date,
    aircraft: str | None = None,
    lesson: str | None = None,
    file_format: FileFormat | None = None,
    garmin_share: float = 0.2,
    rate_hz: float = 10.0,
    processes: int | None = None,
) -> Iterator[Path]:
    """Fly and write `count` sessions with the seeds `seed`, `seed + 1`, ...; yields each file as it is finished.

    `file_format` None mixes the training device's CSV with a share of Garmin logs. `processes` None uses all
    cores. The files do not depend on the number of processes, only their order does.
    """
    seeds = range(seed, seed + count)
    formats: list[FileFormat] = [file_format or _drawn_format(number, garmin_share) for number in seeds]
    workers = min(processes or len(os.sched_getaffinity(0)), count)
    if workers <= 1:
        for number, form in zip(seeds, formats, strict=True):
            yield _simulate_one(number, landing, day, aircraft, lesson, form, rate_hz)
        return
    # Spawned, not forked: the caller may hold engines and connections that do not survive a fork.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = [
            pool.submit(_simulate_one, number, landing, day, aircraft, lesson, form, rate_hz)
            for number, form in zip(seeds, formats, strict=True)
        ]
        try:
            for done in as_completed(waiting):
                yield done.result()
        finally:
            for future in waiting:
                future.cancel()


def _drawn_format(seed: int, garmin_share: float) -> FileFormat:
    return "garmin" if np.random.default_rng([seed, 4]).random() < garmin_share else "csv"


def _simulate_one(
    seed: int,
    landing: Path,
    day: date,
    aircraft: str | None,
    lesson: str | None,
    file_format: FileFormat,
    rate_hz: float,
) -> Path:
    plan = plan_session(seed, aircraft=aircraft, lesson=lesson, rate_hz=rate_hz)
    return write_session(fly_session(plan), landing, day, file_format)
