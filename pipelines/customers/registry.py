"""Who the customers are: `prod.ops.customers`, a row for each, read and written in a step of production."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from pipelines.customers.identifier import customer_id
from pipelines.tables.arrow_rows import rows_to_frame
from pipelines.tables.contract_guard import ensure_tables
from pipelines.tables.contracts.operations import CUSTOMERS
from pipelines.tables.reading import rows_where
from pipelines.tables.retries import until_committed

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine

CustomerState = Literal["active", "offboarding", "offboarded"]

_COST_CENTER = re.compile(r"[A-Za-z0-9 +\-=._:/@]{1,100}")
"""What a tag of a run may hold on every cloud."""
_TEXT = re.compile(r"[^\x00-\x1f\x7f`\u2028\u2029]{1,100}")
_REMEDY = "`pipelines customer list` shows all there are, `pipelines customer onboard` makes one."


class UnknownCustomerError(LookupError):
    """No active customer has that identifier; the message says what to do."""


class InvalidCustomerFieldError(ValueError):
    """A field of a customer holds what it may not; the message says which, and what would do."""


@dataclass(frozen=True)
class Customer:
    """A row of `prod.ops.customers`.

    Raises:
        InvalidCustomerError: the identifier is none. InvalidCustomerFieldError: another field holds what it may not.
    """

    id: str
    display_name: str
    state: CustomerState
    cost_center: str
    principal: str
    """Service principal (display name) or group that reads the customer's schema and files."""
    writes_files: bool
    """Whether the principal puts files through the volume; else they come into the folder by another way."""
    shares_corrections: bool
    """Whether instructors' corrections become labels for gold, each with a copy of its session's file."""
    monthly_budget_usd: float | None
    budget_warning_share: float
    """Share of the budget, 0 to 1, from which on it is warned."""
    archive: str | None
    """Name of the newest archive's folder; None before there is one."""
    onboarded_at: datetime
    changed_at: datetime
    changed_by: str

    def __post_init__(self) -> None:
        customer_id(self.id)
        for name in ("display_name", "principal", "changed_by"):
            _require(self, name, _TEXT, "1 to 100 characters without control characters and backticks")
        _require(self, "cost_center", _COST_CENTER, "1 to 100 letters, digits, spaces or any of + - = . _ : / @")
        budget = self.monthly_budget_usd
        if budget is not None and not (math.isfinite(budget) and budget > 0):
            raise InvalidCustomerFieldError(f"The monthly budget of {self.id} is {budget}: give dollars above 0.")
        if not 0 < self.budget_warning_share <= 1:
            raise InvalidCustomerFieldError(
                f"The warning share of {self.id}'s budget is {self.budget_warning_share}: give more than 0, at most 1."
            )


def all_customers(engine: Engine) -> list[Customer]:
    """Every customer in any state, by identifier."""
    return sorted((_customer(row) for row in _rows(engine)), key=lambda one: one.id)


def active_customers(engine: Engine) -> list[Customer]:
    """The customers that may ask for something, by identifier."""
    return [one for one in all_customers(engine) if one.state == "active"]


def find_customer(engine: Engine, customer: str) -> Customer | None:
    """The customer in whatever state; None if there never was one of that identifier.

    Raises:
        InvalidCustomerError: that is no identifier.
    """
    found = [_customer(row) for row in _rows(engine, f"customer = '{customer_id(customer)}'")]
    return found[0] if found else None


def customer_of(engine: Engine, customer: str) -> Customer:
    """The active customer of that identifier.

    Raises:
        InvalidCustomerError: that is no identifier. UnknownCustomerError: there is no such customer, or it is not
            active.
    """
    found = find_customer(engine, customer)
    if found is None:
        raise UnknownCustomerError(f"There is no customer {customer}: {_REMEDY}")
    if found.state != "active":
        raise UnknownCustomerError(f"Customer {customer} is {found.state}, not active: {_REMEDY}")
    return found


def write_customer(engine: Engine, customer: Customer) -> None:
    """Add the customer's row, or replace it; the table is created at the first use.

    Raises:
        ContractViolationError: the table is not what its contract says; nothing has been written.
    """
    ensure_tables(engine, CUSTOMERS)
    row = {("customer" if name == "id" else name): getattr(customer, name) for name in _FIELDS}
    until_committed(
        lambda: engine.merge(
            CUSTOMERS.name,
            f"t.customer = s.customer AND t.customer = '{customer_id(customer.id)}'",
            "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
            rows_to_frame(engine, CUSTOMERS, [row]),
        )
    )


def _rows(engine: Engine, condition: str = "true") -> list[dict[str, Any]]:
    engine.refresh(CUSTOMERS.name)
    if not engine.exists(CUSTOMERS.name):
        return []
    return rows_where(engine, CUSTOMERS, condition, CUSTOMERS.column_names).to_pylist()


def _customer(row: dict[str, Any]) -> Customer:
    values = {name: row["customer" if name == "id" else name] for name in _FIELDS}
    for name in ("onboarded_at", "changed_at"):
        stamp: datetime = values[name]
        values[name] = (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).astimezone(UTC)
    return Customer(**values)


def _require(customer: Customer, name: str, form: re.Pattern[str], what: str) -> None:
    value = getattr(customer, name)
    if not form.fullmatch(value) or value != value.strip():
        raise InvalidCustomerFieldError(
            f"The {name.replace('_', ' ')} of {customer.id}, {value[:60]!r}, cannot be used: write {what}, "
            "no space at either end."
        )


_FIELDS = tuple(field.name for field in fields(Customer))
