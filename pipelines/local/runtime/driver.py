"""A cluster's driver process: imports once, then forks one process per task.

Speaks JSON lines with the server: commands on standard input, events on what was standard output. It stays
single-threaded and opens no gRPC channel, so that a fork of it is sound. It ends when the server does.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import sys
import time
from typing import Any

from . import imports, task


class Driver:
    """The tasks of one cluster, by process id."""

    def __init__(self, events: int) -> None:
        self._events = events
        self._tasks: dict[int, str] = {}

    def emit(self, event: dict[str, Any]) -> None:
        """Tell the server."""
        os.write(self._events, (json.dumps(event) + "\n").encode())

    def start(self, spec: dict[str, Any]) -> None:
        """Fork a process that runs the task; its standard streams go to the task's folder."""
        pid = os.fork()
        if pid == 0:
            os.close(self._events)
            task.run(spec)
        self._tasks[pid] = spec["task_id"]
        self.emit({"event": "started", "task": spec["task_id"], "pid": pid})

    def kill(self, identifier: str) -> None:
        """End a task and everything that it started."""
        for pid, name in self._tasks.items():
            if name == identifier:
                _kill_group(pid)

    def reap(self) -> None:
        """Report the tasks that have ended."""
        while self._tasks:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            identifier = self._tasks.pop(pid, None)
            if identifier is not None:
                _kill_group(pid)
                self.emit({"event": "ended", "task": identifier, "code": os.waitstatus_to_exitcode(status)})

    def end(self) -> None:
        """End all tasks."""
        for pid in self._tasks:
            _kill_group(pid)


def _kill_group(pid: int) -> None:
    # The task may not have become the leader of its group yet.
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def _preload(names: list[str]) -> list[str]:
    failed = []
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:
            failed.append(f"{name}: {type(error).__name__}: {error}")
    gc.collect()
    gc.freeze()
    return failed


def main() -> None:
    """Run until standard input ends."""
    events = os.dup(1)
    os.set_inheritable(events, False)
    configuration = json.loads(_read_line())
    log = os.open(configuration["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.clear()
    os.environ.update(configuration["environment"])
    imports.seal(configuration["hidden"], configuration["shown"])
    driver = Driver(events)
    began = time.monotonic()
    failed = _preload(configuration["preload"])
    driver.emit({"event": "ready", "seconds": round(time.monotonic() - began, 3), "not_preloaded": failed})
    _serve(driver)


def _read_line() -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        letter = os.read(0, 1)
        if not letter:
            sys.exit(0)
        line += letter
    return line


def _serve(driver: Driver) -> None:
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    os.set_blocking(wake_read, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: _leave(driver))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ)
        selector.register(wake_read, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fd == wake_read:
                    with contextlib.suppress(BlockingIOError):
                        os.read(wake_read, 4096)
                    driver.reap()
                    continue
                chunk = os.read(0, 65536)
                if not chunk:
                    _leave(driver)
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    _obey(driver, json.loads(line))


def _obey(driver: Driver, command: dict[str, Any]) -> None:
    if command["command"] == "run":
        driver.start(command["spec"])
    elif command["command"] == "kill":
        driver.kill(command["task"])


def _leave(driver: Driver) -> None:
    driver.end()
    os._exit(0)
