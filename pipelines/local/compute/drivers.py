"""Driver processes as the server sees them: started, given tasks, listened to, ended."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.local.settings import LocalSettings

_SOURCE = Path(__file__).resolve().parents[1] / "runtime"
_START = "import sys; sys.path.insert(0, {folder!r}); from databricks_local.driver import main; main()"


def stage_runtime(home: Path) -> Path:
    """Copy the tasks' own code out of the working tree, once per content; the folder to import it from."""
    digest = hashlib.sha256()
    sources = sorted(_SOURCE.glob("*.py"))
    for source in sources:
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    folder = home / "runtime" / digest.hexdigest()[:16]
    if not folder.is_dir():
        part = folder.with_name(f".{folder.name}.{os.getpid()}")
        (part / "databricks_local").mkdir(parents=True)
        for source in sources:
            shutil.copyfile(source, part / "databricks_local" / source.name)
        with contextlib.suppress(OSError):
            part.rename(folder)
        shutil.rmtree(part, ignore_errors=True)
    return folder


def base_environment(interpreter: Path) -> dict[str, str]:
    """The environment variables that every task starts from; nothing of the server's own."""
    return {
        "PATH": f"{interpreter.parent}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYSPARK_PYTHON": str(interpreter),
        "PYSPARK_DRIVER_PYTHON": str(interpreter),
        "PYTHONUNBUFFERED": "1",
        # Many tasks share few cores: threads that spin while they wait take them from each other.
        "OMP_WAIT_POLICY": "PASSIVE",
    }


@dataclass
class RunningTask:
    """A task in a driver: who wants to know that it started, and its exit code once it has ended."""

    started: Callable[[int], None]
    ended: asyncio.Future[int | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class DriverProcess:
    """One cluster's driver. All methods belong to the server's event loop."""

    def __init__(
        self, settings: LocalSettings, runtime: Path, log: Path, task_home: Path, preload: tuple[str, ...]
    ) -> None:
        self._settings = settings
        self._runtime = runtime
        self._log = log
        self._task_home = task_home
        self._preload = preload
        self._tasks: dict[str, RunningTask] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self.ready = asyncio.Event()
        self.not_preloaded: list[str] = []
        self.gone = False

    @property
    def pid(self) -> int | None:
        """The driver's process id."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start the process; `ready` is set once its imports are done."""
        # Packages keep caches there, such as matplotlib's list of fonts: tasks find them again.
        environment = base_environment(self._settings.interpreter) | {"HOME": str(self._task_home)}
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._process = await asyncio.create_subprocess_exec(
            str(self._settings.interpreter),
            "-I",
            "-c",
            _START.format(folder=str(self._runtime)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
            cwd=self._log.parent,
            start_new_session=True,
            limit=1 << 20,
        )
        configuration = {
            "log": str(self._log),
            "environment": environment,
            "hidden": [str(folder) for folder in self._settings.hidden],
            "shown": [str(self._settings.home)],
            "preload": list(self._preload),
        }
        self._say(configuration)
        self._reader = asyncio.create_task(self._listen())

    async def run(self, spec: dict[str, Any], started: Callable[[int], None]) -> int | None:
        """Run a task to its end; its exit code (negative: the signal), or None if the driver itself ended."""
        await self.ready.wait()
        if self.gone:
            return None
        task = RunningTask(started)
        self._tasks[spec["task_id"]] = task
        self._say({"command": "run", "spec": spec})
        return await task.ended

    def kill(self, task_id: str) -> None:
        """End a task and all its processes."""
        if not self.gone:
            self._say({"command": "kill", "task": task_id})

    async def stop(self) -> None:
        """End the driver and all its tasks."""
        if self._process is None or self._process.stdin is None:
            return
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        if self._reader is not None:
            await self._reader

    def _say(self, message: dict[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(ConnectionError, RuntimeError):
            self._process.stdin.write((json.dumps(message) + "\n").encode())

    async def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            event = json.loads(line)
            if event["event"] == "ready":
                self.not_preloaded = event["not_preloaded"]
                self.ready.set()
            elif event["event"] == "started":
                self._tasks[event["task"]].started(event["pid"])
            elif event["event"] == "ended":
                self._tasks.pop(event["task"]).ended.set_result(event["code"])
        self.gone = True
        self.ready.set()
        for task in self._tasks.values():
            if not task.ended.done():
                task.ended.set_result(None)
        self._tasks.clear()
        await self._process.wait()
