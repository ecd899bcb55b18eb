"""Scripts that run in a process of their own, with `engine` open there over a warehouse."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_OPEN = """
import sys
from pathlib import Path
from pipelines.engines import open_engine
from pipelines_tests.engines.sample_table import FLIGHTS, SCHEMA, UPSERT
engine = open_engine({engine!r}, Path({warehouse!r}))
"""


def python(engine: str, warehouse: Path, script: str) -> subprocess.Popen[str]:
    """Start `script`, which finds `engine`, `FLIGHTS`, `SCHEMA` and `UPSERT` defined."""
    code = _OPEN.format(engine=engine, warehouse=str(warehouse)) + script
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str]) -> str:
    """What the process has printed once it has ended well."""
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0
    return output
