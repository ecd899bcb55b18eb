"""Where no mount namespace is to be had: Databricks' paths by way of Python's own file functions.

Covers what opens files from Python (`open`, `os`, `pathlib`, `shutil`, `zipfile`, ...). Native readers, such as
pyarrow's and the engine's own, do not see `/dbfs`, `/Volumes` and `/Workspace` then.
"""

from __future__ import annotations

import builtins
import functools
import io
import os
from collections.abc import Callable
from typing import Any

_ONE_PATH = (
    *("open", "stat", "lstat", "listdir", "scandir", "mkdir", "rmdir", "remove", "unlink", "access"),
    *("chmod", "utime", "readlink", "truncate", "statvfs", "chdir"),
)
_TWO_PATHS = ("rename", "replace", "link", "symlink")


def install(plan: dict[str, Any]) -> None:
    """Map the plan's virtual folders to where they really are, for this process."""
    views = sorted(((target, source) for source, target, _ in plan["views"] if target != source), reverse=True)
    for target, source in views:
        _mapped[target.rstrip("/")] = source
    for module in (builtins, io):
        module.open = _wrapped(module.open, 1)  # type: ignore[assignment]
    for name in _ONE_PATH:
        setattr(os, name, _wrapped(getattr(os, name), 1))
    for name in _TWO_PATHS:
        setattr(os, name, _wrapped(getattr(os, name), 2))


_mapped: dict[str, str] = {}


def real_path(path: Any) -> Any:
    """Where a path of the task's view really is."""
    if not isinstance(path, str | bytes | os.PathLike):
        return path
    text = os.fspath(path)
    if isinstance(text, bytes):
        text = os.fsdecode(text)
    for target, source in _mapped.items():
        if text == target or text.startswith(target + "/"):
            return source + text[len(target) :]
    return path


def _wrapped(function: Callable[..., Any], paths: int) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*arguments: Any, **named: Any) -> Any:
        mapped = [real_path(argument) for argument in arguments[:paths]]
        return function(*mapped, *arguments[paths:], **named)

    return wrapper
