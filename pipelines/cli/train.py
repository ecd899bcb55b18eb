"""`pipelines train`: every model on gold as it is now."""

from __future__ import annotations

import click
from rich.console import Console

from pipelines.cli.follow import run_with_progress
from pipelines.cli.instance import open_instance
from pipelines.cli.summary import print_models
from pipelines.environments import current_settings


@click.command()
def train() -> None:
    """Train, evaluate and register every model, on gold as it is now.

    In development, or on the branch that `pipelines --branch NAME train` names. Production trains what is pushed to
    `release`, and nothing else.
    """
    console, settings = Console(), current_settings()
    run = run_with_progress(console, settings, "train")
    with open_instance(settings) as instance:
        print_models(console, instance, settings)
    console.print(f"[dim]Dagster run {run.run_id}, {run.seconds:.0f} s[/dim]")
