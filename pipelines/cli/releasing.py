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
    until, told = time.monotonic() + limit_s, set()
    with open_instance(settings) as instance, console.status(f"release {commit[:12]}: waiting for the sensor") as shown:
        while time.monotonic() < until:
            run = _newest_run(instance, commit)
            if run is not None:
                shown.update(f"release {commit[:12]}: {run.status.value.lower()}")
                _tell_steps(console, instance, run, told)
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


def _tell_steps(console: Console, instance: DagsterInstance, run: DagsterRun, told: set[str]) -> None:
    words = {"SUCCESS": "[green]done[/green]  ", "FAILURE": "[red]failed[/red]"}
    for step in instance.get_run_step_stats(run.run_id):
        word = words.get(step.status.value) if step.status else None
        if word and step.step_key not in told:
            told.add(step.step_key)
            seconds = (step.end_time or 0) - (step.start_time or 0)
            console.print(f"  {word}  {escape(step.step_key)} [dim](release, {seconds:.0f} s)[/dim]")
