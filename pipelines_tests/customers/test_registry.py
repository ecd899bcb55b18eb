"""The table of customers: written once each, read whole or by one, and what a field may not hold."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from pipelines.customers.identifier import InvalidCustomerError
from pipelines.customers.registry import (
    Customer,
    InvalidCustomerFieldError,
    UnknownCustomerError,
    active_customers,
    all_customers,
    customer_of,
    find_customer,
    write_customer,
)
from pipelines.engines.engine import Engine
from pipelines.tables.arrow_rows import rows_to_frame
from pipelines.tables.contract_guard import ensure_tables
from pipelines.tables.contracts.operations import CUSTOMERS

AT = datetime(2026, 11, 1, 12, 30, 5, 123456, tzinfo=UTC)
ACME = Customer(
    id="acme",
    display_name="Acme Flight Training, Zürich",
    state="active",
    cost_center="cc-1",
    principal="pipelines-customer-acme",
    writes_files=True,
    shares_corrections=False,
    monthly_budget_usd=120.5,
    budget_warning_share=0.8,
    archive=None,
    onboarded_at=AT,
    changed_at=AT,
    changed_by="ada",
)


def test_a_customer_is_read_as_written(engine: Engine) -> None:
    assert all_customers(engine) == []
    birch = replace(ACME, id="birch", state="offboarding", monthly_budget_usd=None, archive="birch-1")
    write_customer(engine, birch)
    write_customer(engine, ACME)
    assert all_customers(engine) == [ACME, birch]
    assert active_customers(engine) == [ACME]
    assert customer_of(engine, "acme") == ACME
    assert find_customer(engine, "birch") == birch


def test_writing_again_replaces_that_row_alone(engine: Engine) -> None:
    write_customer(engine, ACME)
    write_customer(engine, replace(ACME, id="birch"))
    changed = replace(ACME, state="offboarding", cost_center="cc-2")
    write_customer(engine, changed)
    assert all_customers(engine) == [changed, replace(ACME, id="birch")]


def test_who_is_not_a_customer_is_told_what_to_do(engine: Engine) -> None:
    with pytest.raises(UnknownCustomerError, match=r"no customer acme: `pipelines customer list`.*onboard"):
        customer_of(engine, "acme")
    write_customer(engine, replace(ACME, state="offboarded"))
    with pytest.raises(UnknownCustomerError, match="acme is offboarded, not active"):
        customer_of(engine, "acme")
    for text in ("Acme", "acme' OR '1'='1", "acme_", "../acme", "аcme", ""):
        with pytest.raises(InvalidCustomerError):
            customer_of(engine, text)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"cost_center": "cc;1"}, "cost center of acme, 'cc;1'"),
        ({"cost_center": ""}, "cost center"),
        ({"display_name": "a\nb"}, "display name"),
        ({"display_name": " a"}, "no space at either end"),
        ({"principal": "`x`"}, "principal"),
        ({"principal": "x" * 101}, "1 to 100 characters"),
        ({"monthly_budget_usd": 0.0}, "dollars above 0"),
        ({"monthly_budget_usd": float("nan")}, "dollars above 0"),
        ({"budget_warning_share": 1.5}, "at most 1"),
        ({"budget_warning_share": 0.0}, "more than 0"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(change: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidCustomerFieldError, match=told):
        replace(ACME, **change)


def test_a_thousand_customers_are_read_in_the_time_of_ten(engine: Engine) -> None:
    def filled(count: int) -> None:
        ensure_tables(engine, CUSTOMERS)
        rows = [
            {**{column.name: getattr(ACME, column.name, None) for column in CUSTOMERS.columns}, "customer": f"c{n}"}
            for n in range(count)
        ]
        rows_to_frame(engine, CUSTOMERS, rows).write.format("delta").mode("overwrite").saveAsTable(str(CUSTOMERS.name))

    def seconds(count: int) -> float:
        filled(count)
        assert len(active_customers(engine)) == count
        taken = []
        for _ in range(5):
            began = time.perf_counter()
            assert customer_of(engine, f"c{count - 1}").id == f"c{count - 1}"
            taken.append(time.perf_counter() - began)
        return min(taken)

    assert seconds(1000) <= 1.5 * seconds(10) + 0.02
