"""A run in a process of its own that kills itself, as a power failure would, at a named point.

`python -m pipelines_tests.tables.killed_run <engine> <folder> <point>`; `<folder>` holds landing/ and warehouse/. The
point is `<module>#<function>:<before|after>:<n-th call>`, or `none`. Batches are of three files,
which the embedded engine reads in processes even so.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any


def run_killed(engine_name: str, folder: Path, point: str, steps: str = "ingest,refine") -> int:
    """Start such a run and wait for its end; returns its exit code (-SIGKILL if it got to the point)."""
    command = [sys.executable, "-m", "pipelines_tests.tables.killed_run", engine_name, str(folder), point, steps]
    return subprocess.run(command, check=False, capture_output=True, timeout=240).returncode


def start_run(engine_name: str, folder: Path, steps: str = "ingest,refine") -> subprocess.Popen[bytes]:
    """Start an undisturbed run and do not wait for it."""
    command = [sys.executable, "-m", "pipelines_tests.tables.killed_run", engine_name, str(folder), "none", steps]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _arm(point: str) -> None:
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
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*arguments, **named)
        if calls == int(number) and when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, armed)


def _main(engine_name: str, folder: str, point: str, steps: str) -> None:
    from pipelines.engines import open_engine
    from pipelines.tables import session_ingestion, spreading
    from pipelines_tests.tables.landing_zone import LandingZone, ingest, refine

    engine = open_engine(engine_name, Path(folder) / "warehouse")  # type: ignore[arg-type]
    engine.spark.range(1).collect()
    assert (engine.processes is not None) == engine.python_is_threaded
    spreading._WORTH_PROCESSES = 0
    session_ingestion.BATCH_FILES = 3
    if point != "none":
        _arm(point)
    if "ingest" in steps:
        ingest(engine, LandingZone(Path(folder) / "landing"), run_id=f"run-{os.getpid()}")
    if "refine" in steps:
        refine(engine, run_id=f"run-{os.getpid()}")
    engine.stop()


if __name__ == "__main__":
    _main(*sys.argv[1:])
