"""Processes for Python functions, beside an engine that runs them as threads of this one.

Python's interpreter lock lets such threads use little more than one core. But a process in which an engine runs has
threads that a fork leaves behind with all they hold, so it cannot be forked. So a helper is forked before the engine
starts, and waits on a socket. When a batch is large enough to be worth processes, the helper forks one for each core;
that takes milliseconds, and they share what was imported by then. See `pipelines.engines.process_helper`.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

from pipelines.engines.process_helper import Answer, serve

Part = TypeVar("Part")
Result = TypeVar("Result")

_FORK_POINT = "DATABRICKS_LOCAL_FORK_POINT"
_HARMLESS = ("jemalloc_bg_thd", "polars-ooc-clea")
"""Threads that importing polars starts, by their names in Linux: their own libraries see to them in a fork."""

_ENDING_S = 0.5
"""For so long the system may still list a thread that has ended."""


class WorkerError(RuntimeError):
    """A function failed in a worker process, or the process itself did; the message has the worker's traceback."""


class WorkerProcesses:
    """One process per core when there is work, and one that waits when there is none."""

    def __init__(self, descriptor: int, helper: int | None = None) -> None:
        """`descriptor` is that of the socket to the helper, `helper` its process id if it is this one's child."""
        self._connection = Connection(descriptor)
        self._helper = helper
        self._turn = threading.Lock()

    def map(self, function: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
        """The function's result for each part; the environment variables there are those here, now.

        Function, parts and results must be such that pickle can move them.

        Raises:
            WorkerError: a part failed; the others may have been worked on, or not.
        """
        with self._turn:
            try:
                self._connection.send_bytes(pickle.dumps((dict(os.environ), function, list(parts))))
                answer: Answer = self._connection.recv()
            except (EOFError, OSError) as error:
                raise WorkerError("The process that forks workers has ended; start this run again.") from error
            except BaseException:  # an interrupt: the workers end, and no later request gets this one's answer
                self._connection.close()
                raise
        results, failure = answer
        if results is None:
            raise WorkerError(f"A worker process failed:\n{failure}")
        return results

    def stop(self) -> None:
        """End the helper."""
        self._connection.close()
        if self._helper is not None:
            os.waitpid(self._helper, 0)


def fork_helper() -> WorkerProcesses | None:
    """Workers whose helper is a fork of this process; None if it has threads, so that no fork of it is sound."""
    if not sys.platform.startswith("linux") or threading.active_count() > 1 or set(_threads()) - {_own_name()}:
        return None
    ours, theirs = socket.socketpair()
    helper = os.fork()
    if helper == 0:
        _begin(theirs.detach())
    theirs.close()
    workers = WorkerProcesses(ours.detach(), helper)
    # Numerical libraries end their threads before a fork, for it to be sound. Other threads stay.
    deadline = time.monotonic() + _ENDING_S
    while len(_threads()) > 1:
        if time.monotonic() > deadline:
            workers.stop()
            return None
        time.sleep(0.001)
    return workers


@cache
def helper_of_task() -> WorkerProcesses | None:
    """Workers whose helper is the copy that the local workspace made of this task before its engine started."""
    process, _, descriptor = os.environ.get(_FORK_POINT, "").partition(":")
    if process != str(os.getpid()):
        return None
    request = {"path": sys.path, "call": f"{serve.__module__}:{serve.__name__}"}
    os.write(int(descriptor), json.dumps(request).encode() + b"\n")
    return WorkerProcesses(int(descriptor))


def _begin(descriptor: int) -> None:
    """Be the helper. What the other process holds open, this one does not: a lock would outlive its holder."""
    try:
        for held in [int(file.name) for file in Path("/proc/self/fd").iterdir()]:
            if held > 2 and held != descriptor:
                with contextlib.suppress(OSError):  # the listing's own
                    os.close(held)
        serve(descriptor)
    finally:
        os._exit(1)


def _threads() -> list[str]:
    """Names of this process's threads, the harmless ones left out."""
    names = []
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            names.append((thread / "comm").read_text().strip())
    return [name for name in names if name not in _HARMLESS]


def _own_name() -> str:
    return Path("/proc/self/comm").read_text().strip()
