"""The rules of costs: what a run was for, and amounts that sum to their whole to the cent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from databricks.sdk.service import jobs
from hypothesis import given
from hypothesis import strategies as st

from pipelines.costs.budgets import budget_warnings
from pipelines.costs.picture import cost_picture
from pipelines.costs.purpose import PURPOSES, customer_of, purpose_of
from pipelines.costs.remote_runs import RemoteRun, runs_since
from pipelines.costs.report import report_of
from pipelines.costs.shares import in_cents, whole_cents
from pipelines.costs.usage import cost_usd, usage_row
from pipelines.databricks.tags import described, description, remote_tags
from pipelines.environments import settings_from
from pipelines_tests.customers.test_registry import ACME

NOW = datetime(2026, 3, 31, 23, 59, tzinfo=UTC)
MARCH = date(2026, 3, 1)
PRODUCTION = settings_from({"PIPELINES_HOME": "/nowhere"}, "production")


@pytest.mark.parametrize(
    ("environment", "tags", "purpose"),
    [
        ("development", {"branch": "dev_ada", "model": "upset_detector"}, "data_science"),
        ("development", {"cost_center": "dev_ada"}, "data_science"),
        ("development", {"cost_center": "development", "model": "upset_detector"}, "training"),
        ("development", {"cost_center": "development"}, "operations"),
        ("development", {}, "operations"),
        ("production", {"model": "upset_detector"}, "release"),
        ("production", {"release": "a" * 40}, "release"),
        ("production", {"dagster_job": "release"}, "release"),
        ("production", {"dagster_job": "check_releases"}, "operations"),
        ("production", {"customer": "acme", "model": "upset_detector"}, "inference"),
        ("production", {"customer": "A; DROP TABLE"}, "operations"),
        ("production", {"purpose": "inference"}, "inference"),
        ("production", {"purpose": "a holiday", "model": "upset_detector"}, "release"),
        ("production", {}, "operations"),
    ],
)
def test_the_purpose_of_a_run(environment: str, tags: dict[str, str], purpose: str):
    assert purpose_of(environment, tags) == purpose


def test_a_run_for_no_single_customer_is_nobodys():
    assert customer_of({}) is None
    assert customer_of({"customer": "acme,birch"}) is None
    assert customer_of({"customer": "acme"}) == "acme"


def test_the_tags_of_a_step_are_read_back_from_its_description():
    step = {"pipelines/customer": "acme", "pipelines/purpose": "inference"}
    tags = remote_tags({"environment": "production", "cost_center": "cc: 1"}, step, "run-1", "analyze", "one.two")
    assert described(description(tags)) == tags
    assert tags["purpose"] == "inference"
    assert described("Nothing of ours.\n: \n") == {}


def test_a_branch_says_so_on_its_runs():
    own = settings_from({"PIPELINES_HOME": "/nowhere", "PIPELINES_BRANCH": "ada"})
    assert own.remote is not None
    assert purpose_of("development", own.remote.tags) == "data_science"
    shared = settings_from({"PIPELINES_HOME": "/nowhere"})
    assert shared.remote is not None
    assert purpose_of("development", {**shared.remote.tags, "model": "m"}) == "training"


amounts = st.dictionaries(st.integers(0, 40), st.integers(0, 10**12), max_size=20)


@given(amounts)
def test_cents_sum_to_the_whole_and_each_is_within_a_cent(millionths: dict[int, int]):
    cents = in_cents(millionths)
    assert sum(cents.values()) == whole_cents(sum(millionths.values()))
    assert cents == in_cents(dict(reversed(list(millionths.items())))), "the order of the parts does not matter"
    for key, amount in millionths.items():
        assert abs(cents[key] * 10_000 - amount) < 10_000


def test_halves_of_cents_go_to_the_even_one():
    assert [whole_cents(amount) for amount in (5_000, 15_000, 5_001, 4_999)] == [0, 2, 1, 0]
    with pytest.raises(ValueError, match="negative"):
        in_cents({"a": -1})


runs = st.lists(
    st.fixed_dictionaries(
        {
            "remote_run_id": st.integers(1, 10**15),
            "duration_s": st.floats(0, 48 * 3600),
            "result": st.sampled_from(["success", "failed", "canceled", "timedout", "running", "lost"]),
            "rate": st.sampled_from([0.0, 0.5, 1.5, 6.0, 0.333]),
            "purpose": st.sampled_from(PURPOSES),
            "customer": st.sampled_from([None, "acme", "birch", "cedar"]),
            "cost_center": st.sampled_from(["a", "b"]),
        }
    ),
    max_size=60,
    unique_by=lambda run: run["remote_run_id"],
)


@given(runs)
def test_the_parts_of_a_month_sum_to_its_runs_whatever_became_of_them(found: list[dict[str, Any]]):
    for run in found:
        run["cost_usd"] = cost_usd(timedelta(seconds=run["duration_s"]), run["rate"])
    billed = {run["remote_run_id"]: round(run["cost_usd"] * 900_000) for run in found[::2]}
    report = report_of(MARCH, found, billed, NOW, 12_340_000)
    whole = sum((Decimal(str(run["cost_usd"])) for run in found), Decimal(0))
    assert sum(round(row["cost_usd"] * 100) for row in report.rows) == report.cost_cents
    assert Decimal(report.cost_cents) == (whole * 100).quantize(Decimal(1), "ROUND_HALF_EVEN")
    assert sum(round(row["billed_usd"] * 100) for row in report.rows) == report.billed_cents
    assert sum(row["runs"] for row in report.rows) == len(found)
    assert sum(row["failed_runs"] for row in report.rows) == sum(
        run["result"] in ("failed", "canceled", "timedout", "lost") for run in found
    )
    assert sum(row["hours"] for row in report.rows) == pytest.approx(sum(run["duration_s"] for run in found) / 3600)
    keys = [(row["month"], row["purpose"], row["customer"], row["cost_center"]) for row in report.rows]
    assert len(set(keys)) == len(keys)
    assert all(row["customer"] for row in report.rows)


def test_a_part_is_the_sum_of_its_own_runs():
    def run(number: int, cost: float, customer: str | None) -> dict[str, Any]:
        return {
            "remote_run_id": number, "duration_s": 1800.0, "result": "success", "cost_usd": cost,
            "purpose": "inference", "customer": customer, "cost_center": "cc",
        }  # fmt: skip

    report = report_of(MARCH, [run(1, 0.25, "acme"), run(2, 0.5, "acme"), run(3, 1.0, None)], None, NOW)
    assert [
        (row["customer"], row["runs"], row["hours"], row["cost_usd"], row["billed_usd"]) for row in report.rows
    ] == [
        ("acme", 2, 1.0, 0.75, None),
        ("shared", 1, 0.5, 1.0, None),
    ]
    assert (report.cost_cents, report.billed_cents) == (175, None)


def test_a_row_of_usage_has_the_rate_of_its_size_and_all_that_the_tags_say():
    tags = {
        "size": "large", "customer": "acme", "model": "m", "release": "r", "cost_center": "cc-7",
        "dagster_run": "d", "dagster_step": "s",
    }  # fmt: skip
    run = RemoteRun(7, NOW - timedelta(hours=1), NOW - timedelta(minutes=30), "failed", tags)
    row = usage_row(run, PRODUCTION, NOW)
    assert (row["environment"], row["duration_s"], row["rate_usd_per_hour"], row["cost_usd"]) == (
        "production", 1800.0, 6.0, 3.0,
    )  # fmt: skip
    assert (row["customer"], row["model"], row["release"], row["cost_center"]) == ("acme", "m", "r", "cc-7")
    assert (row["dagster_run_id"], row["step"], row["result"], row["purpose"]) == ("d", "s", "failed", "inference")


def test_a_run_that_goes_on_is_counted_up_to_now_and_one_of_an_unknown_size_as_standard():
    row = usage_row(RemoteRun(7, NOW - timedelta(hours=2), None, "running", {"size": "gigantic"}), PRODUCTION, NOW)
    assert (row["size_class"], row["duration_s"], row["cost_usd"]) == ("standard", 7200.0, 1.0)
    assert (row["cost_center"], row["customer"], row["purpose"]) == ("untagged", None, "operations")


@pytest.mark.parametrize(
    ("state", "seen"),
    [("QUEUED", []), ("BLOCKED", []), ("PENDING", ["running"]), ("RUNNING", ["running"]), ("TERMINATED", ["failed"])],
)
def test_a_run_that_waits_in_a_queue_has_not_begun_whatever_its_time(state: str, seen: list[str]):
    told = {"run_id": 1, "start_time": 1_772_000_000_000, "state": {"life_cycle_state": state}}
    client = SimpleNamespace(jobs=SimpleNamespace(list_runs=lambda **_: [jobs.BaseRun.from_dict(told)]))
    assert [run.result for run in runs_since(client, None)] == seen  # type: ignore[arg-type]


def test_clocks_that_disagree_never_give_a_negative_cost():
    row = usage_row(RemoteRun(7, NOW + timedelta(minutes=5), None, "running", {}), PRODUCTION, NOW)
    assert (row["duration_s"], row["cost_usd"]) == (0.0, 0.0)


def test_budgets_warn_from_their_share_on_and_not_for_what_is_shared():
    budget = replace(ACME, monthly_budget_usd=100.0, budget_warning_share=0.8)
    others = [replace(budget, id="birch", monthly_budget_usd=None), replace(budget, id="cedar")]

    def rows(acme: float) -> list[dict[str, Any]]:
        costs = {"acme": acme, "birch": 500.0, "shared": 500.0, "cedar": 5.0}
        return [{"customer": name, "cost_usd": cost} for name, cost in costs.items()]

    assert budget_warnings([*others, budget], rows(79.99)) == []
    (warning,) = budget_warnings([*others, budget], [*rows(40.0), {"customer": "acme", "cost_usd": 40.0}])
    assert warning.sentence == "acme: 80.00 of 100.00 USD are used (80%)."


def test_the_picture_names_every_purpose_with_its_amount_and_survives_nothing():
    rows = [
        {"month": date(2026, 2, 1), "purpose": "training", "cost_usd": 3.0},
        {"month": MARCH, "purpose": "training", "cost_usd": 1.25},
        {"month": MARCH, "purpose": "inference", "cost_usd": 2.0},
    ]
    (axes,) = cost_picture(rows).axes
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["training: 1.25 USD", "inference: 2.00 USD"]
    assert legend.get_title().get_text() == "2026-03, 3.25 USD"
    assert cost_picture([]).axes[0].get_title(loc="left") == "No computing yet"
