"""Runs a Dagster job in a process of its own, on the environment's instance, and tells how far it is."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pipelines.cli.instance import PROJECT, open_instance
from pipelines.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun
    from dagster_shared.error import SerializableErrorInfo

_PROCESS_TAG = ".dagster/pipelines-process"  # names of that beginning are not shown in the UI
_MACHINE_TAG = ".dagster/pipelines-machine"
_INVOCATION_TAG = ".dagster/pipelines-invocation"

Report = Callable[[str, str], None]
"""Called with what happened (`started`, `finished`, `failed` or `says`) and the step or the text."""


class RunFailedError(RuntimeError):
    """A Dagster run did not succeed; the message holds the reasons and where the whole log is."""


@dataclass(frozen=True)
class FinishedRun:
    """A run that succeeded."""

    run_id: str
    seconds: float
    step_seconds: dict[str, float]
    """Seconds of each step, in order of their start."""


def run_job(
    settings: Settings,
    job: str,
    partition: str | None = None,
    tags: Mapping[str, str] | None = None,
    report: Report = lambda _what, _text: None,
    config: Mapping[str, Any] | None = None,
    steps: Sequence[str] = (),
) -> FinishedRun:
    """Execute the job to its end, for one partition (an upload day, a release) if it is partitioned.

    Args:
        steps: only these steps of it, if any are named.

    Raises:
        RunFailedError: a step failed, a blocking check did not pass, or the process died.
    """
    started = time.monotonic()
    with open_instance(settings) as instance:
        close_dead_runs(instance)
        invocation = uuid4().hex
        run_tags = {
            "pipelines/trigger": "command line",
            **(tags or {}),
            _INVOCATION_TAG: invocation,
            # Lets the UI show the run under its job, as if it had been launched from there.
            ".dagster/repository": f"__repository__{settings.location}@{settings.location}",
        }
        if partition is not None:
            run_tags["dagster/partition"] = partition
        log = settings.home / "logs" / f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{job}-{invocation[:6]}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        given = log.with_suffix(".config.yaml")
        if config is not None:
            given.write_text(json.dumps(config))  # which is YAML, too
        with log.open("wb") as output:
            process = subprocess.Popen(
                _command(settings, job, run_tags, given if config is not None else None, steps),
                cwd=PROJECT,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                run = _follow(instance, process, invocation, report)
            finally:
                _wait(process)
        run = _closed(instance, run, process.returncode)
        if run is None or not run.is_success:
            raise RunFailedError(_reasons(instance, run, process.returncode, log))
        timed = sorted(instance.get_run_step_stats(run.run_id), key=lambda step: step.start_time or 0)
        return FinishedRun(
            run_id=run.run_id,
            seconds=time.monotonic() - started,
            step_seconds={step.step_key: (step.end_time or 0) - (step.start_time or 0) for step in timed},
        )


def close_dead_runs(instance: DagsterInstance) -> None:
    """Mark runs as failed whose process was killed before it could say so."""
    from dagster import RunsFilter
    from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES

    for run in instance.get_runs(filters=RunsFilter(statuses=IN_PROGRESS_RUN_STATUSES)):
        process = run.tags.get(_PROCESS_TAG)
        # A deployment's instance also has runs of processes that only another machine or container can see.
        is_here = run.tags.get(_MACHINE_TAG, socket.gethostname()) == socket.gethostname()
        if process is not None and is_here and not _alive(int(process)):
            instance.report_run_failed(run, f"The run's process ({process}) died.")


def _command(
    settings: Settings, job: str, tags: Mapping[str, str], config: Path | None, steps: Sequence[str]
) -> list[str]:
    arguments = ["-m", "pipelines.definitions", "-a", settings.location, "-j", job, "--tags", json.dumps(tags)]
    arguments += ["--config", str(config)] if config is not None else []
    arguments += ["--op-selection", ",".join(steps)] if steps else []
    return [sys.executable, "-m", "dagster", "job", "execute", *arguments]


def _follow(instance: DagsterInstance, process: subprocess.Popen, invocation: str, report: Report) -> DagsterRun | None:
    """Report the run's events as they come, until the process ends."""
    from dagster import RunsFilter

    run: DagsterRun | None = None
    cursor = None
    ended = False
    while not ended:
        ended = process.poll() is not None
        if run is None:
            run = next(iter(instance.get_runs(filters=RunsFilter(tags={_INVOCATION_TAG: invocation}), limit=1)), None)
            if run is not None:
                tags = {_MACHINE_TAG: socket.gethostname(), _PROCESS_TAG: str(process.pid)}
                instance.add_run_tags(run.run_id, tags)
        if run is not None:
            batch = instance.get_records_for_run(run.run_id, cursor=cursor)
            cursor = batch.cursor
            for record in batch.records:
                _tell(record.event_log_entry, report)
        if not ended:
            time.sleep(0.2)
    return run


