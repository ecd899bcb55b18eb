"""The registry of the embedded environment comes to be once, whoever needs it first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_CONNECT = """
import sys
from pathlib import Path
from pipelines.environments import settings_from
from pipelines.training.registry import connect
settings = settings_from({"PIPELINES_HOME": sys.argv[1]}, "production")
import mlflow
print("ready", flush=True)
sys.stdin.readline()
print(len(connect(settings).search_experiments()))
"""


@pytest.mark.slow
def test_models_of_a_first_release_may_lay_out_the_registry_at_once(tmp_path: Path):
    command = [sys.executable, "-c", _CONNECT, str(tmp_path)]
    pipe = subprocess.PIPE
    started = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(3)]
    for process in started:  # imports differ in length: the race begins when all are through
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        answer, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors[-3000:]
        assert answer == "1\n"
