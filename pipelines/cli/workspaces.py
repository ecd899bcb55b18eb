"""The local workspaces of the environment, as the commands `up`, `down` and `status` see them."""

from __future__ import annotations

from collections.abc import Iterable

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from pipelines.cli.locations import described_locations
from pipelines.embedded import local_settings
from pipelines.embedded_compute import described, described_delays
from pipelines.local.lifecycle import Status
from pipelines.local.overview import Overview, overview
from pipelines.settings import Settings
from pipelines.workspace_names import LOCATIONS, Location

argument = click.argument("workspace", required=False, type=click.Choice(LOCATIONS))
"""Which of the workspaces a command is for; all of them if none is named."""


def chosen(workspace: Location | None) -> tuple[Location, ...]:
    """The workspaces that a command is for."""
    return (workspace,) if workspace else LOCATIONS


def are_on_databricks(workspace: Location | None) -> bool:
    """Whether the workspaces that a command is for are Databricks' own, which is then said of each."""
    found = described_locations()
    if not any(each.is_on_databricks for each in found.values()):
        return False
    for name in chosen(workspace):
        if name in found:
            host = remote.host if (remote := found[name].remote) else None
            click.echo(f"{name}: {host} is Databricks' own workspace, and nothing is to be started or stopped here")
        else:
            click.echo(f"{name}: no file describes it (PIPELINES_{name.upper()} is not set)")
    return True


def print_workspaces(console: Console, settings: Settings) -> None:
    """Whether each local workspace runs and where, its clusters, and what is running on them."""
    columns = ("workspace", "state", "address", "isolation", "clusters", "active runs")
    shown = Table(*(Column(name, overflow="fold") for name in columns), title="Local workspaces", title_justify="left")
    notes = [compute_in_words(settings)]
    for name in LOCATIONS:
        found = overview(local_settings(settings), name)
        shown.add_row(name, *_cells(found))
        notes.append(other_delays(settings, found.status))
    console.print(shown)
    for note in filter(None, notes):
        console.print(note, highlight=False, soft_wrap=True)


def compute_in_words(settings: Settings) -> str:
    """On what steps of the local workspaces run, and their start delays; empty if all is as it is by default."""
    return described(settings.remote.local_compute) if settings.remote is not None else ""


def other_delays(settings: Settings, found: Status) -> str:
    """That the workspace runs with other start delays than are asked for, and until when; empty if it does not."""
    wanted, has = local_settings(settings).start_delays, found.start_delays
    if has is None or has == wanted:
        return ""
    return (
        f"{found.workspace} was started with other start delays ({described_delays(has) or 'none'}): the next step or "
        f"`pipelines up` starts it anew, once no run is active on it ({found.active_runs} now)."
    )


def print_remote_workspaces(console: Console, locations: Iterable[Settings]) -> None:
    """Where the workspaces on Databricks are, and what the environment's files say of each."""
    for settings in locations:
        host = settings.remote.host if settings.remote is not None else None
        watched = f"{settings.git.branch} of {settings.git.url}" if settings.git.url else "none is watched"
        facts = {
            "landing zone": settings.landing if settings.landing_is_reachable else "none that is seen from here",
            "customers": settings.customers or "none",
            "branch of the models": watched,
            "models": settings.model_schema,
        }
        told = "".join(f"\n  {name}: {value}" for name, value in facts.items())
        console.print(f"[bold]{settings.location}[/bold]: {host}{escape(told)}", highlight=False, soft_wrap=True)


def _cells(found: Overview) -> tuple[str, ...]:
    if not found.status.running:
        return ("stopped",)
    clusters = "\n".join(f"{name}: {state.lower()}" for name, state in found.clusters.items())
    runs = "\n".join(f"{run.name}: {run.state.lower()} {run.page}" for run in found.runs)
    host, isolation = found.status.host or "", found.status.isolation or ""
    return "running", host, isolation, escape(clusters), escape(runs) or "none"