def _tell(entry: Any, report: Report) -> None:
    from dagster import DagsterEventType

    if entry.dagster_event is None:
        if not entry.user_message.startswith("Dependencies for step"):
            report("says", entry.user_message)
        return
    words = {
        DagsterEventType.STEP_START: "started",
        DagsterEventType.STEP_SUCCESS: "finished",
        DagsterEventType.STEP_FAILURE: "failed",
    }
    if (what := words.get(entry.dagster_event.event_type)) and entry.step_key:
        report(what, entry.step_key)


def _wait(process: subprocess.Popen) -> None:
    """Let the process end by itself; an interrupt has reached it too, and it records its own cancellation."""
    while process.poll() is None:
        with suppress(KeyboardInterrupt):
            process.wait()


def _closed(instance: DagsterInstance, run: DagsterRun | None, code: int) -> DagsterRun | None:
    run = instance.get_run_by_id(run.run_id) if run else None
    if run is not None and not run.is_finished:
        instance.report_run_failed(run, f"The run's process ended with code {code}.")
        run = instance.get_run_by_id(run.run_id)
    return run


def _reasons(instance: DagsterInstance, run: DagsterRun | None, code: int, log: Path) -> str:
    from dagster import DagsterEventType

    if run is None:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
        return f"The job could not be started (code {code}):\n{tail}\nThe whole output is in {log}."
    lines = [f"Run {run.run_id} of job {run.job_name} did not succeed; the whole output is in {log}."]
    for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.STEP_FAILURE):
        error = entry.dagster_event.step_failure_data.error if entry.dagster_event else None
        lines.append(f"Step {entry.step_key}: {_told(error, entry.user_message)}")
    for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION):
        found = entry.dagster_event.asset_check_evaluation_data if entry.dagster_event else None
        if found is not None and found.blocking and not found.passed:
            lines.append(f"Check {found.check_name} of {found.asset_key.to_user_string()}: {found.description}")
    if len(lines) == 1:
        lines += _before_steps(instance, run)
    if len(lines) == 1:
        lines.append(f"It ended as {run.status.value} (code {code}).")
    return "\n".join(lines)


def _before_steps(instance: DagsterInstance, run: DagsterRun) -> list[str]:
    """Why the run failed, if not in a step: a resource could not be made, or the run itself."""
    from dagster import DagsterEventType

    lines: list[str] = []
    for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.RESOURCE_INIT_FAILURE):
        event = entry.dagster_event
        error = event.engine_event_data.error if event else None
        lines.append(f"Before the first step: {_told(error, (event and event.message) or '')}")
    for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.RUN_FAILURE):
        event = entry.dagster_event
        error = event.job_failure_data.error if event else None
        lines.append(_told(error, (event and event.message) or ""))
    # The run's failure repeats what its resource said.
    return [
        line for line in dict.fromkeys(lines) if line and not any(line in other for other in lines if line != other)
    ]


def _told(error: SerializableErrorInfo | None, otherwise: str) -> str:
    """What the innermost error says, in words."""
    while error is not None and error.cause is not None:
        error = error.cause
    return _in_words(error.message.strip().removeprefix(f"{error.cls_name}: ") if error else otherwise)


def _in_words(message: str) -> str:
    """The message without the name of its class and without the stack trace that Spark puts into it."""
    first, *rest = re.sub(r"^[A-Za-z_.]+(Error|Exception): ", "", message).strip().splitlines() or [""]
    return f"{first} {rest[-1].strip()}" if "Traceback" in message and rest else "\n".join([first, *rest])


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
