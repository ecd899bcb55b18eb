"""`pipelines cost`: what computing cost."""

from __future__ import annotations

import re
from typing import Any

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from pipelines.cli.follow import run_with_progress
from pipelines.cli.locations import described_locations
from pipelines.cli.own_branch import refuse_branch

_SHARED = "shared"


@click.command()
@click.option("--month", help="Show this month alone, such as 2026-03; all by default.")
@click.option("--customer", help="Show this customer alone.")
@click.option("--update", is_flag=True, help="Run the job `costs` first, in these workspaces.")
def cost(month: str | None, customer: str | None, update: bool) -> None:
    """Show what computing cost, by month, purpose and customer, as the job `costs` last reported it.

    Each workspace has a report of its own; both are shown, or the one that a deployment has.
    """
    if month is not None and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise click.BadParameter(f"{month!r} is no month: write it as 2026-03.", param_hint="--month")
    if customer is not None and customer != _SHARED:
        from pipelines.customers.identifier import InvalidCustomerError, customer_id

        try:
            customer_id(customer)
        except InvalidCustomerError as error:
            raise click.BadParameter(str(error), param_hint="--customer") from None
    console = Console()
    if update:
        update_costs(console)
    print_costs(console, month, customer)


def update_costs(console: Console) -> None:
    """Have the workspaces asked for their runs, and what they cost reported."""
    locations = described_locations().values()
    for settings in locations:
        refuse_branch(settings, "cost --update", "has no report of its own")
    for settings in locations:
        run_with_progress(console, settings, "costs")


def print_costs(console: Console, month: str | None = None, customer: str | None = None) -> None:
    """The rows of the workspaces' last reports, of one month or customer if given."""
    from pipelines.assets.costs import last_report
    from pipelines.cli.customer_budgets import print_uses, uses_in
    from pipelines.cli.customer_runs import known_customers
    from pipelines.cli.instance import open_instance

    found = described_locations()
    with open_instance(next(iter(found.values()))) as instance:
        reports = {location: last_report(instance, location) for location in found}
    known = known_customers(found["production"]) if "production" in found else {}
    named = {row["customer"] for report in reports.values() for row in report or []}
    if customer is not None and customer not in {_SHARED, *known, *named}:
        raise click.BadParameter(
            f"there is no customer {customer}, and never was: `pipelines customer list` shows all there are.",
            param_hint="--customer",
        )
    rows = [
        {"workspace": location, **row}
        for location, report in reports.items()
        for row in report or []
        if (month is None or str(row["month"]).startswith(month)) and (customer is None or row["customer"] == customer)
    ]
    for location, report in reports.items():
        if report is None:
            console.print(f"[yellow]{location}[/yellow]: not reported yet. Say --update, or run the job `costs` there.")
    if not rows:
        of_whom = f" for {customer}" if customer else ""
        console.print(f"No computing was reported{of_whom}" + ("." if any(reports.values()) else " at all."))
    else:
        console.print(_table(rows))
    shown, uses = uses_in(reports.get("production") or [], known.values(), month)
    print_uses(console, shown, (use for use in uses.values() if customer in (None, use.customer)))


def _table(rows: list[dict[str, Any]]) -> Table:
    is_billed = any(row["billed_usd"] is not None for row in rows)
    shown = Table(header_style="bold", show_footer=True, box=SIMPLE, pad_edge=False)
    cents = sum(round(row["cost_usd"] * 100) for row in rows)
    columns = ("month", "workspace", "purpose", "customer", "cost center")
    for name in columns:
        shown.add_column(name, footer="all" if name == "month" else "")
    shown.add_column("runs", footer=f"{sum(row['runs'] for row in rows):,}", justify="right")
    shown.add_column("failed", footer=f"{sum(row['failed_runs'] for row in rows):,}", justify="right")
    shown.add_column("hours", footer=f"{sum(row['hours'] for row in rows):,.2f}", justify="right")
    shown.add_column("USD", footer=f"{cents / 100:,.2f}", justify="right")
    if is_billed:
        billed = sum(round((row["billed_usd"] or 0) * 100) for row in rows)
        shown.add_column("billed", footer=f"{billed / 100:,.2f}", justify="right")
    for row in sorted(rows, key=lambda row: (row["month"], row["workspace"], -row["cost_usd"], row["purpose"])):
        cells = [row["month"][:7], row["workspace"], row["purpose"], row["customer"], row["cost_center"]]
        cells += [f"{row['runs']:,}", f"{row['failed_runs']:,}", f"{row['hours']:,.2f}", f"{row['cost_usd']:,.2f}"]
        shown.add_row(*cells, *([f"{row['billed_usd'] or 0:,.2f}"] if is_billed else []))
    return shown
