"""The program of the task as one file: the modules of `remote/`, put together.

It is of the control side's version, whatever commit's code it runs, so both ends always speak the same protocol.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

_MODULES = ("segments", "redaction", "writer", "shipped_code", "step", "task")
_PACKAGE = "pipelines_remote_step"
_LOADER = '''"""Runs one step of a Dagster run. Made by the step launcher from the modules below; do not edit."""

import linecache
import sys
import types

SOURCES = {sources!r}


def load(name, source):
    module = types.ModuleType(name)
    module.__package__ = {package!r}
    module.__file__ = f"<{{name}}>"
    if name == {package!r}:
        module.__path__ = []
    sys.modules[name] = module
    linecache.cache[module.__file__] = (len(source), None, source.splitlines(True), module.__file__)
    exec(compile(source, module.__file__, "exec"), module.__dict__)
    return module


def databricks_utilities():
    if "dbutils" in globals():
        return globals()["dbutils"]
    from databricks.sdk.runtime import dbutils

    return dbutils


if __name__ == "__main__":
    load({package!r}, "")
    for name, source in SOURCES.items():
        task = load(f"{package}.{{name}}", source)
    task.main(sys.argv[1:], databricks_utilities())
'''


@cache
def remote_program() -> bytes:
    """Source of the Python file that every submitted task runs."""
    folder = Path(__file__).parent / "remote"
    sources = {name: (folder / f"{name}.py").read_text(encoding="utf-8") for name in _MODULES}
    return _LOADER.format(sources=sources, package=_PACKAGE).encode()
