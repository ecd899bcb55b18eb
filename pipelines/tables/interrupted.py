"""Taking back what an interrupted ingestion left in silver without an entry in the ledger.

The samples of a batch are committed before the ledger that vouches for them. Both commits carry the batch's
id; while the last batch of samples is the one that the ledger names, nothing is left over, and finding that
out reads two commit files, however many sessions there are.
"""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines.tables.contracts import SAMPLES, SESSION_FILES, SILVER_SESSIONS
from pipelines.tables.history import latest_change
from pipelines.tables.retries import until_committed

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine


def samples_metadata(batch: str, upload_day: date) -> str:
    """Commit metadata of a batch of samples."""
    return json.dumps({"ingest_batch": batch, "upload_day": upload_day.isoformat()})


def ledger_metadata(samples_batch: str | None) -> str:
    """Commit metadata of the ledger: the last batch of samples that it vouches for."""
    return json.dumps({"samples_batch": samples_batch})


def take_back_interrupted(engine: Engine) -> tuple[str | None, list[str]]:
    """Delete sessions that silver holds and the ledger does not know.

    Returns the id of the last batch of samples (None after commits of other kinds) and the sessions deleted.
    The caller must hold the ledger exclusively: then such sessions belong to a run that died.
    """
    written = latest_change(engine, SAMPLES.name)
    if written is None:
        return None, []
    vouched = latest_change(engine, SESSION_FILES.name)
    batch = _values(written.metadata).get("ingest_batch")
    if batch is not None and vouched is not None and _values(vouched.metadata).get("samples_batch") == batch:
        return batch, []
    day = _values(written.metadata).get("upload_day")
    left_over = _unvouched(engine, day)
    for upload_day, session_ids in left_over.items():
        listed = ", ".join(f"'{session_id}'" for session_id in session_ids)
        for table in (SILVER_SESSIONS, SAMPLES):  # samples last: they are what shows that something is left over
            engine.refresh(table.name)
            statement = f"DELETE FROM {table.name} WHERE upload_day = DATE'{upload_day}' AND session_id IN ({listed})"
            until_committed(lambda statement=statement: engine.spark.sql(statement).collect())
    return None, sorted(session_id for session_ids in left_over.values() for session_id in session_ids)


def _unvouched(engine: Engine, day: str | None) -> dict[str, list[str]]:
    """Sessions without an accepted ledger entry, by upload day; of all days if `day` is None."""
    held = engine.table(SAMPLES.name).where("parse_report IS NOT NULL")
    if day is not None:
        held = held.where(f"upload_day = DATE'{day}'")
    ledger = engine.table(SESSION_FILES.name).where("status = 'accepted'").select("session_id").toArrow()
    accepted = set(ledger.column(0).to_pylist())
    found: dict[str, list[str]] = {}
    for row in held.select("session_id", "upload_day").toArrow().to_pylist():
        if row["session_id"] not in accepted:
            found.setdefault(row["upload_day"].isoformat(), []).append(row["session_id"])
    return {upload_day: sorted(set(session_ids)) for upload_day, session_ids in found.items()}


def _values(metadata: str | None) -> dict[str, Any]:
    try:
        values = json.loads(metadata or "{}")
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}
