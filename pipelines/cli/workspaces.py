"""The local workspaces of the environment, as the commands `up`, `down` and `status` see them."""

from __future__ import annotations

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from pipelines.cli.instance import PROJECT
from pipelines.environments import Settings
from pipelines.local.overview import Overview, overview
from pipelines.local.settings import LocalSettings, settings_below
from pipelines.local.stack import StackConnection, ensure_stack

NAMES = ("development", "production")

argument = click.argument("workspace", required=False, type=click.Choice(NAMES))
"""Which of the workspaces a command is for; all of them if none is named."""


def local_settings(settings: Settings) -> LocalSettings:
    """The environment's local workspaces."""
    return settings_below(
        home=settings.home / "databricks",
        warehouse=settings.warehouse,
        project=PROJECT,
        hidden=(settings.home,),
        private={name: (settings.home / "mlflow" / name,) for name in NAMES},
    )


def bring_up(settings: Settings, workspace: str) -> StackConnection:
    """Start the workspace, prepare it, and begin to warm its cluster up, unless that has been done."""
    return ensure_stack(local_settings(settings), workspace)


def print_workspaces(console: Console, settings: Settings) -> None:
    """Whether each workspace runs and where, its clusters, and what is running on them."""
    columns = ("workspace", "state", "address", "isolation", "clusters", "active runs")
    shown = Table(*(Column(name, overflow="fold") for name in columns), title="Local workspaces", title_justify="left")
    for name in NAMES:
        shown.add_row(name, *_cells(overview(local_settings(settings), name)))
    console.print(shown)


def _cells(found: Overview) -> tuple[str, ...]:
    if not found.status.running:
        return ("stopped",)
    clusters = "\n".join(f"{name}: {state.lower()}" for name, state in found.clusters.items())
    runs = "\n".join(f"{run.name}: {run.state.lower()} {run.page}" for run in found.runs)
    host, isolation = found.status.host or "", found.status.isolation or ""
    return "running", host, isolation, escape(clusters), escape(runs) or "none"
