"""The part of onboarding that a step of production does: the tables, the folders and the row of a customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.customers.identifier import customer_id
from pipelines.customers.onboarding_plan import principal_of, require_own_principal
from pipelines.customers.places import INBOX, REVIEWS, SESSIONS, schema_of
from pipelines.customers.registry import Customer, all_customers, write_customer
from pipelines.tables.contract_guard import ensure_tables
from pipelines.tables.contracts.customers import customer_contracts

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine

CHOICES = (
    "display_name",
    "cost_center",
    "principal",
    "writes_files",
    "shares_corrections",
    "monthly_budget_usd",
    "budget_warning_share",
)
"""The fields of a customer that people choose."""


class OnboardingRefusedError(ValueError):
    """A customer cannot be onboarded as asked; the message says why and what to do."""


def as_asked(known: Customer | None, customer: str, choices: Mapping[str, Any], actor: str) -> Customer:
    """The active customer with what was chosen now; what was not stays as it is known, or is the default.

    Raises:
        OnboardingRefusedError: there is no such choice.
        InvalidCustomerError, InvalidCustomerFieldError, RefusedPrincipalError: a choice cannot be met.
    """
    if unknown := sorted(set(choices) - set(CHOICES)):
        raise OnboardingRefusedError(f"There is no choice {', '.join(unknown)}: there are {', '.join(CHOICES)}.")
    now = datetime.now(UTC)
    before = known or Customer(
        id=customer_id(customer),
        display_name=customer,
        state="active",
        cost_center=customer,
        principal=principal_of(customer),
        writes_files=False,
        shares_corrections=False,
        monthly_budget_usd=None,
        budget_warning_share=0.8,
        archive=None,
        onboarded_at=now,
        changed_at=now,
        changed_by=actor,
    )
    budget = choices.get("monthly_budget_usd", before.monthly_budget_usd) or None  # 0 is none
    changes = {**choices, "monthly_budget_usd": budget}
    wanted = replace(before, **changes, state="active", changed_at=now, changed_by=actor)
    require_own_principal(customer, wanted.principal)
    return wanted


def onboard(engine: Engine, customer: str, choices: Mapping[str, Any], files: Path | None, actor: str) -> Customer:
    """Make the customer's tables and folders, and the row that says it is active; safe to do again.

    Args:
        engine: the production tables.
        customer: the identifier.
        choices: the fields of `CHOICES` that were chosen; `principal` and `writes_files` as they were granted.
        files: the customer's folder as this process sees it; None where it is in a bucket that needs no folders.
        actor: who does it.

    Raises:
        OnboardingRefusedError: another customer has that principal, or a choice is none.
        ContractViolationError: a table is there and is not what its contract says.
    """
    others = all_customers(engine)
    known = next((one for one in others if one.id == customer_id(customer)), None)
    wanted = as_asked(known, customer, choices, actor)
    taken = [one.id for one in others if one.principal == wanted.principal and one.id != wanted.id]
    if taken:
        raise OnboardingRefusedError(
            f"{wanted.principal} is the principal of {', '.join(taken)}, and would read what belongs to both: give "
            f"{customer} one of its own."
        )
    ensure_tables(engine, *customer_contracts(schema_of(customer)))
    if files is not None:
        for folder in (SESSIONS, INBOX, REVIEWS):
            (files / folder).mkdir(parents=True, exist_ok=True)
    same = known is not None and replace(known, changed_at=wanted.changed_at, changed_by=actor) == wanted
    if known is not None and same:
        return known
    write_customer(engine, wanted)
    return wanted
