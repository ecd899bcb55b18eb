"""`pipelines bootstrap`: what a Databricks workspace needs, as SQL for review, or applied through the SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipelines.databricks.bootstrap.statements import as_sql
from pipelines.metastore import PRINCIPALS, PUBLIC_KEY, Site, plan_for
from pipelines.workspace_names import SECRET_SCOPE, Location, folder_of, staging_volume

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from pipelines.databricks.bootstrap.plan import Plan


def _pairs(_: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = {name: value for name, _, value in (text.partition("=") for text in values)}
    if wrong := [name for name, value in pairs.items() if not value]:
        raise click.BadParameter(f"{', '.join(wrong)}: write name=value.", param=parameter)
    return pairs


@click.command()
@click.argument("workspace", type=click.Choice(list(PRINCIPALS)))
@click.option(
    "--landing", default="s3://<landing bucket>/<prefix>", help="Where session files arrive, s3://bucket/prefix."
)
@click.option("--customers", help="The customers' zone, s3://bucket/prefix; default: production has no customers.")
@click.option("--managed-location", help="Storage of the catalogs; default: the metastore's root storage.")
@click.option(
    "--data-scientists", default="data-scientists", show_default=True, help="Account group; '' where there is none."
)
@click.option(
    "--application-id", "ids", multiple=True, callback=_pairs, metavar="PRINCIPAL=ID", help="Of a service principal."
)
@click.option(
    "--cluster-policy", "policies", multiple=True, metavar="ID", help="Of job clusters; default: any cluster."
)
@click.option("--instance-pool", "pools", multiple=True, metavar="ID", help="That job clusters come from.")
@click.option("--tables", is_flag=True, help="With the tables, which the first run would make.")
@click.option("--apply", "applies", is_flag=True, help="Make the workspace so; tells what was done and what was there.")
@click.option("--check", is_flag=True, help="Say where the workspace differs; fails if it does.")
@click.option(
    "--profile", help="Profile of the Databricks configuration file; default: the SDK's environment variables."
)
@click.option("--public-key", help="Attestation's public key, as `bootstrap development --apply` prints it.")
@click.option("--warehouse", help="SQL warehouse that makes the tables; default: a one-off job.")
@click.option("--cluster", help="Cluster of that job; default: serverless.")
def bootstrap(
    workspace: Location,
    landing: str,
    customers: str | None,
    managed_location: str | None,
    data_scientists: str,
    ids: dict[str, str],
    policies: tuple[str, ...],
    pools: tuple[str, ...],
    tables: bool,
    applies: bool,
    check: bool,
    profile: str | None,
    public_key: str | None,
    warehouse: str | None,
    cluster: str | None,
) -> None:
    """Print what WORKSPACE needs as SQL, apply it (--apply), or compare it with what is there (--check).

    Applying needs an administrator of the workspace who also is a metastore admin; see docs/databricks.md.
    """
    plan = plan_for(workspace, Site(landing, customers, managed_location, data_scientists or None, policies, pools))
    if not applies and not check:
        click.echo(as_sql(plan, ids, tables), nl=False)
        return
    if applies and check:
        raise click.UsageError("--apply and --check exclude each other.")
    if "<" in landing and workspace == "development":
        raise click.UsageError("Say where session files arrive: --landing s3://bucket/prefix.")
    from databricks.sdk import WorkspaceClient

    from pipelines.databricks.bootstrap.apply import applying, differences

    client = WorkspaceClient(profile=profile) if profile else WorkspaceClient()
    supplied = {PUBLIC_KEY: public_key} if public_key else {}
    if check:
        found = differences(plan, client, supplied, ids)
        click.echo("\n".join(found) or f"The workspace {workspace} is as planned.")
        if found:
            raise click.exceptions.Exit(1)
        return
    for line in applying(plan, client, supplied, ids):
        click.echo(line)
    if workspace == "development":
        _tell_public_key(client)
    if tables:
        for line in _create_tables(plan, client, workspace, warehouse, cluster):
            click.echo(line)


def _create_tables(
    plan: Plan, client: WorkspaceClient, workspace: Location, warehouse: str | None, cluster: str | None
) -> list[str]:
    from pipelines.databricks.bootstrap.tables import create_tables_by_job, create_tables_by_warehouse

    if warehouse:
        return create_tables_by_warehouse(plan, client, warehouse)
    return create_tables_by_job(
        plan, client, f"{folder_of(staging_volume(workspace))}/bootstrap", PRINCIPALS[workspace], cluster
    )


def _tell_public_key(client: WorkspaceClient) -> None:
    from pipelines.databricks.bootstrap.secret_scopes import read_secret

    key = read_secret(client, SECRET_SCOPE, PUBLIC_KEY)
    click.echo(f"For production: pipelines bootstrap production --apply --public-key {key}")
