"""What reading a plan costs, and who among the releases may know MLflow."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pipelines.releases

FOLDER = Path(pipelines.releases.__file__).parent
KNOW_MLFLOW = {"registry.py", "gates/smoke_program.py"}
"""The registry, and the program of the clean process, which uses it to load one artifact."""


def test_one_module_talks_to_the_registry() -> None:
    found = set()
    for file in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == "mlflow" for name in names):
                found.add(file.relative_to(FOLDER).as_posix())
    assert found == KNOW_MLFLOW


def test_moves_gates_and_routes_load_without_the_heavy_packages() -> None:
    program = (
        "import sys, pipelines.releases.moves, pipelines.releases.routing, pipelines.releases.audit, "
        "pipelines.releases.registry, pipelines.releases.drift, pipelines.releases.gates.verdict; "
        "print(sorted({'mlflow', 'sklearn', 'pyspark', 'pandas', 'deltalake', 'dagster'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
