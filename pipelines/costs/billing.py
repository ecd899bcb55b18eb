"""What Databricks billed, by remote run, from its system tables; they exist in a real account alone."""

from __future__ import annotations

import logging
from datetime import date
from typing import TYPE_CHECKING

from pipelines.tables.contract import TableName

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine

USAGE = TableName("system", "billing", "usage")
LIST_PRICES = TableName("system", "billing", "list_prices")
_log = logging.getLogger(__name__)


def billed_by_run(
    engine: Engine, environment: str, month: date, usage: TableName = USAGE, prices: TableName = LIST_PRICES
) -> dict[int, int] | None:
    """Millionths of dollars billed for each run's compute, by run id; None where no such tables can be read.

    What was billed from the month on for 35 days and more is counted, so that a run over a month's end is whole; who
    calls picks the runs of the month.
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
    return {int(row["run_id"]): round(float(row["billed_usd"]) * 1_000_000) for row in rows}


def billing_query(environment: str, month: date, usage: TableName = USAGE, prices: TableName = LIST_PRICES) -> str:
    """The query of `billed_by_run`.

    Quantities are summed as they are: a correction is a negative record and a new one. A price holds from its start up
    to its end. Run ids are a workspace's own, so where a record is tagged, its tag must name the environment.
    """
    return f"""
        SELECT u.usage_metadata.job_run_id AS run_id,
               SUM(CAST(u.usage_quantity AS DOUBLE) * CAST(p.pricing.default AS DOUBLE)) AS billed_usd
        FROM {usage} u
        JOIN {prices} p
          ON p.sku_name = u.sku_name AND p.cloud = u.cloud AND p.currency_code = 'USD'
         AND u.usage_start_time >= p.price_start_time
         AND (p.price_end_time IS NULL OR u.usage_start_time < p.price_end_time)
        WHERE u.usage_metadata.job_run_id IS NOT NULL
          AND u.usage_date >= DATE'{month.isoformat()}' AND u.usage_date < DATE'{month.isoformat()}' + INTERVAL 70 DAYS
          AND COALESCE(u.custom_tags['environment'], '{environment}') = '{environment}'
        GROUP BY u.usage_metadata.job_run_id"""
