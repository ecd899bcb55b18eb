"""Customers' session files to measure with: an hour flown in one piece, and short cuts of such hours.

Each file has bytes of its own, because a session that is known is not analysed again.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from pipelines.engines.java import cache_folder
from pipelines.flight.simulator.plan import SessionPlan, Task
from pipelines.flight.simulator.session import fly_session
from pipelines.flight.simulator.sessions import encode_session
from pipelines.flight.simulator.syllabus import plan_session

HOUR_S = 3600
RATE_HZ = 10
_SEEDS = (70_001, 70_011)
"""Of hours that no model was trained on; each is made of the tasks of ten lessons from that seed on."""


def hours() -> list[Path]:
    """Hours as a training device records them, 10 Hz CSV, flown at the first call on this machine."""
    folder = cache_folder(os.environ) / "benchmarks" / "hours-1"
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for seed in _SEEDS:
        target = folder / f"hour_{seed}.csv"
        if not target.is_file():
            print(f"  flying an hour, seed {seed}", flush=True)
            unfinished = target.with_suffix(f".{os.getpid()}")
            unfinished.write_bytes(encode_session(fly_session(_planned(seed)), "csv"))
            unfinished.rename(target)
        made.append(target)
    return made


def _planned(seed: int) -> SessionPlan:
    """Two circuits, then airwork until the hour is over."""
    first = plan_session(seed, lesson="circuits")
    tasks = [_gone_around(task) for task in first.tasks]
    tasks.append(Task("climb_out", {"height_ft": 2500.0}))
    for number in range(1, 10):
        lesson = plan_session(seed + number, aircraft=first.aircraft_type, skill=first.skill, lesson="airwork")
        tasks += [task for task in lesson.tasks if task.name not in ("arrive", "approach")]
    return replace(first, tasks=tuple(tasks), time_limit_s=float(HOUR_S), fuel_share=1.0)


def _gone_around(task: Task) -> Task:
    if task.name == "circuit_approach" and task.arguments["ending"] == "land":
        return replace(task, arguments={**task.arguments, "ending": "go_around"})
    return task


def write_cut(source: Path, target: Path, start: int, count: int) -> None:
    """Put `count` samples of the hour, from number `start` on, into a file of their own, whole or not at all."""
    header, *samples = source.read_bytes().splitlines(keepends=True)
    unfinished = target.with_name(f".{target.name}.part")
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    unfinished.write_bytes(header + b"".join(samples[start : start + count]))
    unfinished.rename(target)


def write_cuts(folder: Path, count: int, minutes: float, first: int = 0) -> list[str]:
    """Put that many sessions of so many minutes into the folder, numbered from `first`; their names."""
    sources = [source.read_bytes().splitlines(keepends=True) for source in hours()]
    length = round(minutes * 60 * RATE_HZ)
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for number in range(first, first + count):
        header, *samples = sources[number % len(sources)]
        start = number * 97 % (len(samples) - length)
        name = f"cut_{number:05d}.csv"
        (folder / name).write_bytes(header + b"".join(samples[start : start + length]))
        names.append(name)
    return names
