"""Costs as tables: the report follows usage, and bills are joined by run."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pyspark.errors import AnalysisException

from pipelines.costs.billing import LIST_PRICES, USAGE, Bills, billing_query, bills_of
from pipelines.costs.remote_runs import RemoteRun
from pipelines.costs.report import NOT_IN_USAGE, month_report, months_to_report, report_rows, write_report
from pipelines.costs.usage import usage_contract, usage_row
from pipelines.engines.engine import Engine
from pipelines.environments import settings_from
from pipelines.tables.arrow_rows import rows_to_frame
from pipelines.tables.contract import TableName
from pipelines.tables.contract_guard import ensure_tables

SETTINGS = settings_from({"PIPELINES_HOME": "/nowhere"}, "production")
NOW = datetime(2026, 4, 2, tzinfo=UTC)


def _used(engine: Engine, *runs: tuple[int, datetime, str], at: datetime = NOW) -> None:
    """Rows of half an hour each, as `record_usage` writes them."""
    rows = [
        usage_row(RemoteRun(number, began, began + timedelta(minutes=30), "success", {"customer": who}), SETTINGS, at)
        for number, began, who in runs
    ]
    ensure_tables(engine, usage_contract(SETTINGS))
    engine.append(usage_contract(SETTINGS).name, rows_to_frame(engine, usage_contract(SETTINGS), rows))


def _shown(engine: Engine) -> list[tuple[Any, ...]]:
    return [
        (f"{row['month']:%Y-%m}", row["customer"], row["runs"], row["cost_usd"])
        for row in report_rows(engine, SETTINGS)
    ]


def test_attempts_at_one_step_have_a_row_each_and_sum_to_the_whole(engine: Engine):
    began, tags = datetime(2026, 3, 5, tzinfo=UTC), {"customer": "acme", "dagster_run": "d", "dagster_step": "analyze"}
    attempts = [
        RemoteRun(1, began, began + timedelta(minutes=7), "failed", tags),
        RemoteRun(2, began + timedelta(minutes=8), began + timedelta(minutes=31), "success", tags),
    ]
    other = RemoteRun(3, began, began + timedelta(minutes=11), "success", {})
    contract = usage_contract(SETTINGS)
    ensure_tables(engine, contract)
    rows = [usage_row(run, SETTINGS, NOW) for run in [*attempts, other]]
    engine.append(contract.name, rows_to_frame(engine, contract, rows))
    assert [(row["step"], row["result"]) for row in rows[:2]] == [("analyze", "failed"), ("analyze", "success")]
    (month,) = write_report(engine, SETTINGS)
    shown = {row["customer"]: row for row in report_rows(engine, SETTINGS)}
    assert (shown["acme"]["runs"], shown["acme"]["failed_runs"]) == (2, 1)
    assert (shown["acme"]["cost_usd"], shown["shared"]["cost_usd"]) == (0.25, 0.09), "half an hour of both attempts"
    assert month.cost_cents == 34, "41 minutes"


def test_a_run_over_the_end_of_a_month_belongs_to_the_month_in_which_it_began(engine: Engine):
    _used(engine, (1, datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC), "acme"), (2, datetime(2026, 4, 1, tzinfo=UTC), ""))
    assert [each.month for each in write_report(engine, SETTINGS)] == [date(2026, 3, 1), date(2026, 4, 1)]
    assert _shown(engine) == [("2026-03", "acme", 1, 0.25), ("2026-04", "shared", 1, 0.25)]


def test_a_month_is_reported_anew_when_its_usage_has_changed_and_stale_parts_go(engine: Engine):
    january, usage = datetime(2026, 1, 5, tzinfo=UTC), usage_contract(SETTINGS).name
    _used(
        engine,
        (1, january, "acme"),
        (2, datetime(2026, 2, 5, tzinfo=UTC), ""),
        (3, datetime(2026, 3, 5, tzinfo=UTC), ""),
    )
    write_report(engine, SETTINGS)
    assert [month.month for month in months_to_report(engine, SETTINGS)] == [2, 3], "January has not changed"
    engine.spark.sql(
        f"UPDATE {usage} SET customer = 'birch', recorded_at = TIMESTAMP'2999-01-01' WHERE remote_run_id = 1"
    )
    assert [month.month for month in months_to_report(engine, SETTINGS)] == [1, 2, 3]
    write_report(engine, SETTINGS)
    assert _shown(engine)[0] == ("2026-01", "birch", 1, 0.25)
    assert len(_shown(engine)) == 3


def test_without_any_usage_there_is_an_empty_report(engine: Engine):
    assert write_report(engine, SETTINGS) == []
    assert report_rows(engine, SETTINGS) == []


def test_without_bills_nothing_is_billed(engine: Engine):
    _used(engine, (1, datetime(2026, 3, 5, tzinfo=UTC), "acme"))
    assert bills_of(engine, "production", date(2026, 3, 1)) is None
    (report,) = write_report(engine, SETTINGS)
    assert report.billed_cents is None
    assert [row["billed_usd"] for row in report_rows(engine, SETTINGS)] == [None]


def test_bills_that_may_not_be_read_are_left_out(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def refused(_: TableName) -> bool:
        raise AnalysisException("[INSUFFICIENT_PERMISSIONS] User lacks USE SCHEMA on Schema 'system.billing'.")

    monkeypatch.setattr(engine, "exists", refused)
    assert bills_of(engine, "production", date(2026, 3, 1)) is None
    assert "What was billed is left out: [INSUFFICIENT_PERMISSIONS]" in caplog.text


@pytest.fixture
def billed(engine: Engine) -> Engine:
    """Tables in the shape of Databricks' own, one catalog up, because an embedded engine has no `system`."""
    spark = engine.spark
    for name in (BILLS, PRICES):
        engine.location(name).parent.mkdir(parents=True, exist_ok=True)
    spark.sql("CREATE SCHEMA IF NOT EXISTS main.billing")
    spark.sql(
        f"CREATE TABLE {BILLS} (workspace_id STRING, sku_name STRING, cloud STRING, usage_start_time TIMESTAMP, "
        "usage_end_time TIMESTAMP, usage_date DATE, custom_tags MAP<STRING, STRING>, usage_quantity DECIMAL(38,18), "
        "usage_metadata STRUCT<cluster_id: STRING, job_id: STRING, job_run_id: STRING>, record_type STRING) "
        f"USING delta LOCATION 'file://{engine.location(BILLS)}'"
    )
    spark.sql(
        f"CREATE TABLE {PRICES} (sku_name STRING, cloud STRING, currency_code STRING, price_start_time TIMESTAMP, "
        "price_end_time TIMESTAMP, pricing STRUCT<default: DECIMAL(38,18)>) "
        f"USING delta LOCATION 'file://{engine.location(PRICES)}'"
    )
    since = {"USD": [("2020-01-01", "TIMESTAMP'2026-03-10'", 0.1), ("2026-03-10", "NULL", 0.2)]}
    since["EUR"] = [("2020-01-01", "NULL", 9.0)]
    for currency, prices in since.items():
        for start, end, price in prices:
            pricing = f"named_struct('default', CAST({price} AS DECIMAL(38,18)))"
            spark.sql(
                f"INSERT INTO {PRICES} VALUES ('JOBS', 'AWS', '{currency}', TIMESTAMP'{start}', {end}, {pricing})"
            )
    return engine


