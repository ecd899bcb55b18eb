"""The local workspaces of the environment, as the commands `up`, `down` and `status` see them."""

from __future__ import annotations

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from pipelines.embedded import local_settings
from pipelines.local.overview import Overview, overview
from pipelines.settings import Settings
from pipelines.workspace_names import LOCATIONS, Location

argument = click.argument("workspace", required=False, type=click.Choice(LOCATIONS))
"""Which of the workspaces a command is for; all of them if none is named."""


def chosen(workspace: Location | None) -> tuple[Location, ...]:
    """The workspaces that a command is for."""
    return (workspace,) if workspace else LOCATIONS


def print_workspaces(console: Console, settings: Settings) -> None:
    """Whether each workspace runs and where, its clusters, and what is running on them."""
    columns = ("workspace", "state", "address", "isolation", "clusters", "active runs")
    shown = Table(*(Column(name, overflow="fold") for name in columns), title="Local workspaces", title_justify="left")
    for name in LOCATIONS:
        shown.add_row(name, *_cells(overview(local_settings(settings), name)))
    console.print(shown)


def _cells(found: Overview) -> tuple[str, ...]:
    if not found.status.running:
        return ("stopped",)
    clusters = "\n".join(f"{name}: {state.lower()}" for name, state in found.clusters.items())
    runs = "\n".join(f"{run.name}: {run.state.lower()} {run.page}" for run in found.runs)
    host, isolation = found.status.host or "", found.status.isolation or ""
    return "running", host, isolation, escape(clusters), escape(runs) or "none"
