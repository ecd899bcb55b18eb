"""What Databricks billed, by remote run, from its system tables; they exist in a real account alone."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from pipelines.tables.contract import TableName

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine

USAGE = TableName("system", "billing", "usage")
LIST_PRICES = TableName("system", "billing", "list_prices")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Bills:
    """What was billed, in millionths of dollars."""

    by_run: dict[int, int]
    """For each run's compute, by run id, from the month on: who calls picks the runs of the month."""
    in_month_by_run: dict[int, int]
    """The part of it that was used in the month itself."""
    of_no_run: int
    """What was used in the month by no run, such as a cluster that people share, in the environment's name."""


def bills_of(
    engine: Engine, environment: str, month: date, usage: TableName = USAGE, prices: TableName = LIST_PRICES
) -> Bills | None:
    """What was billed for a month; None where no such tables can be read.

    What was billed from the month on for 35 days and more is counted, so that a run over a month's end is whole.
    """
    from pyspark.errors import PySparkException

    try:
        if not (engine.exists(usage) and engine.exists(prices)):
            return None
        asked = engine.spark.sql(billing_query(environment, month, usage, prices))
        _ = asked.schema  # Spark Connect analyses a query no sooner
    except PySparkException as error:
        # No grant, or no such catalog: what runs cost is reported all the same.
        _log.warning("What was billed is left out: %s", str(error).partition("\n")[0])
        return None
    rows = asked.toArrow().to_pylist()
    amounts = [(row["run_id"], _millionths(row["billed_usd"]), _millionths(row["month_usd"])) for row in rows]
    return Bills(
        {int(run): whole for run, whole, _ in amounts if run is not None},
        {int(run): part for run, _, part in amounts if run is not None},
        sum(part for run, _, part in amounts if run is None),
    )


def month_after(month: date) -> date:
    """The first day of the month after the one that begins then."""
    return (month + timedelta(days=31)).replace(day=1)


def _millionths(usd: float | None) -> int:
    return round(float(usd or 0) * 1_000_000)


def billing_query(environment: str, month: date, usage: TableName = USAGE, prices: TableName = LIST_PRICES) -> str:
    """The query of `bills_of`.

    Quantities are summed as they are: a correction is a negative record and a new one. A price holds from its start up
    to its end. Run ids are a workspace's own, so where a record is tagged, its tag must name the environment; one of no
    run counts only if it is tagged so, for an account's bill holds what has nothing to do with this.
    """
    amount = "CAST(u.usage_quantity AS DOUBLE) * CAST(p.pricing.default AS DOUBLE)"
    within = f"u.usage_date < DATE'{month_after(month).isoformat()}'"
    return f"""
        SELECT u.usage_metadata.job_run_id AS run_id,
               SUM({amount}) AS billed_usd,
               SUM(CASE WHEN {within} THEN {amount} ELSE 0 END) AS month_usd
        FROM {usage} u
        JOIN {prices} p
          ON p.sku_name = u.sku_name AND p.cloud = u.cloud AND p.currency_code = 'USD'
         AND u.usage_start_time >= p.price_start_time
         AND (p.price_end_time IS NULL OR u.usage_start_time < p.price_end_time)
        WHERE u.usage_date >= DATE'{month.isoformat()}' AND u.usage_date < DATE'{month.isoformat()}' + INTERVAL 70 DAYS
          AND (u.custom_tags['environment'] = '{environment}'
               OR (u.custom_tags['environment'] IS NULL AND u.usage_metadata.job_run_id IS NOT NULL))
        GROUP BY u.usage_metadata.job_run_id"""
