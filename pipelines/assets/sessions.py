"""Sessions and annotations: from the landing zone through bronze to silver, an upload day at a time."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg

from pipelines.assets.landing import LANDING_ANNOTATIONS, LANDING_SESSIONS
from pipelines.assets.materializations import day_metadata, rows_table
from pipelines.assets.table_assets import key_of, table_spec
from pipelines.engines.engine import Engine
from pipelines.partitions import UPLOAD_DAYS
from pipelines.settings import Settings
from pipelines.tables.contract import TableContract
from pipelines.tables.contracts import ANNOTATION_FILES, ANNOTATIONS, SAMPLES, SESSION_FILES, SILVER_SESSIONS

if TYPE_CHECKING:
    from pipelines.tables.ingestion import IngestReport


@dg.multi_asset(
    specs=[
        table_spec(SESSION_FILES, deps=[LANDING_SESSIONS.key]),
        table_spec(SILVER_SESSIONS, deps=[SESSION_FILES.name]),
        table_spec(SAMPLES, deps=[SESSION_FILES.name]),
    ],
    partitions_def=UPLOAD_DAYS,
)
def ingest_session_files(
    context: dg.AssetExecutionContext,
    engine: dg.ResourceParam[Engine],
    settings: dg.ResourceParam[Settings],
    step_launcher: dg.ResourceParam[object],
) -> Iterator[dg.MaterializeResult]:
    """Reads the day's new session files; the ledger is written last, so a crash loses and doubles nothing."""
    from pipelines.tables.ingestion import ingest_sessions

    def progress(done: int, total: int, message: str) -> None:
        context.log.info(f"{done} of {total} new session files: {message}")

    day = date.fromisoformat(context.partition_key)
    report = ingest_sessions(engine, settings.landing, day, context.run_id, settings.session_maps, progress)
    yield from _materializations(engine, report, ledger=SESSION_FILES, silver=(SILVER_SESSIONS, SAMPLES))


@dg.multi_asset(
    specs=[
        table_spec(ANNOTATION_FILES, deps=[LANDING_ANNOTATIONS.key]),
        table_spec(ANNOTATIONS, deps=[ANNOTATION_FILES.name]),
    ],
    partitions_def=UPLOAD_DAYS,
)
def ingest_annotation_files(
    context: dg.AssetExecutionContext,
    engine: dg.ResourceParam[Engine],
    settings: dg.ResourceParam[Settings],
    step_launcher: dg.ResourceParam[object],
) -> Iterator[dg.MaterializeResult]:
    """Reads the day's new annotation files into instructors' labels."""
    from pipelines.tables.ingestion import ingest_annotations

    day = date.fromisoformat(context.partition_key)
    report = ingest_annotations(engine, settings.landing, day, context.run_id)
    yield from _materializations(engine, report, ledger=ANNOTATION_FILES, silver=(ANNOTATIONS,))


def _materializations(
    engine: Engine, report: "IngestReport", ledger: TableContract, silver: tuple[TableContract, ...]
) -> Iterator[dg.MaterializeResult]:
    for contract in (ledger, *silver):
        metadata = day_metadata(engine, contract, report.upload_day, report.table_versions[str(contract.name)])
        if contract is ledger:
            metadata |= {
                "new_files": dg.MetadataValue.json({"known before": report.known, **report.counts}),
                "quarantined": rows_table(_quarantined(engine, ledger, report.upload_day)),
                "to_be_tried_again": rows_table(asdict(file) for file in report.deferred),
                "seconds": dg.MetadataValue.json({name: round(s, 2) for name, s in report.stage_seconds.items()}),
            }
        yield dg.MaterializeResult(asset_key=key_of(contract.name), metadata=metadata)


def _quarantined(engine: Engine, ledger: TableContract, day: date) -> list[dict[str, object]]:
    """Every file of the day that is in quarantine, not only the new ones."""
    rows = engine.table(ledger.name).where(f"upload_day = DATE'{day.isoformat()}' AND status = 'quarantined'")
    columns = ("file_path", "reason_code", "reason", "location", "remedy")
    return [row.asDict() for row in rows.select(*columns).orderBy("file_path").limit(50).collect()]


session_assets = [ingest_session_files, ingest_annotation_files]
