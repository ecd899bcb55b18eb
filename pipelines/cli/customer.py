"""`pipelines customer`: who the customers are, a new one, and one who leaves.

What takes an administrator is done directly, with an administrator's credentials: the embedded workspace's own, or
those of a profile. The rest are jobs of one step, which run as the production principal and leave their record in
Dagster.
"""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from pipelines.cli.customer_runs import active_runs, known_customers, run_task, set_partition
from pipelines.customers.identifier import InvalidCustomerError, customer_id
from pipelines.environments import current_settings
from pipelines.settings import Settings

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from pipelines.customers.registry import Customer
    from pipelines.databricks.bootstrap.plan import Plan


class _Identifier(click.ParamType):
    name = "customer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return customer_id(value)
        except InvalidCustomerError as error:
            self.fail(str(error), param, ctx)


_COLUMNS = ("name", "cost center", "budget $", "used $", "since", "principal")
_customer = click.argument("customer", type=_Identifier())
_actor = click.option("--actor", default=getpass.getuser, show_default="your user name", help="Who does it.")
_profile = click.option(
    "--profile", help="On Databricks: an administrator's profile of the configuration file; default: the SDK's own."
)


@click.group()
def customer() -> None:
    """Who the customers are; onboarding and offboarding one."""


@customer.command()
@_customer
@click.option("--name", "display_name", help="Name for people; default: the identifier.")
@click.option("--cost-center", help="Who pays; default: the identifier.")
@click.option("--principal", help="Group of the account; default: a service principal that is made.")
@click.option("--writes-files/--reads-files", "writes_files", default=None, help="Whether it may put files in.")
@click.option(
    "--shares-corrections/--keeps-corrections",
    "shares_corrections",
    default=None,
    help="Whether instructors' corrections become labels for gold. Their session files are then copied there, too, "
    "under an id and without the customer's name.",
)
@click.option("--budget", "monthly_budget_usd", type=float, help="Dollars a month, to be warned about; 0: none.")
@click.option("--budget-warning", "budget_warning_share", type=float, help="Share of it to warn from; default: 0.8.")
@click.option("--print", "prints", is_flag=True, help="Print what it would take, for review, and do nothing.")
@_actor
@_profile
def onboard(customer: str, prints: bool, actor: str, profile: str | None, **options: Any) -> None:
    """Make CUSTOMER a customer, or change what was agreed; what is not given stays as it is. Safe to run again."""
    console, settings = Console(), _settings()
    choices = {name: value for name, value in options.items() if value is not None}
    if prints:
        wanted, plan = _wanted(settings, customer, choices, actor)
        _print_plan(settings, wanted, plan)
        return
    onboard_customer(console, settings, customer, choices, actor, profile)


@customer.command(name="list")
def list_all() -> None:
    """Every customer, also those who left, as the newest job about each told it, and what of its budget is used."""
    from pipelines.cli.customer_budgets import newest_uses, print_uses

    settings = _settings()
    known = known_customers(settings)
    month, uses = newest_uses(settings, known.values())
    table = Table(Column("customer", no_wrap=True), Column("state", no_wrap=True), *_COLUMNS)
    for one in sorted(known.values(), key=lambda each: each.id):
        budget = "" if one.monthly_budget_usd is None else f"{one.monthly_budget_usd:,.2f}"
        since = f"{one.onboarded_at:%Y-%m-%d}"
        used = f"{uses[one.id].cost_usd:,.2f}" if one.id in uses else ""
        texts = (one.id, one.state, one.display_name, one.cost_center, budget, used, since, one.principal)
        table.add_row(*map(escape, texts))
    console = Console()
    console.print(table if table.row_count else "There are no customers: `pipelines customer onboard ID` makes one.")
    print_uses(console, month, (use for use in uses.values() if use.is_warned_about))


@customer.command()
@_customer
@click.option("--confirm", help="The identifier once more: removes all that was archived.")
@_actor
@_profile
def offboard(customer: str, confirm: str | None, actor: str, profile: str | None) -> None:
    """Archive all of CUSTOMER and take no more of its requests; with --confirm CUSTOMER remove it then.

    Run again it goes on where it was cut off.
    """
    console, settings = Console(), _settings()
    if confirm is not None and confirm != customer:
        raise click.UsageError(
            f"--confirm says {confirm[:60]!r}, but {customer} is to be offboarded: write it once more."
        )
    archived, told = run_task(console, settings, "archive", customer, actor)
    for line in told:
        console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)
    where = f"{settings.customers}/.archive/{archived.archive}"
    if confirm is None:
        console.print(
            f"{customer} takes no more requests. Everything of it is in {escape(where)}, and still where it was. "
            f"To remove it: pipelines customer offboard {customer} --confirm {customer}\n"
            f"To go on with the customer instead: pipelines customer onboard {customer}",
            highlight=False,
            soft_wrap=True,
        )
        return
    _remove(console, settings, archived, actor, profile)
    console.print(f"[bold]{customer}[/bold] is offboarded. What is left of it is in {escape(where)}", soft_wrap=True)


