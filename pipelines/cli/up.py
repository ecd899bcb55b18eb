"""`pipelines up`: the local workspaces started before something needs them."""

from __future__ import annotations

import click

from pipelines.cli.workspaces import NAMES, argument, bring_up
from pipelines.environments import current_settings


@click.command()
@argument
def up(workspace: str | None) -> None:
    """Start the local Databricks workspaces, or only one of them, each with its warm cluster.

    Whatever needs a workspace starts it by itself; this only saves the waiting. A workspace that runs is left as it is.
    """
    settings = current_settings()
    for name in (workspace,) if workspace else NAMES:
        found = bring_up(settings, name)
        click.echo(f"{name}: {found.host}, principal {found.principal}, cluster {found.cluster_id}")