BILLS, PRICES = TableName("main", "billing", "usage"), TableName("main", "billing", "list_prices")


def _bill(engine: Engine, run: str | None, at: str, quantity: float, environment: str | None = "production") -> None:
    tags = "map()" if environment is None else f"map('environment', '{environment}')"
    tags = f"CAST({tags} AS MAP<STRING, STRING>)" if environment is None else tags
    number = "CAST(NULL AS STRING)" if run is None else f"'{run}'"
    engine.spark.sql(
        f"INSERT INTO {BILLS} VALUES ('1', 'JOBS', 'AWS', TIMESTAMP'{at}', TIMESTAMP'{at}', DATE'{at[:10]}', {tags}, "
        f"CAST({quantity} AS DECIMAL(38,18)), "
        f"named_struct('cluster_id', 'c', 'job_id', 'j', 'job_run_id', {number}), 'ORIGINAL')"
    )


def test_bills_are_summed_by_run_at_the_price_of_their_time(billed: Engine):
    _bill(billed, "1", "2026-03-05 10:00:00", 10.0)
    _bill(billed, "1", "2026-03-10 00:00:00", 10.0)
    _bill(billed, "2", "2026-03-20 00:00:00", 4.0)
    _bill(billed, "2", "2026-03-20 00:00:00", -4.0)
    _bill(billed, "2", "2026-03-20 00:00:00", 3.0)
    _bill(billed, "3", "2026-03-20 00:00:00", 5.0, environment="development")
    _bill(billed, None, "2026-03-20 00:00:00", 100.0)
    _bill(billed, "4", "2026-02-20 00:00:00", 5.0)
    _bill(billed, None, "2026-03-20 00:00:00", 100.0, environment="development")
    _bill(billed, None, "2026-03-20 00:00:00", 100.0, environment=None)
    _bill(billed, "2", "2026-04-01 00:00:00", 1.0)
    found = bills_of(billed, "production", date(2026, 3, 1), BILLS, PRICES)
    assert found == Bills({1: 3_000_000, 2: 800_000}, {1: 3_000_000, 2: 600_000}, 20_000_000)


