"""What computing costs, as assets: a row for every remote run of the location's workspace, and the report of months."""

import json
from typing import Any

import dagster as dg

from pipelines.assets.materializations import picture, rows_table
from pipelines.assets.table_assets import key_of, table_spec
from pipelines.costs.report import report_contract
from pipelines.costs.usage import usage_contract
from pipelines.engines.engine import Engine
from pipelines.settings import Settings
from pipelines.workspace_names import CATALOGS, Location

WITHIN_BUDGET = "customers_within_budget"
REPORT = "report"
"""Metadata of the report: all of its rows, as JSON."""
GROUP = "ops"


def usage_asset(settings: Settings) -> dg.AssetsDefinition:
    """`<catalog>/ops/compute_usage` of the location."""
    contract = usage_contract(settings)

    @dg.multi_asset(name="record_compute_usage", specs=[table_spec(contract, deps=[])])
    def compute_usage(
        context: dg.AssetExecutionContext,
        engine: dg.ResourceParam[Engine],
        settings: dg.ResourceParam[Settings],
        step_launcher: dg.ResourceParam[object],
    ) -> dg.MaterializeResult:
        """Asks the workspace for runs that are new or had not ended; rows of runs that have ended stay as they are."""
        from databricks.sdk import WorkspaceClient

        from pipelines.costs.usage import record_usage

        # In a task the SDK proves by itself who is asking.
        found = record_usage(engine, WorkspaceClient(), settings)
        return dg.MaterializeResult(
            metadata={
                "new_runs": found.new,
                "ended_runs": found.ended,
                "running_runs": found.running,
                "months": ", ".join(found.months) or "none",
                "dagster/row_count": engine.table(contract.name).count(),
            }
        )

    return compute_usage


def report_asset(settings: Settings) -> dg.AssetsDefinition:
    """`<catalog>/ops/cost_report` of the location; in production with the check of customers' budgets."""
    contract = report_contract(settings)
    key = key_of(contract.name)
    words = "No customer's computing of the newest month has reached the share of the budget that is warned about."
    has_customers = settings.location == "production"

    @dg.multi_asset(
        name="report_costs",
        specs=[table_spec(contract, deps=[usage_contract(settings).name])],
        check_specs=[dg.AssetCheckSpec(WITHIN_BUDGET, asset=key, description=words)] if has_customers else [],
    )
    def cost_report(
        context: dg.AssetExecutionContext,
        engine: dg.ResourceParam[Engine],
        settings: dg.ResourceParam[Settings],
        step_launcher: dg.ResourceParam[object],
    ) -> dg.MaterializeResult:
        """Sums the runs of each month by purpose, customer and cost center, and draws them."""
        from pipelines.costs.picture import cost_picture
        from pipelines.costs.report import report_rows, write_report
        from pipelines.training.pictures import png_of

        written = write_report(engine, settings)
        rows = report_rows(engine, settings)
        metadata: dict[str, Any] = {
            "costs": picture(png_of(cost_picture(rows)), "costs by month and purpose"),
            **_newest_month(rows),
            "months_written": ", ".join(f"{each.month:%Y-%m}" for each in written) or "none",
        }
        if written:
            newest = written[-1]
            metadata["newest_month_usd"] = newest.cost_cents / 100
            if newest.billed_cents is not None:
                metadata["billed_usd"] = newest.billed_cents / 100
                metadata["billed_but_not_in_usage_usd"] = newest.unknown_cents / 100
                metadata["billed_minus_cost_usd"] = (newest.billed_cents - newest.cost_cents) / 100
        metadata[REPORT] = dg.MetadataValue.json(json.loads(json.dumps(rows, default=str)))  # long, so it comes last
        return dg.MaterializeResult(
            metadata=metadata, check_results=[_budget_check(engine, key, rows)] if has_customers else []
        )

    return cost_report


def _newest_month(rows: list[dict[str, Any]]) -> dict[str, Any]:
    newest = max((row["month"] for row in rows), default=None)
    shown = rows_table(
        {  # the UI cuts off what does not fit, so the amount comes early
            "customer": row["customer"],
            "purpose": row["purpose"],
            "USD": f"{row['cost_usd']:,.2f}",
            "runs": row["runs"],
            "hours": f"{row['hours']:.2f}",
            "cost center": row["cost_center"],
        }
        for row in sorted(rows, key=lambda row: -row["cost_usd"])
        if row["month"] == newest
    )
    return {"newest_month": f"{newest:%Y-%m}" if newest else "none", "newest_month_costs": shown}


def _budget_check(engine: Engine, key: dg.AssetKey, rows: list[dict[str, Any]]) -> dg.AssetCheckResult:
    from pipelines.costs.budgets import budget_warnings
    from pipelines.customers.registry import all_customers

    newest = max((row["month"] for row in rows), default=None)
    warnings = budget_warnings(all_customers(engine), [row for row in rows if row["month"] == newest])
    return dg.AssetCheckResult(
        check_name=WITHIN_BUDGET,
        asset_key=key,
        passed=not warnings,
        severity=dg.AssetCheckSeverity.WARN,
        description=" ".join(warning.sentence for warning in warnings) or "All are within their budgets.",
        metadata={"month": f"{newest:%Y-%m}" if newest else "none", "customers_to_warn": len(warnings)},
    )


def cost_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The assets of a location; none on a data scientist's branch, whose runs the location's own cover."""
    return [] if settings.branch else [usage_asset(settings), report_asset(settings)]


def cost_selection(location: Location) -> dg.AssetSelection:
    """Both of them, and their check."""
    return dg.AssetSelection.assets(
        dg.AssetKey([CATALOGS[location], "ops", "compute_usage"]),
        dg.AssetKey([CATALOGS[location], "ops", "cost_report"]),
    )


def last_report(instance: dg.DagsterInstance, location: Location) -> list[dict[str, Any]] | None:
    """The rows of the location's report as it was last made; None if it never was."""
    event = instance.get_latest_materialization_event(dg.AssetKey([CATALOGS[location], "ops", "cost_report"]))
    found = event.asset_materialization.metadata.get(REPORT) if event and event.asset_materialization else None
    return None if found is None else list(found.value)  # type: ignore[arg-type]
