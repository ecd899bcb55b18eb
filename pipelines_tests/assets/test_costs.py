"""The cost assets as Dagster runs them: what they tell of a workspace's runs, bills and budgets."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from databricks.sdk.service import iam, jobs

from pipelines.assets.costs import WITHIN_BUDGET, cost_assets, last_report
from pipelines.costs.billing import Bills
from pipelines.customers.registry import write_customer
from pipelines.databricks.tags import description
from pipelines.engines.engine import Engine
from pipelines.environments import settings_from
from pipelines_tests.customers.test_registry import ACME

SETTINGS = settings_from({"PIPELINES_HOME": "/nowhere"}, "production")
BEGAN = datetime(2026, 3, 5, tzinfo=UTC)
RUNS = {1: ("acme", 3), 2: ("acme", 1), 3: ("", 2)}
"""By number the customer and the hours of each run of the workspace; an hour costs half a dollar."""


class WorkspaceOfRuns:
    """What the assets ask of a workspace, which holds `RUNS` and nothing else."""

    current_user = SimpleNamespace(me=lambda: iam.User(user_name="pipelines"))

    @property
    def jobs(self) -> Any:
        return SimpleNamespace(list_runs=lambda **_: [_run(number) for number in RUNS])


def _run(number: int) -> jobs.BaseRun:
    customer, hours = RUNS[number]
    began = int(BEGAN.timestamp() * 1000)
    return jobs.BaseRun.from_dict(
        {
            "run_id": number,
            "creator_user_name": "pipelines",
            "start_time": began,
            "end_time": began + int(timedelta(hours=hours).total_seconds() * 1000),
            "state": {"life_cycle_state": "TERMINATED", "result_state": "SUCCESS"},
            "tasks": [{"task_key": "only", "description": description({"customer": customer})}],
        }
    )


def _reported(engine: Engine, instance: dg.DagsterInstance, budget: float | None) -> dg.ExecuteInProcessResult:
    """Both assets, with a budget of acme's, whose runs cost two dollars."""
    write_customer(engine, replace(ACME, monthly_budget_usd=budget, budget_warning_share=0.8))
    resources = {"engine": engine, "settings": SETTINGS, "step_launcher": None}
    return dg.materialize(cost_assets(SETTINGS), instance=instance, resources=resources)


def _metadata(result: dg.ExecuteInProcessResult, name: str) -> dict[str, Any]:
    [event] = result.asset_materializations_for_node(name)
    return {key: value.value for key, value in event.metadata.items()}


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("databricks.sdk.WorkspaceClient", WorkspaceOfRuns)


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize(
    ("budget", "passed", "told"),
    [
        (2.0, False, "acme: 2.00 of 2.00 USD are used (100%)."),
        (2.5, False, "acme: 2.00 of 2.50 USD are used (80%)."),
        (2.51, True, "All are within their budgets."),
        (None, True, "All are within their budgets."),
    ],
)
def test_the_check_of_budgets_warns_from_their_share_on(engine: Engine, budget: float | None, passed: bool, told: str):
    result = _reported(engine, dg.DagsterInstance.ephemeral(), budget)
    [check] = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed, check.description) == (WITHIN_BUDGET, passed, told)
    assert check.severity == dg.AssetCheckSeverity.WARN
    assert result.success, "a budget stops nothing"


@pytest.mark.usefixtures("workspace")
def test_the_report_is_drawn_and_held_against_the_bill(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    def bills(_engine: Engine, _environment: str, month: date, *_tables: Any) -> Bills:
        assert month == date(2026, 3, 1)
        return Bills({1: 2_000_000}, {1: 2_000_000, 77: 50_000_000}, 0)

    monkeypatch.setattr("pipelines.costs.report.bills_of", bills)
    instance = dg.DagsterInstance.ephemeral()
    result = _reported(engine, instance, None)
    used = _metadata(result, "record_compute_usage")
    assert (used["new_runs"], used["running_runs"], used["months"], used["dagster/row_count"]) == (3, 0, "2026-03", 3)
    shown = _metadata(result, "report_costs")
    assert shown["costs"].startswith("![costs by month and purpose](data:image/png;base64,")
    assert (shown["newest_month"], shown["newest_month_usd"], shown["billed_usd"]) == ("2026-03", 3.0, 52.0)
    assert (shown["billed_minus_cost_usd"], shown["billed_but_not_in_usage_usd"]) == (49.0, 50.0)
    told = last_report(instance, "production")
    assert told is not None
    assert [(row["customer"], row["cost_usd"], row["billed_usd"]) for row in told] == [
        ("acme", 2.0, 2.0),
        ("shared", 0.0, 50.0),
        ("shared", 1.0, 0.0),
    ]


@pytest.mark.usefixtures("workspace")
def test_without_a_bill_nothing_is_held_against_it(engine: Engine):
    shown = _metadata(_reported(engine, dg.DagsterInstance.ephemeral(), None), "report_costs")
    assert not {name for name in shown if "billed" in name}
