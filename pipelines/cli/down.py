"""`pipelines down`: the local workspaces stopped."""

from __future__ import annotations

import click

from pipelines.cli.workspaces import are_on_databricks, argument, chosen
from pipelines.embedded import local_settings
from pipelines.environments import current_settings
from pipelines.local.lifecycle import down as stop
from pipelines.local.lifecycle import status
from pipelines.workspace_names import Location


@click.command()
@argument
def down(workspace: Location | None) -> None:
    """Stop the local Databricks workspaces, or only one of them, with their clusters.

    Runs that are active are cancelled. Files, tables, secrets and finished runs stay, and the address, too.
    """
    if are_on_databricks(workspace):
        return
    local = local_settings(current_settings())
    for name in chosen(workspace):
        active = status(local, name).active_runs or 0
        stopped = stop(local, name)
        cancelled = f", {active} active {'run' if active == 1 else 'runs'} cancelled" if active else ""
        click.echo(f"{name}: stopped{cancelled}" if stopped else f"{name}: was not running")
