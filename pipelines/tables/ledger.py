"""The ledgers of landed files: which versions are done, which bytes are known, and what becomes of new ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from pipelines.tables.arrow_rows import rows_to_arrow
from pipelines.tables.contract import TableContract
from pipelines.tables.landed_files import LandedFile
from pipelines.tables.reading import rows_where

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine


@dataclass(frozen=True)
class Entry:
    """One row of a ledger: what became of one version of one file."""

    file: LandedFile
    digest: str | None
    status: str
    reason_code: str | None = None
    reason: str | None = None
    location: str | None = None
    remedy: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    """The columns that only this ledger has."""


def finished_versions(engine: Engine, ledger: TableContract, upload_day: date) -> set[tuple[str, str]]:
    """(file_path, file_version) of every file of that day that the ledger holds."""
    of_day = f"upload_day = DATE'{upload_day.isoformat()}'"
    rows = rows_where(engine, ledger, of_day, ["file_path", "file_version"])
    return {(row["file_path"], row["file_version"]) for row in rows.to_pylist()}


def accepted_files(engine: Engine, ledger: TableContract, digests: set[str]) -> dict[str, dict[str, Any]]:
    """The ledger's accepted row of each of these digests, of whatever day, by digest."""
    if not digests:
        return {}
    columns = ["content_digest", "file_path"]
    columns += [name for name in ("session_id", "source_format") if name in ledger.column_names]
    wanted = ", ".join(f"'{digest}'" for digest in sorted(digests))
    rows = rows_where(engine, ledger, f"status = 'accepted' AND content_digest IN ({wanted})", columns)
    return {row["content_digest"]: row for row in sorted(rows.to_pylist(), key=lambda row: row["file_path"])}


def record(
    engine: Engine,
    ledger: TableContract,
    upload_day: date,
    entries: list[Entry],
    run_id: str,
    metadata: str | None = None,
) -> None:
    """Write the entries in one commit; versions that the ledger holds already stay as they are."""
    now = datetime.now(UTC)
    rows = [
        {
            "file_path": entry.file.file_path,
            "file_version": entry.file.file_version,
            "upload_day": upload_day,
            "file_size_bytes": entry.file.size_bytes,
            "content_digest": entry.digest,
            "status": entry.status,
            "reason_code": entry.reason_code,
            "reason": entry.reason,
            "location": entry.location,
            "remedy": entry.remedy,
            "ingested_at": now,
            "ingest_run_id": run_id,
            **entry.details,
        }
        for entry in entries
    ]
    engine.merge(
        ledger.name,
        f"t.upload_day = DATE'{upload_day.isoformat()}' AND t.upload_day = s.upload_day"
        " AND t.file_path = s.file_path AND t.file_version = s.file_version",
        "WHEN NOT MATCHED THEN INSERT *",
        engine.spark.createDataFrame(rows_to_arrow(ledger, rows)),
        metadata,
    )
