"""What loading the definitions costs beyond importing the Dagster packages that they use."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.report import Section, Target, in_turns, spread

_DEFINITIONS = "from pipelines.definitions import development; development().get_repository_def()"
_WHAT = "import sys; print(' '.join(sorted({name.split('.')[0] for name in sys.modules})))"
_FORBIDDEN = (
    "mlflow", "sklearn", "skops", "pyspark", "pysail", "jsbsim", "matplotlib", "pandas", "polars",
    "dagster_aws", "boto3",
)  # fmt: skip
_RUNS = 9
_LIMIT = 1.2


def measure() -> Section:
    """Fresh processes in turns: the definitions, and the Dagster packages that are then loaded."""
    loaded = set(_output(f"{_DEFINITIONS}; {_WHAT}").split())
    used = sorted(name for name in loaded if name == "dagster" or name.startswith("dagster_"))
    imports = f"import {', '.join(used)}"
    definitions, dagster, likewise, nothing = in_turns(
        _RUNS,
        lambda: _seconds(_DEFINITIONS),
        lambda: _seconds(imports),
        lambda: _seconds(f"import gc; gc.disable(); {imports}; gc.freeze()"),
        lambda: _seconds("pass"),
    )
    ratio = statistics.median(definitions) / statistics.median(dagster)
    unwanted = [name for name in _FORBIDDEN if name in loaded]
    section = Section(
        "loading",
        "Loading the definitions",
        f"A fresh process each time: load the definitions, against `{imports}` (the Dagster packages that loading "
        f"them pulls in). {_RUNS} runs in turns. Garbage collection is paused while definitions load, which then are "
        "frozen; plain imports are not. That also spares the collection at the end of the process. Against imports "
        f"that are treated likewise it is {statistics.median(definitions) / statistics.median(likewise):.2f} times.",
        [
            Target(
                f"loading the definitions costs at most {_LIMIT} times those imports", f"{ratio:.2f}", ratio <= _LIMIT
            ),
            Target("it pulls in none of " + ", ".join(_FORBIDDEN), ", ".join(unwanted) or "none", not unwanted),
        ],
    )
    rows = [
        ("definitions", spread(definitions)),
        ("Dagster packages", spread(dagster)),
        ("Dagster packages, collection paused and frozen likewise", spread(likewise)),
        ("Python alone", spread(nothing)),
    ]
    section.tables.append(("Seconds from process start to end:", ("", "seconds"), rows))
    return section


def _output(code: str) -> str:
    root = Path(__file__).parents[1]
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root, env={**os.environ}
    ).stdout


def _seconds(code: str) -> float:
    start = time.perf_counter()
    _output(code)
    return time.perf_counter() - start
