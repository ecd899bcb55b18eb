"""Runs the user's code as Databricks does: a Python file, an entry point of a wheel, or a notebook."""

from __future__ import annotations

import builtins
import re
import runpy
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from . import databricks_modules, engine
from .dbutils import DbUtils, NotebookExit
from .environment import Workspace
from .interposition import real_path

_MAGIC = re.compile(r"^# MAGIC .*$", re.MULTILINE)


def execute(spec: dict[str, Any], workspace: Workspace) -> None:
    """Run the task's code to its end; whatever it raises is raised here."""
    dbutils = DbUtils(spec, workspace)
    provided: dict[str, Any] = {"dbutils": dbutils, "sc": None}
    if spec["catalogs"]:
        engine.start(spec["catalogs"], workspace, spec["session"])
        from pyspark.sql import SparkSession

        provided["spark"] = SparkSession.builder.getOrCreate()
    databricks_modules.provide(spec, workspace, provided)
    for name, value in provided.items():
        setattr(builtins, name, value)
    kind = spec["kind"]
    sys.argv = [spec.get("python_file") or spec.get("package_name") or "", *spec["parameters"]]
    if kind == "spark_python_task":
        _run_file(spec["python_file"], provided)
    elif kind == "python_wheel_task":
        _run_entry_point(spec["package_name"], spec["entry_point"])
    else:
        try:
            _run_notebook(spec["python_file"], provided)
        except NotebookExit as ending:
            dbutils.save_result(ending.value)


def _run_file(path: str, provided: dict[str, Any]) -> None:
    # Python's own import system is not interposed.
    path = real_path(path)
    sys.path.insert(0, str(Path(path).parent))
    runpy.run_path(path, init_globals=provided, run_name="__main__")


def _run_entry_point(package: str, name: str) -> None:
    for entry in metadata.entry_points(name=name):
        if entry.dist is not None and _normal(entry.dist.name) == _normal(package):
            entry.load()()
            return
    module = __import__(package, fromlist=[name])
    function = getattr(module, name, None)
    if function is None:
        raise LookupError(f"Python wheel with name {package} has no entry point {name}")
    function()


def _run_notebook(path: str, provided: dict[str, Any]) -> None:
    path = real_path(path)
    source = Path(path).read_text(encoding="utf-8")
    sys.path.insert(0, str(Path(path).parent))
    module: dict[str, Any] = {"__name__": "__main__", "__file__": path, **provided}
    for cell in _MAGIC.sub("", source).split("# COMMAND ----------"):
        exec(compile(cell, path, "exec"), module)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