def _remove(console: Console, settings: Settings, archived: Customer, actor: str, profile: str | None) -> None:
    from pipelines.customers.published_job import unpublish
    from pipelines.customers.withdrawal import drop_places, withdraw_access
    from pipelines.remote import workspace_client

    if running := active_runs(settings, archived.id):
        raise click.ClickException(
            f"{len(running)} run(s) of {archived.id} have not ended ({', '.join(running[:5])}): wait for them or end "
            "them, and go on with the same command. Nothing has been removed."
        )

    def tell(line: str) -> None:
        console.print(f"  removed: {escape(line)}", highlight=False, soft_wrap=True)

    for line in unpublish(workspace_client(settings), archived.id):
        tell(line)
    administrator = _administrator(settings, profile)
    for line in withdraw_access(administrator, archived.id, archived.principal):
        tell(line)
    _, told = run_task(console, settings, "remove", archived.id, actor)
    for line in told:
        tell(line)
    for line in drop_places(administrator, archived.id):
        tell(line)
    if isinstance(settings.customers, Path) and (settings.customers / archived.id).is_dir():
        (settings.customers / archived.id).rmdir()
        tell(f"folder {settings.customers / archived.id}")
    if set_partition(settings, archived.id, there=False):
        tell(f"Dagster's partition {archived.id}")
    run_task(console, settings, "close", archived.id, actor)


def onboard_customer(
    console: Console, settings: Settings, customer: str, choices: dict[str, Any], actor: str, profile: str | None = None
) -> None:
    """Make it a customer, or change what was agreed, and tell each thing that is made.

    Args:
        choices: fields of `pipelines.customers.onboarding.CHOICES`; what is not among them stays as it is.
        profile: on Databricks the administrator's.
    """
    from pipelines.cli.customer_job import publish_job
    from pipelines.databricks.bootstrap.apply import applying

    wanted, plan = _wanted(settings, customer, choices, actor)
    administrator = _administrator(settings, profile)
    for line in applying(plan, administrator):
        console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)
    granted = {**choices, "principal": wanted.principal, "writes_files": wanted.writes_files}
    made, _ = run_task(console, settings, "onboard", customer, actor, granted)
    set_partition(settings, customer, there=True)
    line = publish_job(settings, made, administrator)
    console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)
    console.print(
        f"[bold]{escape(made.id)}[/bold] is {made.state}: {escape(made.display_name)}, cost center "
        f"{escape(made.cost_center)}, principal {escape(made.principal)}, files at "
        f"{escape(str(settings.customers))}/{made.id}"
    )


def _wanted(settings: Settings, customer: str, choices: dict[str, Any], actor: str) -> tuple[Customer, Plan]:
    from pipelines.customers.onboarding import as_asked

    known = known_customers(settings)
    wanted = as_asked(known.get(customer), customer, choices, actor)
    _require_own(wanted, known)
    return wanted, _plan(settings, wanted)


def _settings() -> Settings:
    settings = current_settings("production")
    if settings.customers is None:
        raise click.UsageError("Production has no customers: set `customers` in its environment file.")
    return settings


def _plan(settings: Settings, wanted: Customer) -> Plan:
    from pipelines.customers.onboarding_plan import customer_plan, location_of

    assert settings.customers is not None
    zone = settings.customers
    if settings.has_local_workspaces:
        from pipelines.embedded import customers_folder

        zone = customers_folder(settings)
    return customer_plan(wanted.id, wanted.principal, location_of(zone, wanted.id), wanted.writes_files)


def _print_plan(settings: Settings, wanted: Customer, plan: Plan) -> None:
    from pipelines.cli.customer_job import described_job
    from pipelines.customers.bucket_policy import bucket_policy
    from pipelines.databricks.bootstrap.statements import as_sql
    from pipelines.landing.address import S3Prefix

    click.echo(as_sql(plan, tables=True), nl=False)
    click.echo(described_job(settings, wanted))
    if isinstance(settings.customers, S3Prefix):
        click.echo("\n-- IAM policy of whoever uploads into the bucket for this customer:")
        click.echo(bucket_policy(settings.customers, wanted.id))


def _require_own(wanted: Customer, known: dict[str, Customer]) -> None:
    taken = [one.id for one in known.values() if one.principal == wanted.principal and one.id != wanted.id]
    if taken:
        raise click.UsageError(
            f"{wanted.principal} is the principal of {', '.join(taken)} and would read what belongs to both: name "
            "another one."
        )


def _administrator(settings: Settings, profile: str | None) -> WorkspaceClient:
    if settings.has_local_workspaces:
        from pipelines.embedded import administrator

        return administrator(settings)
    from databricks.sdk import WorkspaceClient

    return WorkspaceClient(profile=profile) if profile else WorkspaceClient()
