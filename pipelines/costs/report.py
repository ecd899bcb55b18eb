"""`cost_report`: what a month's computing cost, by purpose, customer and cost center."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from pipelines.costs.billing import LIST_PRICES, USAGE, Bills, bills_of
from pipelines.costs.purpose import SHARED
from pipelines.costs.shares import in_cents, whole_cents
from pipelines.costs.usage import usage_contract
from pipelines.settings import Settings
from pipelines.tables.arrow_rows import rows_to_frame
from pipelines.tables.contract import TableContract, TableName
from pipelines.tables.contract_guard import ensure_tables
from pipelines.tables.contracts.operations import COST_REPORT
from pipelines.tables.retries import until_committed

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine

NOT_IN_USAGE = "(not in usage)"
"""Who pays for what was billed for runs that usage does not know, and for no run; no tag may have brackets."""
_LONGEST_RUN = timedelta(days=35)
"""A run that began so long before a month may be billed in it still."""
_SUCCESS = "success"
_READ = ("remote_run_id", "duration_s", "result", "cost_usd", "purpose", "customer", "cost_center")


class Part(NamedTuple):
    """What a row of a month is about."""

    purpose: str
    customer: str
    cost_center: str


@dataclass(frozen=True)
class MonthReport:
    """One month's rows, and the whole that they sum to."""

    month: date
    rows: list[dict[str, Any]]
    cost_cents: int
    billed_cents: int | None
    """All that was billed for these runs and in the month outside usage; None where nothing is billed."""
    unknown_cents: int = 0
    """The part of it that was billed for what usage does not know."""


def report_contract(settings: Settings) -> TableContract:
    """`prod.ops.cost_report`; of the development workspace, `dev.ops.cost_report`."""
    return replace(COST_REPORT, name=COST_REPORT.name._replace(catalog=settings.catalog))


def write_report(engine: Engine, settings: Settings) -> list[MonthReport]:
    """Bring the report to what usage says, in one commit a month; the months that were written."""
    usage, report = usage_contract(settings), report_contract(settings)
    ensure_tables(engine, usage, report)
    with engine.exclusive(report.name):
        found = [month_report(engine, settings, month) for month in months_to_report(engine, settings)]
        for each in found:
            until_committed(lambda each=each: _replace_month(engine, report, each))
    return found


def months_to_report(engine: Engine, settings: Settings) -> list[date]:
    """Months with usage that is newer than their report, and the newest two, whose bills are still coming in."""
    usage = _newest_by_month(engine, usage_contract(settings), "started_at", "recorded_at")
    reported = _newest_by_month(engine, report_contract(settings), "month", "reported_at")
    stale = {month for month, written in usage.items() if month not in reported or reported[month] < written}
    return [date.fromisoformat(f"{month}-01") for month in sorted({*stale, *sorted(usage)[-2:]})]


def _newest_by_month(engine: Engine, contract: TableContract, of: str, written: str) -> dict[str, datetime]:
    rows = engine.table(contract.name).selectExpr(f"date_format({of}, 'yyyy-MM') AS month", f"{written} AS written")
    return {
        row["month"]: row["written"]
        for row in rows.groupBy("month")
        .agg({"written": "max"})
        .withColumnRenamed("max(written)", "written")
        .toArrow()
        .to_pylist()
    }


def report_rows(engine: Engine, settings: Settings) -> list[dict[str, Any]]:
    """Every row of the report, in the order of its key."""
    contract = report_contract(settings)
    rows = engine.table(contract.name).toArrow().to_pylist()
    return sorted(rows, key=lambda row: tuple(row[column] for column in contract.key))


def month_report(
    engine: Engine, settings: Settings, month: date, bills: tuple[TableName, TableName] = (USAGE, LIST_PRICES)
) -> MonthReport:
    """The report of the runs that began in the month, in UTC; `bills` are the tables of usage and of prices."""
    usage = engine.table(usage_contract(settings).name)
    runs = usage.where(f"date_format(started_at, 'yyyy-MM') = '{month:%Y-%m}'").select(*_READ).toArrow().to_pylist()
    bills_found = bills_of(engine, settings.location, month, *bills)
    if bills_found is None:
        return report_of(month, runs, None, datetime.now(UTC))
    since = f"started_at >= TIMESTAMP'{month - _LONGEST_RUN} 00:00:00+00:00'"
    known = usage.where(since).select("remote_run_id").toArrow().column(0).to_pylist()
    return report_of(month, runs, bills_found.by_run, datetime.now(UTC), _billed_to_none(bills_found, known))


def _billed_to_none(bills: Bills, known: Iterable[int]) -> int:
    """Millionths of dollars that were billed in the month for what usage does not know."""
    known = set(known)
    return bills.of_no_run + sum(part for run, part in bills.in_month_by_run.items() if run not in known)


def report_of(
    month: date,
    runs: Iterable[Mapping[str, Any]],
    billed: Mapping[int, int] | None,
    now: datetime,
    billed_to_none: int = 0,
) -> MonthReport:
    """The report of these rows of usage; `billed` is in millionths of dollars by run.

    What was billed in the month outside usage (`billed_to_none`) is a row without runs, or the bill could never show
    what usage misses.

    A run without a customer is for all of them: its row's customer is `shared`. Costs are summed in millionths of
    dollars and told in cents that sum to the whole (`in_cents`), as is what was billed.
    """
    groups: dict[Part, list[Mapping[str, Any]]] = {}
    for run in runs:
        groups.setdefault(Part(run["purpose"], run["customer"] or SHARED, run["cost_center"]), []).append(run)
    costs = {part: sum(round(run["cost_usd"] * 1_000_000) for run in each) for part, each in groups.items()}
    bills = {part: sum((billed or {}).get(run["remote_run_id"], 0) for run in each) for part, each in groups.items()}
    cents, billed_cents = in_cents(costs), in_cents(bills)
    rows = [
        {
            "month": month,
            **part._asdict(),
            "runs": len(each),
            "failed_runs": sum(run["result"] not in (_SUCCESS, "running") for run in each),
            "hours": sum(run["duration_s"] for run in each) / 3600.0,
            "cost_usd": cents[part] / 100.0,
            "billed_usd": None if billed is None else billed_cents[part] / 100.0,
            "reported_at": now,
        }
        for part, each in sorted(groups.items())
    ]
    unknown = whole_cents(billed_to_none)
    if unknown:
        nobody = Part("operations", SHARED, NOT_IN_USAGE)
        none = {"runs": 0, "failed_runs": 0, "hours": 0.0, "cost_usd": 0.0}
        rows.append({"month": month, **nobody._asdict(), **none, "billed_usd": unknown / 100.0, "reported_at": now})
    whole_bill = None if billed is None else whole_cents(sum(bills.values())) + unknown
    return MonthReport(month, rows, whole_cents(sum(costs.values())), whole_bill, unknown)


def _replace_month(engine: Engine, contract: TableContract, report: MonthReport) -> None:
    engine.merge(
        contract.name,
        " AND ".join(f"t.{column} = s.{column}" for column in contract.key),
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT * "
        f"WHEN NOT MATCHED BY SOURCE AND t.month = DATE'{report.month.isoformat()}' THEN DELETE",
        rows_to_frame(engine, contract, report.rows),
    )
