"""What customers have used of their budgets, as the last report of costs told it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from pipelines.cli.instance import open_instance
from pipelines.costs.budgets import BudgetUse, budget_uses
from pipelines.settings import Settings

if TYPE_CHECKING:
    from pipelines.customers.registry import Customer


def newest_uses(settings: Settings, customers: Iterable[Customer]) -> tuple[str | None, dict[str, BudgetUse]]:
    """The newest month that production reported, as `2026-03`, and what of their budgets customers used in it."""
    from pipelines.assets.costs import last_report

    with open_instance(settings) as instance:
        return uses_in(last_report(instance, "production") or [], customers, None)


def uses_in(
    rows: Iterable[dict[str, Any]], customers: Iterable[Customer], month: str | None
) -> tuple[str | None, dict[str, BudgetUse]]:
    """The same by these rows of production's report, of the month that is given or the newest of them."""
    rows = list(rows)
    chosen = month or max((str(row["month"])[:7] for row in rows), default=None)
    if chosen is None:
        return None, {}
    uses = budget_uses(customers, [row for row in rows if str(row["month"])[:7] == chosen])
    return chosen, {use.customer: use for use in uses}


def print_uses(console: Console, month: str | None, uses: Iterable[BudgetUse]) -> None:
    """A line for each budget; those that are to be warned about say so."""
    for use in uses:
        word = "[bold yellow]Warning[/bold yellow], budget" if use.is_warned_about else "Budget"
        console.print(f"{word} of {month}: {escape(use.sentence)}", highlight=False, soft_wrap=True)
