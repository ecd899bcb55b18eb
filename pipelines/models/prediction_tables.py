"""Contracts of the tables that hold predictions, made from manifests."""

from __future__ import annotations

from pipelines.models.manifest import Manifest
from pipelines.tables.contract import Column, TableContract, TableName
from pipelines.tables.contracts.silver import SESSION_ID, UPLOAD_DAY

_LEADING_COLUMNS = (
    SESSION_ID,
    UPLOAD_DAY,
    Column("model_name", "STRING", "Registered model that made this row.", nullable=False),
    Column("model_version", "BIGINT", "Version of that model.", nullable=False),
)
_CLOSING_COLUMNS = (Column("predicted_at", "TIMESTAMP", "When this row was written.", nullable=False, volatile=True),)


def prediction_contract(manifest: Manifest, schema: str) -> TableContract:
    """The contract of the model's prediction table in `schema` (`catalog.schema`).

    Before the manifest's columns come the session, its upload day, the model and its version, after
    them the time of writing.
    """
    columns = tuple(Column(c.name, c.type, c.comment, c.nullable) for c in manifest.prediction.columns)
    return TableContract(
        name=TableName.of(f"{schema}.{manifest.prediction.table}"),
        comment=manifest.prediction.comment,
        columns=(*_LEADING_COLUMNS, *columns, *_CLOSING_COLUMNS),
        key=("session_id", "model_name", "model_version", *manifest.prediction.key),
        partition_by=("upload_day",),
    )


def judgement_contract(schema: str) -> TableContract:
    """The contract of the ledger that says which session each model version has judged, or why it could not.

    Without it, no prediction rows could mean "nothing found", "not yet looked at" or "cannot tell".
    """
    return TableContract(
        name=TableName.of(f"{schema}.session_judgements"),
        comment="One row per session and model version: whether it could be judged, and from what.",
        columns=(
            *_LEADING_COLUMNS,
            Column("status", "STRING", "judged, or not_judged where required channels are missing.", nullable=False),
            Column("reason", "STRING", "Why it was not judged, as a sentence; null when it was."),
            Column("missing_channels", "ARRAY<STRING>", "Channels the model uses that the session lacks.", False),
            Column("row_count", "BIGINT", "Prediction rows of this session and version.", nullable=False),
            Column("source_digest", "STRING", "Digest of the gold session that was judged.", nullable=False),
            *_CLOSING_COLUMNS,
        ),
        key=("session_id", "model_name", "model_version"),
        partition_by=("upload_day",),
    )
