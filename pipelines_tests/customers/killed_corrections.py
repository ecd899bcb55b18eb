"""Corrections that are carried out by a process of their own, which is killed at a named point.

`python -m pipelines_tests.customers.killed_corrections <engine> <home> <point> <file>...`; see
`pipelines_tests.tables.killed_run` for what a point is.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from pipelines.customers.correcting import correct
from pipelines.engines import open_engine
from pipelines.environments import settings_from
from pipelines.settings import EngineName
from pipelines_tests.tables.killed_run import acting_at


def correct_killed(engine: EngineName, home: Path, point: str, names: list[str]) -> int:
    """Carry the files of acme's inbox out; the process's exit code (-SIGKILL if it got to the point)."""
    command = [sys.executable, "-m", "pipelines_tests.customers.killed_corrections", engine, str(home), point, *names]
    return subprocess.run(command, check=False, capture_output=True, timeout=240).returncode


def _main(engine_name: EngineName, home: str, point: str, *names: str) -> None:
    engine = open_engine(engine_name, Path(home) / "warehouse")
    with acting_at(point, lambda: os.kill(os.getpid(), signal.SIGKILL)):
        correct(engine, settings_from({"PIPELINES_HOME": home}, "production"), "acme", names, True, "batch")


if __name__ == "__main__":
    _main(*sys.argv[1:])  # type: ignore[arg-type]
