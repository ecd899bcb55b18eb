"""What a customer has in a schema of their own, `prod.customer_<id>`: the same tables for each."""

from __future__ import annotations

from dataclasses import replace

from pipelines.tables.contract import Column, TableContract, TableName
from pipelines.tables.contracts.gold import APPROACHES, FLIGHT_SAMPLES
from pipelines.tables.contracts.silver import SESSION_FACTS, SESSION_ID, UPLOAD_DAY

_REQUEST = Column("request_id", "STRING", "The request that asked for it.", nullable=False)


def sessions_contract(schema: str) -> TableContract:
    """The contract of the customer's sessions in `schema` (`catalog.schema`): what arrived and what became of it."""
    return TableContract(
        name=TableName.of(f"{schema}.sessions"),
        comment="One row per session file of the customer: read, or refused with the reason.",
        columns=(
            SESSION_ID,
            UPLOAD_DAY,
            Column("file_name", "STRING", "The file below the customer's sessions folder.", nullable=False),
            Column("file_version", "STRING", "Its version when it was read; another one is read anew.", nullable=False),
            Column("status", "STRING", "ready, or quarantined.", nullable=False),
            Column("reason", "STRING", "Why it is quarantined, where in the file, and what to do; null when ready."),
            *(replace(fact, nullable=True) for fact in SESSION_FACTS),
            Column("second_count", "BIGINT", "Seconds of the session in flight_samples; 0 when quarantined.", False),
            Column("gap_share", "DOUBLE", "Share of seconds without a sample, 0 to 1; null when quarantined."),
            Column("repairs", "ARRAY<STRING>", "What was repaired, a sentence each.", nullable=False),
            Column("missing_channels", "ARRAY<STRING>", "Canonical channels without a single value.", nullable=False),
            Column("source_digest", "STRING", "Digest of the file and of the rules that read and clean it.", False),
            _REQUEST,
            Column("ingested_at", "TIMESTAMP", "When this row was written.", nullable=False, volatile=True),
        ),
        key=("session_id",),
    )


def samples_contract(schema: str) -> TableContract:
    """The contract of the customer's seconds: those of `main.gold.flight_samples`, without any label."""
    return replace(
        FLIGHT_SAMPLES,
        name=TableName.of(f"{schema}.flight_samples"),
        comment="One row per session and second: the sample nearest to the second, cleaned.",
        partition_by=(),
        properties={},
    )


def approaches_contract(schema: str) -> TableContract:
    """The contract of the customer's approaches: found and judged by the same criteria as gold's."""
    return replace(APPROACHES, name=TableName.of(f"{schema}.approaches"), partition_by=(), properties={})


def analysis_contract(schema: str) -> TableContract:
    """The contract of what the models found in the customer's sessions, all models in one table."""
    return TableContract(
        name=TableName.of(f"{schema}.analysis"),
        comment="What each model found in each session, a row per finding, with the version that found it and why it.",
        columns=(
            SESSION_ID,
            Column("model", "STRING", "Name of the model.", nullable=False),
            Column("model_version", "BIGINT", "Its registered version.", nullable=False),
            Column("finding", "BIGINT", "Number within session, model and version by time, from 1.", nullable=False),
            Column(
                "kind", "STRING", "The model's prediction table: maneuver_segments, approach_judgements, ...", False
            ),
            Column("start_second", "BIGINT", "First second of it; of an approach, of its descent."),
            Column("end_second", "BIGINT", "Last second of it, inclusive."),
            Column("label", "STRING", "What it is: the maneuver, the approach's outcome, the kind of upset."),
            Column("score", "DOUBLE", "How sure the model is, 0 to 1; null where it cannot tell."),
            Column("is_stable", "BOOLEAN", "Of an approach: whether all criteria that could be judged held."),
            Column("failed_criteria", "ARRAY<STRING>", "Of an approach: the criteria that failed.", nullable=False),
            Column("details", "STRING", "The model's row as its manifest declares it, as JSON.", nullable=False),
            Column("plan_revision", "BIGINT", "Revision of the model's release plan that chose the version.", False),
            Column("route_reason", "STRING", "Why this version: champion, canary, pinned or asked_for.", False),
            _REQUEST,
            Column("analysed_at", "TIMESTAMP", "When this row was written.", nullable=False, volatile=True),
        ),
        key=("session_id", "model", "model_version", "finding"),
    )


def judgements_contract(schema: str) -> TableContract:
    """The contract of the ledger of analyses: tells "nothing found" from "cannot tell" and "not looked at"."""
    return TableContract(
        name=TableName.of(f"{schema}.analysed_sessions"),
        comment="One row per session, model and version that has judged it, or could not.",
        columns=(
            SESSION_ID,
            Column("model", "STRING", "Name of the model.", nullable=False),
            Column("model_version", "BIGINT", "Its registered version.", nullable=False),
            Column("status", "STRING", "judged, not_judged (required channels are missing) or failed.", False),
            Column("reason", "STRING", "Why it was not judged, as a sentence; null when it was."),
            Column("finding_count", "BIGINT", "Rows in analysis.", nullable=False),
            Column("source_digest", "STRING", "Digest of the session that was judged.", nullable=False),
            Column("plan_revision", "BIGINT", "Revision of the release plan that chose the version.", nullable=False),
            Column("route_reason", "STRING", "Why this version: champion, canary, pinned or asked_for.", False),
            _REQUEST,
            Column("analysed_at", "TIMESTAMP", "When this row was written.", nullable=False, volatile=True),
        ),
        key=("session_id", "model", "model_version"),
    )


def corrections_contract(schema: str) -> TableContract:
    """The contract of instructors' corrections, each beside the prediction that it corrects."""
    return TableContract(
        name=TableName.of(f"{schema}.corrections"),
        comment="What an instructor says of a finding, with the finding as it was when it was corrected.",
        columns=(
            Column("correction_id", "STRING", "Digest of what was said; the same said twice is one row.", False),
            SESSION_ID,
            Column("kind", "STRING", "The model's prediction table that the correction is about.", nullable=False),
            Column("start_second", "BIGINT", "First second that is corrected.", nullable=False),
            Column("end_second", "BIGINT", "Last second that is corrected, inclusive.", nullable=False),
            Column("label", "STRING", "What it was in truth; null for nothing at all."),
            Column("instructor", "STRING", "Who says so, as they call themselves."),
            Column("comment", "STRING", "The instructor's remark."),
            Column("model", "STRING", "Model whose findings are corrected.", nullable=False),
            Column("model_version", "BIGINT", "Version that was shown to the instructor.", nullable=False),
            Column("predicted", "STRING", "The findings of those seconds, as JSON.", nullable=False),
            Column("shared", "BOOLEAN", "Whether the customer's settings gave it to gold as a label.", False),
            Column("recorded_at", "TIMESTAMP", "When this row was written.", nullable=False, volatile=True),
        ),
        key=("correction_id",),
    )


def customer_contracts(schema: str) -> tuple[TableContract, ...]:
    """All tables of a customer's schema."""
    return (
        sessions_contract(schema),
        samples_contract(schema),
        approaches_contract(schema),
        analysis_contract(schema),
        judgements_contract(schema),
        corrections_contract(schema),
    )
