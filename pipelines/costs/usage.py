"""`compute_usage`: a row for every remote run, kept up to date from the workspace's own list of runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any

from pipelines.costs.makers import Makers
from pipelines.costs.purpose import UNTAGGED, customer_of, purpose_of
from pipelines.costs.remote_runs import LOST, RUNNING, RemoteRun, run_of, runs_since
from pipelines.customers.registry import all_customers
from pipelines.settings import Settings
from pipelines.tables.arrow_rows import rows_to_frame
from pipelines.tables.contract import TableContract
from pipelines.tables.contract_guard import ensure_tables
from pipelines.tables.contracts.operations import COMPUTE_USAGE
from pipelines.tables.retries import until_committed

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from pipelines.engines.engine import Engine

STANDARD = "standard"
_LOOK_BACK = timedelta(hours=1)
"""The list is read from before the newest known run on: it may have been asked while an earlier one was appearing."""
_MILLIONTH = Decimal("0.000001")


@dataclass(frozen=True)
class UsageReport:
    """What one call did."""

    new: int
    """Runs that were not known."""
    ended: int
    """Runs that were known as running and have ended."""
    running: int
    """Runs that have not ended."""
    months: tuple[str, ...]
    """Months, as `2026-03`, whose rows were written."""


def usage_contract(settings: Settings) -> TableContract:
    """`prod.ops.compute_usage`; of the development workspace, `dev.ops.compute_usage`."""
    return replace(COMPUTE_USAGE, name=COMPUTE_USAGE.name._replace(catalog=settings.catalog))


def record_usage(engine: Engine, client: WorkspaceClient, settings: Settings) -> UsageReport:
    """Bring the table to what the workspace tells now: new runs, and those that had not ended.

    The row of a run that has ended is never changed, so neither is what it cost when rates change. Doing it again
    writes nothing new. The work follows the number of new and running runs.
    """
    contract = usage_contract(settings)
    ensure_tables(engine, contract)
    with engine.exclusive(contract.name):
        now = datetime.now(UTC)
        known = engine.table(contract.name)
        newest = known.agg({"started_at": "max"}).toArrow().column(0).to_pylist()[0]
        open_rows = {row["remote_run_id"]: row for row in known.where(f"result = '{RUNNING}'").toArrow().to_pylist()}
        since = None if newest is None else newest.astimezone(UTC) - _LOOK_BACK
        paying = {one.id: one.cost_center for one in all_customers(engine)} if settings.location == "production" else {}
        makers = Makers(client)
        listed = {run.run_id: run for run in runs_since(client, since)}
        ended = _recent_ids(engine, contract, since) - set(open_rows)
        fresh = [makers.believed(run) for run in listed.values() if run.run_id not in ended]
        rows = [usage_row(run, settings, now, paying) for run in fresh]
        unseen = [row for key, row in open_rows.items() if key not in listed]
        rows += [_looked_after(client, makers, row, settings, now, paying) for row in unseen]
        if rows:
            until_committed(lambda: _merge(engine, contract, rows))
    return UsageReport(
        new=sum(row["remote_run_id"] not in open_rows for row in rows),
        ended=sum(row["remote_run_id"] in open_rows and row["result"] != RUNNING for row in rows),
        running=sum(row["result"] == RUNNING for row in rows),
        months=tuple(sorted({row["started_at"].strftime("%Y-%m") for row in rows})),
    )


def usage_row(
    run: RemoteRun, settings: Settings, now: datetime, cost_centers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The run's row; one that goes on is counted up to `now`. `cost_centers` are those of customers, by identifier."""
    tags, customer = run.tags, customer_of(run.tags)
    agreed = (cost_centers or {}).get(customer) if customer else None
    rates = settings.rates_usd_per_hour
    size = tags["size"] if tags.get("size") in rates else STANDARD
    duration = max((run.ended_at or now) - run.started_at, timedelta(0))
    return {
        "environment": settings.location,
        "remote_run_id": run.run_id,
        "started_at": run.started_at,
        "duration_s": duration.total_seconds(),
        "result": run.result,
        "size_class": size,
        "rate_usd_per_hour": rates[size],
        "cost_usd": cost_usd(duration, rates[size]),
        "purpose": purpose_of(settings.location, tags),
        "customer": customer,
        "model": tags.get("model") or None,
        "release": tags.get("release") or None,
        "cost_center": agreed or tags.get("cost_center") or UNTAGGED,
        "dagster_run_id": tags.get("dagster_run") or None,
        "step": tags.get("dagster_step") or None,
        "recorded_at": now,
    }


def cost_usd(duration: timedelta, rate_usd_per_hour: float) -> float:
    """Duration times rate, rounded to a millionth of a dollar."""
    hours = Decimal(duration // timedelta(microseconds=1)) / Decimal(3_600_000_000)
    return float((hours * Decimal(str(rate_usd_per_hour))).quantize(_MILLIONTH, ROUND_HALF_EVEN))


def _looked_after(
    client: WorkspaceClient,
    makers: Makers,
    row: Mapping[str, Any],
    settings: Settings,
    now: datetime,
    cost_centers: Mapping[str, str],
) -> dict[str, Any]:
    """A row that was running when it was last seen, as it is now."""
    run = run_of(client, row["remote_run_id"])
    if run is None:
        return {**row, "result": LOST, "recorded_at": now}
    return usage_row(makers.believed(run), settings, now, cost_centers)


def _recent_ids(engine: Engine, contract: TableContract, since: datetime | None) -> set[int]:
    if since is None:
        return set()
    recent = engine.table(contract.name).where(f"started_at >= TIMESTAMP'{since.strftime('%Y-%m-%d %H:%M:%S')}+00:00'")
    return set(recent.select("remote_run_id").toArrow().column(0).to_pylist())


def _merge(engine: Engine, contract: TableContract, rows: list[dict[str, Any]]) -> None:
    engine.merge(
        contract.name,
        " AND ".join(f"t.{column} = s.{column}" for column in contract.key),
        f"WHEN MATCHED AND t.result = '{RUNNING}' THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
        rows_to_frame(engine, contract, rows),
    )
