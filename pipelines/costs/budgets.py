"""Customers' budgets, held against what a month has cost so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.customers.registry import Customer


@dataclass(frozen=True)
class BudgetWarning:
    """A customer whose month costs as much as is to be warned about."""

    customer: str
    cost_usd: float
    budget_usd: float

    @property
    def sentence(self) -> str:
        """What to tell people."""
        share = self.cost_usd / self.budget_usd
        return f"{self.customer}: {self.cost_usd:,.2f} of {self.budget_usd:,.2f} USD are used ({share:.0%})."


def budget_warnings(customers: Iterable[Customer], rows: Iterable[Mapping[str, Any]]) -> list[BudgetWarning]:
    """The customers whose rows of one month's report reach their share of their budget, by identifier.

    `rows` are rows of `cost_report`; what is shared counts for nobody's budget.
    """
    costs: dict[str, int] = {}
    for row in rows:
        costs[row["customer"]] = costs.get(row["customer"], 0) + round(row["cost_usd"] * 100)
    return [
        BudgetWarning(each.id, costs[each.id] / 100.0, each.monthly_budget_usd)
        for each in sorted(customers, key=lambda each: each.id)
        if each.monthly_budget_usd is not None
        and each.id in costs
        and costs[each.id] >= each.monthly_budget_usd * each.budget_warning_share * 100
    ]
