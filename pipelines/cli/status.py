"""`pipelines status`: what the environment holds."""

from __future__ import annotations

import click
from rich.console import Console

from pipelines.cli.instance import open_instance
from pipelines.cli.locations import described_locations, where_to_ask
from pipelines.cli.release_status import print_status
from pipelines.cli.runs import close_dead_runs
from pipelines.cli.summary import print_models, print_predictions, print_quarantined, print_runs, print_tables
from pipelines.cli.workspaces import print_remote_workspaces, print_workspaces
from pipelines.engines import open_engine
from pipelines.environments import current_settings
from pipelines.settings import Settings


@click.command()
def status() -> None:
    """Show the workspaces, tables, models, predictions, quarantined files and the last runs.

    On Databricks: the workspaces, and what Dagster knows of models, releases and runs; the tables are over there.
    """
    console = Console()
    if remote := [each for each in described_locations().values() if each.is_on_databricks]:
        _print_remote(console, remote)
        return
    settings = current_settings()
    console.print(f"Environment {settings.environment} in {settings.home}, landing zone {settings.landing}")
    if settings.has_local_workspaces:
        print_workspaces(console, settings)
    engine = open_engine(settings.engine, settings.tables)
    try:
        print_tables(console, engine, settings)
        print_predictions(console, engine, settings)
        print_quarantined(console, engine)
    finally:
        engine.stop()
    with open_instance(settings) as instance:
        close_dead_runs(instance)
        print_models(console, instance, settings)
        print_runs(console, instance)


def _print_remote(console: Console, locations: list[Settings]) -> None:
    """What is known of locations on Databricks without their tables."""
    console.print(f"Environment {locations[0].environment}, Dagster's home {locations[0].dagster_home}", soft_wrap=True)
    print_remote_workspaces(console, locations)
    for settings in locations:
        console.print(where_to_ask(settings), highlight=False, soft_wrap=True)
    with open_instance(locations[0]) as instance:
        close_dead_runs(instance)
        for settings in locations:
            if settings.location == "development":
                print_models(console, instance, settings)
        print_runs(console, instance)
    print_status(console)
