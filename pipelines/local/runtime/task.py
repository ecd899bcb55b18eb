"""One task, in a process of its own: environment, isolation, engine, then the user's code."""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

from . import code, environment, imports, interposition, isolation


def run(spec: dict[str, Any]) -> NoReturn:
    """Run the task that the server described, and end this process with its exit code."""
    status = 1
    try:
        status = _run(spec)
    except BaseException as error:
        _record(spec, error)
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        # No clean-up handlers of the forked parent: they are not this process's.
        os._exit(status)


def _run(spec: dict[str, Any]) -> int:
    os.setsid()
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    folder = Path(spec["folder"])
    _redirect(folder)
    work = folder / "work"
    work.mkdir(exist_ok=True)
    os.chdir(work)
    if spec["isolation"] == "namespace":
        isolation.enter(spec["plan"])
    else:
        interposition.install(spec["plan"])
    isolation.die_with_parent(signal.SIGKILL)
    workspace = environment.Workspace(spec["host"], spec["token"])
    environment.apply(spec["environment"], work, workspace)
    imports.ship(spec["python_path"])
    try:
        code.execute(spec, workspace)
    except SystemExit as ending:
        if ending.code not in (None, 0):
            _record(spec, ending)
            return ending.code if isinstance(ending.code, int) and 0 < ending.code < 256 else 1
    except BaseException as error:
        _record(spec, error)
        return 1
    return 0


def _redirect(folder: Path) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        opened = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    # A preloaded module may have kept the parent's streams.
    sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr


def _record(spec: dict[str, Any], error: BaseException) -> None:
    text = traceback.format_exc()
    print(text, file=sys.stderr, flush=True)
    result = {"error": f"{type(error).__name__}: {error}", "error_trace": text}
    path = Path(spec["folder"]) / "result.json"
    path.with_suffix(".part").write_text(json.dumps(result), encoding="utf-8")
    path.with_suffix(".part").replace(path)
