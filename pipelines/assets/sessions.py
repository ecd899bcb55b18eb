"""Sessions and annotations: from the landing zone through bronze to silver, an upload day at a time."""

import dagster as dg

from pipelines.assets.landing import LANDING_ANNOTATIONS, LANDING_SESSIONS
from pipelines.assets.table_assets import key_of, table_spec
from pipelines.engines.engine import Engine
from pipelines.environments import Settings
from pipelines.partitions import UPLOAD_DAYS
from pipelines.tables.contracts import ANNOTATION_FILES, ANNOTATIONS, SAMPLES, SESSION_FILES, SILVER_SESSIONS


@dg.multi_asset(
    specs=[
        table_spec(SESSION_FILES, deps=[LANDING_SESSIONS.key]),
        table_spec(SAMPLES, deps=[SESSION_FILES.name]),
        table_spec(SILVER_SESSIONS, deps=[SESSION_FILES.name]),
    ],
    partitions_def=UPLOAD_DAYS,
)
def ingest_session_files(
    context: dg.AssetExecutionContext, engine: dg.ResourceParam[Engine], settings: dg.ResourceParam[Settings]
):
    """Reads the day's new session files; the ledger is written last, so a crash loses and doubles nothing."""
    from pipelines.tables.ingestion import ingest_sessions

    report = ingest_sessions(engine, settings.landing, UPLOAD_DAYS and context.partition_key, context.run_id)
    for table in (SESSION_FILES, SAMPLES, SILVER_SESSIONS):
        yield dg.MaterializeResult(asset_key=key_of(table.name), metadata={"report": str(report)})


@dg.multi_asset(
    specs=[
        table_spec(ANNOTATION_FILES, deps=[LANDING_ANNOTATIONS.key]),
        table_spec(ANNOTATIONS, deps=[ANNOTATION_FILES.name]),
    ],
    partitions_def=UPLOAD_DAYS,
)
def ingest_annotation_files(
    context: dg.AssetExecutionContext, engine: dg.ResourceParam[Engine], settings: dg.ResourceParam[Settings]
):
    """Reads the day's new annotation files into instructors' labels."""
    from pipelines.tables.ingestion import ingest_annotations

    report = ingest_annotations(engine, settings.landing, context.partition_key, context.run_id)
    for table in (ANNOTATION_FILES, ANNOTATIONS):
        yield dg.MaterializeResult(asset_key=key_of(table.name), metadata={"report": str(report)})


session_assets = [ingest_session_files, ingest_annotation_files]
