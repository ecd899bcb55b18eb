"""A training and its predictions in a process of its own that kills itself at a named point.

`python -m pipelines_tests.training.killed_training <folder> <point>`; `<folder>` holds the warehouse with gold.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

from pipelines.engines import open_engine
from pipelines.environments import settings_from
from pipelines.training.predict import PredictionReport, predict_sessions
from pipelines.training.train import train_model
from pipelines_tests.tables.killed_run import acting_at

MODEL = "maneuver_classifier"


def run_killed(folder: Path, point: str) -> int:
    """Start such a process and wait for its end; its exit code (-SIGKILL if it got to the point)."""
    command = [sys.executable, "-m", "pipelines_tests.training.killed_training", str(folder), point]
    return subprocess.run(command, check=False, capture_output=True, timeout=240).returncode


def train_and_predict(folder: Path, point: str = "none") -> PredictionReport:
    """Train on the folder's gold and judge all of it, on the embedded engine."""
    settings = settings_from({"PIPELINES_HOME": str(folder)})
    engine = open_engine("sail", folder / "warehouse")
    killing = nullcontext() if point == "none" else acting_at(point, lambda: os.kill(os.getpid(), signal.SIGKILL))
    try:
        with killing:
            made = train_model(MODEL, engine, settings, {"dagster_run_id": "run-1"})
            return predict_sessions(MODEL, made.version, engine, settings)
    finally:
        engine.stop()


if __name__ == "__main__":
    train_and_predict(Path(sys.argv[1]), sys.argv[2])
