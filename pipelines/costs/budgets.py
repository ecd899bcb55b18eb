"""Customers' budgets, held against what a month has cost so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.customers.registry import Customer


@dataclass(frozen=True)
class BudgetUse:
    """What a month of a customer that has a budget has cost so far."""

    customer: str
    cost_usd: float
    budget_usd: float
    warning_share: float

    @property
    def is_warned_about(self) -> bool:
        """Whether the share of the budget is reached that is warned about."""
        return round(self.cost_usd * 100) >= self.budget_usd * self.warning_share * 100

    @property
    def sentence(self) -> str:
        """What to tell people."""
        share = self.cost_usd / self.budget_usd
        return f"{self.customer}: {self.cost_usd:,.2f} of {self.budget_usd:,.2f} USD are used ({share:.0%})."


def budget_uses(customers: Iterable[Customer], rows: Iterable[Mapping[str, Any]]) -> list[BudgetUse]:
    """What the customers that have a budget have used of it by their rows of one month's report, by identifier.

    `rows` are rows of `cost_report`; what is shared counts for nobody's budget.
    """
    costs: dict[str, int] = {}
    for row in rows:
        costs[row["customer"]] = costs.get(row["customer"], 0) + round(row["cost_usd"] * 100)
    return [
        BudgetUse(each.id, costs.get(each.id, 0) / 100.0, each.monthly_budget_usd, each.budget_warning_share)
        for each in sorted(customers, key=lambda each: each.id)
        if each.monthly_budget_usd is not None
    ]


def budget_warnings(customers: Iterable[Customer], rows: Iterable[Mapping[str, Any]]) -> list[BudgetUse]:
    """Those of them that are to be warned about."""
    return [use for use in budget_uses(customers, rows) if use.is_warned_about]
