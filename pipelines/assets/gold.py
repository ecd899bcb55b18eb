"""Gold: cleaned, labelled and attested sessions, an upload day at a time."""

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from pipelines.assets.materializations import day_metadata, picture, rows_table
from pipelines.assets.table_assets import table_spec
from pipelines.checks.silver import silver_results
from pipelines.engines.engine import Engine
from pipelines.partitions import UPLOAD_DAYS
from pipelines.tables.contract import TableContract, TableName
from pipelines.tables.contracts import (
    ANNOTATIONS,
    APPROACHES,
    FLIGHT_SAMPLES,
    GOLD_SESSIONS,
    MANEUVERS,
    SAMPLES,
    SILVER_SESSIONS,
)

if TYPE_CHECKING:
    from pipelines.tables.refinement import GoldReport


def _gold_asset(
    contract: TableContract,
    deps: list[TableName],
    function: str,
    more_metadata: Callable[[Engine, date], dict[str, Any]] = lambda _engine, _day: {},
) -> dg.AssetsDefinition:
    """The asset of a gold table, filled for one upload day by a function of `pipelines.tables.gold`."""

    @dg.multi_asset(
        specs=[table_spec(contract, deps)], partitions_def=UPLOAD_DAYS, name=function, description=contract.comment
    )
    def refine(
        context: dg.AssetExecutionContext,
        engine: dg.ResourceParam[Engine],
        step_launcher: dg.ResourceParam[object],
    ) -> dg.MaterializeResult:
        from pipelines.tables import gold
        from pipelines.tables.attestation import attest
        from pipelines.tables.code_digest import tables_code_digest

        day = date.fromisoformat(context.partition_key)
        checks = {check.full_name: found.passed for check, found in silver_results(engine, day)}
        metadata = attest(context.run_id, contract.name.asset_key, tables_code_digest(), checks)
        report = getattr(gold, function)(engine, day, metadata)
        return dg.MaterializeResult(
            metadata={
                **day_metadata(engine, contract, day, report.version),
                **_refined(report),
                **more_metadata(engine, day),
            }
        )

    return refine


def _refined(report: "GoldReport") -> dict[str, Any]:
    return {
        "sessions_refined": len(report.session_ids),
        "sessions_removed": len(report.removed),
        "sessions_left_to_the_next_run": rows_table({"session": session_id} for session_id in report.deferred),
        "annotations_without_session": rows_table({"annotation": text} for text in report.unmatched),
        "annotations_of_several_sessions": rows_table({"annotation": text} for text in report.ambiguous),
        "attested_commit": report.has_changed,
    }


def _newest_session(engine: Engine, day: date) -> dict[str, Any]:
    from pipelines.training.newest_session import labelled_picture

    png = labelled_picture(engine, day)
    return {"newest_session": picture(png, "newest session, coloured by maneuver")} if png else {}


gold_assets = [
    _gold_asset(FLIGHT_SAMPLES, [SAMPLES.name, SILVER_SESSIONS.name, ANNOTATIONS.name], "refine_flight_samples"),
    _gold_asset(MANEUVERS, [FLIGHT_SAMPLES.name, ANNOTATIONS.name], "refine_maneuvers"),
    _gold_asset(APPROACHES, [FLIGHT_SAMPLES.name], "refine_approaches"),
    _gold_asset(
        GOLD_SESSIONS, [FLIGHT_SAMPLES.name, MANEUVERS.name, APPROACHES.name], "refine_sessions", _newest_session
    ),
]
