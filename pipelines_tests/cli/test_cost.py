"""`pipelines cost`: what the last reports of both locations say, by month and customer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner

from pipelines.assets.costs import REPORT
from pipelines.assets.customer_records import as_json, customers
from pipelines.cli.cost import cost
from pipelines.cli.customer import customer
from pipelines.cli.instance import open_instance
from pipelines.environments import current_settings
from pipelines_tests.customers.test_registry import ACME


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINES_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "140")


def _report(catalog: str, *rows: dict[str, Any]) -> None:
    event = dg.AssetMaterialization(
        [catalog, "ops", "cost_report"], metadata={REPORT: dg.MetadataValue.json(list(rows))}
    )
    with open_instance(current_settings("production")) as instance:
        instance.report_runless_asset_event(event)


def _customer(customer: str, budget: float | None = None) -> None:
    one = replace(ACME, id=customer, monthly_budget_usd=budget, budget_warning_share=0.8)
    event = dg.AssetMaterialization(customers.key, partition=customer, metadata={"customer": as_json(one), "told": []})
    with open_instance(current_settings("production")) as instance:
        instance.report_runless_asset_event(event)


def _row(month: str, customer: str, cost_usd: float, **changes: Any) -> dict[str, Any]:
    row = {
        "month": f"{month}-01", "purpose": "inference", "customer": customer, "cost_center": "cc", "runs": 2,
        "failed_runs": 1, "hours": 1.5, "cost_usd": cost_usd, "billed_usd": None,
    }  # fmt: skip
    return row | changes


def _said(*arguments: str) -> str:
    result = CliRunner().invoke(cost, arguments)
    assert result.exit_code == 0, result.output
    return "\n".join(line.strip() for line in result.output.splitlines())


def test_both_locations_are_shown_with_their_sum():
    _report("prod", _row("2026-02", "acme", 1.25), _row("2026-03", "acme", 2.5), _row("2026-03", "birch", 0.1))
    _report("dev", _row("2026-03", "shared", 4.0, purpose="training"))
    lines = _said().splitlines()
    assert [line.split()[:4] for line in lines if line.startswith("2026")] == [
        ["2026-02", "production", "inference", "acme"],
        ["2026-03", "development", "training", "shared"],
        ["2026-03", "production", "inference", "acme"],
        ["2026-03", "production", "inference", "birch"],
    ]
    assert next(line for line in lines if line.startswith("all")).split() == ["all", "8", "4", "6.00", "7.85"]


def test_a_month_or_a_customer_alone():
    _report("prod", _row("2026-02", "acme", 1.25), _row("2026-03", "acme", 2.5), _row("2026-03", "birch", 0.1))
    assert "1.25" not in _said("--month", "2026-03")
    assert next(line for line in _said("--customer", "acme").splitlines() if line.startswith("all")).endswith("3.75")
    _customer("cedar")
    said = _said("--customer", "cedar")
    assert "No computing was reported for cedar." in said
    assert "development: not reported yet" in said


def test_a_customer_that_never_was_is_told_from_one_without_costs():
    _report("prod", _row("2026-02", "acme", 1.25))
    result = CliRunner().invoke(cost, ("--customer", "acmee"))
    assert result.exit_code == 2
    assert "there is no customer acmee" in result.output
    _said("--customer", "acme")
    _said("--customer", "shared")


def test_budgets_are_told_with_a_warning_from_their_share_on():
    _customer("acme", 10.0)
    _customer("birch", 10.0)
    _customer("cedar")
    rows = [_row("2026-02", "birch", 99.0), _row("2026-03", "acme", 7.0), _row("2026-03", "acme", 1.0)]
    _report("prod", *rows, _row("2026-03", "birch", 7.99), _row("2026-03", "cedar", 50.0))
    assert [line for line in _said().splitlines() if "udget of" in line] == [
        "Warning, budget of 2026-03: acme: 8.00 of 10.00 USD are used (80%).",
        "Budget of 2026-03: birch: 7.99 of 10.00 USD are used (80%).",
    ]
    assert "Warning, budget of 2026-02: birch: 99.00" in _said("--month", "2026-02")
    assert "birch" not in _said("--customer", "acme")
    listed = CliRunner().invoke(customer, ("list",)).output
    assert "Warning, budget of 2026-03: acme: 8.00 of 10.00 USD are used (80%)." in listed
    assert "7.99" in next(line for line in listed.splitlines() if "birch" in line)
    assert "50.00" not in listed, "has no budget"


def test_what_was_billed_is_shown_where_it_is_known():
    _report("prod", _row("2026-03", "acme", 2.5, billed_usd=2.75))
    assert "billed" in _said()
    assert next(line for line in _said().splitlines() if line.startswith("all")).endswith("2.75")


@pytest.mark.parametrize("arguments", [("--month", "March"), ("--month", "2026-13"), ("--customer", "A; DROP")])
def test_what_is_no_month_or_customer_is_refused_with_what_would_do(arguments: tuple[str, str]):
    result = CliRunner().invoke(cost, arguments)
    assert result.exit_code == 2
    assert "write" in result.output
