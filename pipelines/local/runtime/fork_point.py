"""A copy of the task from before its engine started, for code that wants processes of its own.

Sail runs in the task's process, and Python functions as threads of it; on a real cluster they have processes. Once
the engine's threads run, no fork of the task is sound. So a fork is made before, and waits on a socket, which costs
nothing but its memory's page tables. `DATABRICKS_LOCAL_FORK_POINT` holds `<process id>:<file descriptor>` of the
socket's other end. The task's code may write one line of JSON there, `{"path": [...], "call": "module:function"}`; the
copy then calls that function with its own descriptor, `path` being what `sys.path` is by then. It ends with the task.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import socket
import sys
import traceback

VARIABLE = "DATABRICKS_LOCAL_FORK_POINT"


def leave() -> None:
    """Fork the copy. The process must have one thread."""
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        _wait(theirs)
    theirs.close()
    os.environ[VARIABLE] = f"{os.getpid()}:{ours.detach()}"


def _wait(own: socket.socket) -> None:
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        line = b""
        while not line.endswith(b"\n"):
            letter = own.recv(1)
            if not letter:
                os._exit(0)
            line += letter
        request = json.loads(line)
        sys.path[:] = request["path"]
        module, _, function = request["call"].partition(":")
        getattr(importlib.import_module(module), function)(own.detach())
        os._exit(0)
    except BaseException:
        with contextlib.suppress(BaseException):
            traceback.print_exc()
        os._exit(1)
