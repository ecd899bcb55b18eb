"""`pipelines up`: the local workspaces started before something needs them."""

from __future__ import annotations

import click

from pipelines.cli.workspaces import are_on_databricks, argument, chosen
from pipelines.embedded import connected
from pipelines.environments import current_settings
from pipelines.workspace_names import Location


@click.command()
@argument
def up(workspace: Location | None) -> None:
    """Start the local Databricks workspaces, or only one of them, each with its warm cluster.

    Whatever needs a workspace starts it by itself; this only saves the waiting. A workspace that runs is left as it is.
    Production reads what development shares: if it is not prepared yet, development is started, too, without a cluster.
    """
    if are_on_databricks(workspace):
        return
    for name in chosen(workspace):
        found = connected(current_settings(name))
        click.echo(f"{name}: {found.host}, principal {found.principal}, cluster {found.cluster_id}")
