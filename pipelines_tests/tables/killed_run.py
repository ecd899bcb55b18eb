"""A run in a process of its own that kills itself, as a power failure would, at a named point.

`python -m pipelines_tests.tables.killed_run <engine> <folder> <point>`; `<folder>` holds landing/ and warehouse/. The
point is `<module>#<function>:<before|after>:<n-th call>`, or `none`. Batches are of three files,
which the embedded engine reads in processes even so.
"""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipelines.engines import open_engine
from pipelines.engines.engine import Engine
from pipelines.tables import session_ingestion, spreading
from pipelines_tests.tables import landing_zone
from pipelines_tests.tables.landing_zone import LandingZone


def run_killed(engine_name: str, folder: Path, point: str, steps: str = "ingest,refine") -> int:
    """Start such a run and wait for its end; returns its exit code (-SIGKILL if it got to the point)."""
    command = [sys.executable, "-m", "pipelines_tests.tables.killed_run", engine_name, str(folder), point, steps]
    return subprocess.run(command, check=False, capture_output=True, timeout=240).returncode


def start_run(engine_name: str, folder: Path, steps: str = "ingest,refine") -> subprocess.Popen[bytes]:
    """Start an undisturbed run and do not wait for it."""
    command = [sys.executable, "-m", "pipelines_tests.tables.killed_run", engine_name, str(folder), "none", steps]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@contextmanager
def acting_at(point: str, act: Callable[[], object]) -> Iterator[None]:
    """Within it, `act` happens when this process gets to the point."""
    place, when, number = point.split(":")
    module_name, _, path = place.partition("#")
    owner: Any = importlib.import_module(module_name)
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    real = getattr(owner, name)
    calls = 0

    def armed(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == int(number) and when == "before":
            act()
        result = real(*arguments, **named)
        if calls == int(number) and when == "after":
            act()
        return result

    setattr(owner, name, armed)
    try:
        yield
    finally:
        setattr(owner, name, real)


def copy_at_points(engine: Engine, points: Sequence[str], copies: Path) -> None:
    """Run in this process and copy the home at each point to `<copies>/<number of the point>`.

    It is what a run that is killed there leaves behind: nothing is being written while a point is passed.
    """
    home = engine.folders.parent
    with ExitStack() as armed:
        for number, point in enumerate(points):
            copy = partial(shutil.copytree, home, copies / str(number), copy_function=shutil.copy2)
            armed.enter_context(acting_at(point, copy))
        _run(engine, LandingZone(home / "landing"))


def _run(engine: Engine, landing: LandingZone, steps: str = "ingest,refine") -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session_ingestion, "BATCH_FILES", 3)
        patch.setattr(spreading, "_WORTH_PROCESSES", 0)
        if "ingest" in steps:
            landing_zone.ingest(engine, landing, run_id=f"run-{os.getpid()}")
        if "refine" in steps:
            landing_zone.refine(engine, run_id=f"run-{os.getpid()}")


def _main(engine_name: str, folder: str, point: str, steps: str) -> None:
    engine = open_engine(engine_name, Path(folder) / "warehouse")  # type: ignore[arg-type]
    engine.spark.range(1).collect()
    assert (engine.processes is not None) == engine.python_is_threaded
    killing = nullcontext() if point == "none" else acting_at(point, lambda: os.kill(os.getpid(), signal.SIGKILL))
    with killing:
        _run(engine, LandingZone(Path(folder) / "landing"), steps)
    engine.stop()


if __name__ == "__main__":
    _main(*sys.argv[1:])
