"""`pipelines status`: what the environment holds."""

from __future__ import annotations

import click
from rich.console import Console

from pipelines.cli.instance import open_instance
from pipelines.cli.runs import close_dead_runs
from pipelines.cli.summary import print_models, print_predictions, print_quarantined, print_runs, print_tables
from pipelines.cli.workspaces import print_workspaces
from pipelines.engines import open_engine
from pipelines.environments import current_settings


@click.command()
def status() -> None:
    """Show the local workspaces, tables, models, predictions, quarantined files and the last runs."""
    console, settings = Console(), current_settings()
    console.print(f"Environment {settings.environment} in {settings.home}, landing zone {settings.landing}")
    if settings.remote is not None and settings.remote.host is None:
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
