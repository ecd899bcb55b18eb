"""Dagster's launcher of runs, but for their processes: forked in a moment where Dagster's start anew takes seconds.

Dagster's own starts an interpreter for each run, which imports Dagster, these definitions and Databricks' SDK before
it does anything: on two cores as long as a whole request of a customer needs else. Here a process has imported them
once (Python's fork server: it has no threads, so a fork of it is sound) and each run is a fork of it, by the very
function that Dagster's code server would call in the new interpreter. Everything else is as there: a run is one
process, it can be terminated, and one that dies is noticed: by the daemon that has launched it at once, and after that
one's death by Dagster's monitoring.

Code that has changed since is not run from there: runs then start as Dagster starts them, until it is started anew.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
import time
from contextlib import suppress
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher

if TYPE_CHECKING:
    from dagster import DagsterRun

_PRELOADED = "pipelines.run_processes.preloaded"
_PROCESS_TAG = ".dagster/pipelines-run-process"
"""Number and start of a run's process, for whoever terminates the run from another process."""
_STARTS_WITHIN_S = 120.0
_PACKAGE = Path(__file__).resolve().parents[1]


class WarmRunLauncher(DefaultRunLauncher):
    """Forks the processes of runs, on the machine of the daemon that launches them."""

    def __init__(self, inst_data: Any = None) -> None:
        super().__init__(inst_data)
        self._forks: ForkServerContext | None = None
        self._code: frozenset[tuple[str, int]] = frozenset()
        self._stops: dict[str, Event] = {}

    def launch_run(self, context: LaunchRunContext) -> None:
        run = context.dagster_run
        if run.job_code_origin is None or (forks := self._current_forks()) is None:
            super().launch_run(context)
            return
        self._fork(forks, run)

    def terminate(self, run_id: str) -> bool:
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished or _PROCESS_TAG not in run.tags:
            return super().terminate(run_id)
        self._instance.report_run_canceling(run)
        if (stop := self._stops.get(run_id)) is not None:
            stop.set()
            return True
        process = _living(run.tags[_PROCESS_TAG])
        if process is not None:
            os.kill(process, signal.SIGINT)
        return process is not None

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Asked of each run under way by Dagster's monitoring: a run may outlive the daemon that attends it, or not."""
        tag = run.tags.get(_PROCESS_TAG)
        if tag is None or _living(tag) is not None:  # one that was not forked here is others' to attend
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, f"its process {tag.partition(' ')[0]} has ended")

    def _current_forks(self) -> ForkServerContext | None:
        """Where processes are forked; None if the code is not what was imported there."""
        code = _code_on_disk()
        if self._forks is None:
            self._forks, self._code = multiprocessing.get_context("forkserver"), code
            self._forks.set_forkserver_preload([_PRELOADED])
        return self._forks if code == self._code else None

    def _fork(self, forks: ForkServerContext, run: DagsterRun) -> None:
        from dagster._core.errors import DagsterLaunchFailedError
        from dagster._grpc.impl import start_run_in_subprocess
        from dagster._grpc.types import ExecuteExternalJobArgs
        from dagster._serdes import serialize_value
        from dagster._utils.hosted_user_process import recon_job_from_origin

        assert run.job_code_origin is not None
        arguments = ExecuteExternalJobArgs(
            job_origin=run.remote_job_origin,  # type: ignore[arg-type]
            run_id=run.run_id,
            instance_ref=self._instance.get_ref(),
        )
        told, stop = forks.Queue(), forks.Event()
        process = forks.Process(
            target=start_run_in_subprocess,
            args=(serialize_value(arguments), recon_job_from_origin(run.job_code_origin), told, stop),
        )
        process.start()
        assert process.pid is not None
        self._instance.add_run_tags(run.run_id, {_PROCESS_TAG: f"{process.pid} {_started(process.pid)}"})
        self._stops[run.run_id] = stop
        threading.Thread(target=self._attend, args=(run.run_id, process), name=f"run {run.run_id}", daemon=True).start()
        if (problem := _problem(told, process)) is not None:
            raise DagsterLaunchFailedError(problem)

    def _attend(self, run_id: str, process: ForkServerProcess) -> None:
        """Wait for the process's end; a run that it has left unfinished has failed."""
        from dagster._utils import get_run_crash_explanation

        process.join()
        self._stops.pop(run_id, None)
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return
        message = get_run_crash_explanation(
            prefix=f"Run execution process for {run_id}", exit_code=process.exitcode or 0
        )
        self._instance.report_engine_event(message, run, cls=type(self))
        self._instance.report_run_failed(run)


def _problem(told: Any, process: ForkServerProcess) -> str | None:
    """Why the process did not begin with its run; None if it did."""
    from dagster._grpc.impl import StartRunInSubprocessSuccessful

    until = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < until:
        with suppress(queue.Empty):
            message = told.get(timeout=0.2)
            if isinstance(message, StartRunInSubprocessSuccessful):
                return None
            return str(getattr(message, "message", message))
        if not process.is_alive():
            return f"The process of the run ended with {process.exitcode} before the run began."
    return f"The process of the run has not begun within {_STARTS_WITHIN_S:.0f} s."


def _code_on_disk() -> frozenset[tuple[str, int]]:
    """The package's files with the times at which they were written."""
    files = (file for ending in ("*.py", "*.yaml") for file in _PACKAGE.rglob(ending))
    return frozenset((str(file), file.stat().st_mtime_ns) for file in files)


def _started(process: int) -> str:
    """When the process began, as Linux counts it, so that a later one of the same number is not taken for it.

    Empty if it has ended.
    """
    with suppress(OSError):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] == "Z" else fields[19]
    return ""


def _living(tag: str) -> int | None:
    """The process that the tag names, if it still is."""
    number, _, started = tag.partition(" ")
    return int(number) if started and _started(int(number)) == started else None
