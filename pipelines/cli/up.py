"""`pipelines up`: the local workspaces started before something needs them."""

from __future__ import annotations

import click

from pipelines.cli.workspaces import are_on_databricks, argument, chosen, compute_in_words, other_delays
from pipelines.embedded import local_settings, reached_for_steps
from pipelines.environments import current_settings
from pipelines.local.lifecycle import status
from pipelines.local.stack import StackConnection
from pipelines.workspace_names import Location


@click.command()
@argument
def up(workspace: Location | None) -> None:
    """Start the local Databricks workspaces, or only one of them, each with its warm cluster, if steps run on it.

    Whatever needs a workspace starts it by itself; this only saves the waiting. A workspace that runs is left as it is,
    unless other settings are asked for, such as start delays: then it is started anew if no run is active on it.
    Production reads what development shares: if it is not prepared yet, development is started, too, without a cluster.
    """
    if are_on_databricks(workspace):
        return
    for name in chosen(workspace):
        settings = current_settings(name)
        found = reached_for_steps(settings)
        cluster = f"cluster {found.cluster_id}" if isinstance(found, StackConnection) else "no cluster is kept warm"
        click.echo(f"{name}: {found.host}, principal {found.principal}, {cluster}")
        if other := other_delays(settings, status(local_settings(settings), name)):
            click.echo(other)
    if told := compute_in_words(current_settings()):
        click.echo(told)
