"""Watching on the terminal how a pushed commit is released by Dagster's daemon."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from pipelines.cli.instance import open_instance
from pipelines.cli.release_status import last_tick
from pipelines.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun

_LIMIT_S = 900


class NotReleasedError(RuntimeError):
    """A pushed commit led to no run in time; the message says what the sensor said last."""


def follow_release(console: Console, settings: Settings, commit: str, limit_s: float = _LIMIT_S) -> DagsterRun:
    """Wait until the run that releases the commit has ended, and tell its steps as they end.

    Raises:
        NotReleasedError: there is none, or it does not end in time.
    """
    until, cursors = time.monotonic() + limit_s, dict[str, str | None]()
    with open_instance(settings) as instance, console.status(f"release {commit[:12]}: waiting for the sensor") as shown:
        while time.monotonic() < until:
            run = _newest_run(instance, commit)
            if run is not None:
                shown.update(f"release {commit[:12]}: {run.status.value.lower()}")
                cursors[run.run_id] = _tell_steps(console, instance, run, cursors.get(run.run_id))
                if run.is_finished:
                    return run
            time.sleep(0.5)
        raise NotReleasedError(
            f"Commit {commit[:12]} was not released within {limit_s:.0f} s. The sensor's last words: "
            f"{last_tick(instance, 'release_branch')}"
        )


def _newest_run(instance: DagsterInstance, commit: str) -> DagsterRun | None:
    from dagster import RunsFilter

    from pipelines.releases.run_tags import COMMIT

    return next(iter(instance.get_runs(RunsFilter(job_name="release", tags={COMMIT: commit}), limit=1)), None)


def _tell_steps(console: Console, instance: DagsterInstance, run: DagsterRun, cursor: str | None) -> str | None:
    """Tell the steps that have ended since the cursor, and give the next one."""
    from dagster import DagsterEventType

    words = {DagsterEventType.STEP_SUCCESS: "[green]done[/green]  ", DagsterEventType.STEP_FAILURE: "[red]failed[/red]"}
    # Its events as they come: the statistics of its steps read all of them each time.
    batch = instance.get_records_for_run(run.run_id, cursor=cursor, of_type=set(words))
    for record in batch.records:
        event = record.event_log_entry.dagster_event
        if event is None:
            continue
        seconds = ""
        if event.event_type == DagsterEventType.STEP_SUCCESS:
            seconds = f", {event.step_success_data.duration_ms / 1000:.0f} s"
        console.print(f"  {words[event.event_type]}  {escape(event.step_key or '')} [dim](release{seconds})[/dim]")
    return batch.cursor