def test_the_report_shows_what_was_billed_beside_what_it_cost_by_list(billed: Engine):
    _used(billed, (1, datetime(2026, 3, 20, tzinfo=UTC), "acme"), (2, datetime(2026, 3, 21, tzinfo=UTC), ""))
    _bill(billed, "1", "2026-03-20 00:00:00", 1.0)
    _bill(billed, "77", "2026-03-20 00:00:00", 250.0)
    _bill(billed, None, "2026-03-20 00:00:00", 10.0)
    report = month_report(billed, SETTINGS, date(2026, 3, 1), (BILLS, PRICES))
    assert [(row["customer"], row["runs"], row["cost_usd"], row["billed_usd"]) for row in report.rows] == [
        ("acme", 1, 0.25, 0.2),
        ("shared", 1, 0.25, 0.0),
        ("shared", 0, 0.0, 52.0),
    ]
    assert report.rows[-1]["cost_center"] == NOT_IN_USAGE
    assert (report.cost_cents, report.billed_cents, report.unknown_cents) == (50, 5_220, 5_200)


def test_a_run_of_the_month_before_is_known_and_what_is_billed_later_is_of_another_month(billed: Engine):
    _used(billed, (1, datetime(2026, 2, 28, 23, tzinfo=UTC), "acme"), (2, datetime(2026, 3, 21, tzinfo=UTC), ""))
    _bill(billed, "1", "2026-03-01 00:00:00", 10.0)
    _bill(billed, "77", "2026-04-01 00:00:00", 10.0)
    march = month_report(billed, SETTINGS, date(2026, 3, 1), (BILLS, PRICES))
    assert (march.billed_cents, march.unknown_cents) == (0, 0)
    april = month_report(billed, SETTINGS, date(2026, 4, 1), (BILLS, PRICES))
    assert (april.billed_cents, april.unknown_cents) == (200, 200)


def test_by_default_databricks_own_tables_are_asked():
    query = billing_query("production", date(2026, 3, 1))
    assert f"FROM {USAGE} u" in query
    assert f"JOIN {LIST_PRICES} p" in query
    assert str(USAGE) == "system.billing.usage"
