"""A Dagster run on the terminal: its steps as they come, and what the current one says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from pipelines.cli.runs import FinishedRun, Report, run_job
from pipelines.settings import Settings


def run_with_progress(
    console: Console,
    settings: Settings,
    job: str,
    partition: str | None = None,
    tags: Mapping[str, str] | None = None,
    listener: Report = lambda _what, _text: None,
    config: Mapping[str, Any] | None = None,
    steps: Sequence[str] = (),
) -> FinishedRun:
    """`run_job`, told on the console; `listener` is told the same."""
    title = f"job {job}" + (f", upload day {partition}" if partition else "")
    with console.status(f"{title}: starting") as status:
        step = ""

        def report(what: str, text: str) -> None:
            nonlocal step
            listener(what, text)
            if what == "started":
                step = text
                status.update(f"{title}: {escape(step)}")
            elif what == "says":
                status.update(f"{title}: {escape(step)} [dim]{escape(text.splitlines()[0][:100])}[/dim]")
            elif what == "finished":
                console.print(f"  [green]done[/green]    {escape(text)}")
            else:
                console.print(f"  [red]failed[/red]  {escape(text)}")

        return run_job(settings, job, partition, tags, report, config, steps)
