"""`pipelines release check`: do git, plans, aliases, versions and gold agree on what customers get?"""

from __future__ import annotations

import click
from rich.console import Console
from rich.markup import escape

from pipelines.cli.follow import run_with_progress
from pipelines.cli.instance import open_instance
from pipelines.environments import current_settings


@click.command()
def check() -> None:
    """Complete a move that was cut off, then compare git, plans, aliases, versions and gold; now, not in an hour.

    Ends with code 1 if they do not agree on something that customers may notice.
    """
    from dagster import AssetCheckSeverity, DagsterEventType

    from pipelines.sensors.release_schedule import branch_now, check_config

    console, settings = Console(), current_settings("production")
    run = run_with_progress(console, settings, "check_releases", config=check_config(branch_now(settings)))
    with open_instance(settings) as instance:
        [entry] = instance.all_logs(run.run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION)
    assert entry.dagster_event is not None
    found = entry.dagster_event.asset_check_evaluation_data
    is_serious = not found.passed and found.severity is AssetCheckSeverity.ERROR
    style = "green" if found.passed else "red" if is_serious else "yellow"
    console.print(f"[{style}]{escape(found.description or '')}[/]")
    console.print(f"[dim]Dagster run {run.run_id}, {run.seconds:.0f} s[/dim]")
    if is_serious:
        raise click.exceptions.Exit(1)
