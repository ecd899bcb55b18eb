"""A customer's session files become rows of the customer's own tables, each file read once.

`sessions` is written last and says what is in the other two: a run that dies before leaves rows that the next one
replaces. A file that cannot be trusted is a row with the reason, and keeps none of the others from being taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.customers.files import CustomerFiles
from pipelines.customers.places import SESSIONS, schema_of
from pipelines.customers.replacing import clear, replace_rows
from pipelines.customers.session_maps import SessionMaps
from pipelines.customers.session_reading import CHANGED, QUARANTINED, READY, ReadSession, read_sessions
from pipelines.landing.uploads import LandedFile
from pipelines.tables.appending import append_rows
from pipelines.tables.arrow_rows import arrow_schema
from pipelines.tables.contract_guard import ensure_tables
from pipelines.tables.contracts import FLIGHT_SAMPLES
from pipelines.tables.contracts.customers import approaches_contract, samples_contract, sessions_contract
from pipelines.tables.reading import rows_where, rows_with
from pipelines.tables.selecting import in_list

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.engines.engine import Engine

BATCH_FILES = 100
BATCH_BYTES = 256 * 1024 * 1024
"""A batch is written as a whole: what a crash can cost, and what is held in memory."""

__all__ = ["CHANGED", "QUARANTINED", "READY", "TakenSession", "known_sessions", "ready_sessions", "take_sessions"]


@dataclass(frozen=True)
class TakenSession:
    """A session as the customer's tables hold it; of a file that is still being written (CHANGED), they do not."""

    session_id: str
    status: str
    reason: str | None
    source_digest: str
    is_new: bool = False
    """Whether it was read just now."""


def known_sessions(engine: Engine, customer: str, session_ids: set[str]) -> dict[str, TakenSession]:
    """Those of the sessions that the customer's tables hold, by id."""
    contract = sessions_contract(schema_of(customer))
    ensure_tables(engine, contract)
    rows = rows_with(engine, contract, "session_id", session_ids, ["session_id", "status", "reason", "source_digest"])
    return {row["session_id"]: TakenSession(**row) for row in rows.to_pylist()}


def ready_sessions(engine: Engine, customer: str) -> list[str]:
    """Ids of all sessions of the customer that could be read, in order."""
    contract = sessions_contract(schema_of(customer))
    ensure_tables(engine, contract)
    rows = rows_where(engine, contract, f"status = '{READY}'", ["session_id"])
    return sorted(rows.column("session_id").to_pylist())


def take_sessions(
    engine: Engine,
    customer: str,
    files: CustomerFiles,
    found: Mapping[str, LandedFile],
    request_of: Mapping[str, str],
    maps: SessionMaps,
    scratch: Path,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, TakenSession]:
    """Bring files of the customer's sessions folder to the customer's tables, those that are not there yet.

    Args:
        found: the files, by their names below the sessions folder.
        request_of: by the same names, the request that asks for each.
        scratch: folder that all workers of the engine see.

    Returns:
        What the tables hold of each file, by name.

    Raises:
        ContractViolationError: a table is not what its contract says; nothing has been written.
        ColumnMapError: a column map is at fault; no file has been judged by it.
    """
    schema = schema_of(customer)
    contract, samples, approaches = sessions_contract(schema), samples_contract(schema), approaches_contract(schema)
    ensure_tables(engine, contract, samples, approaches)
    with engine.exclusive(contract.name):
        taken = _known_files(engine, customer, found, maps)
        waiting = {name: file for name, file in found.items() if name not in taken}
        done = 0
        for batch in _batches(list(waiting.values())):
            read = read_sessions(engine, files, batch, maps)
            present = _up_to_date(engine, customer, read)
            _write(engine, customer, [one for one in read if one.session_id not in present], request_of, scratch)
            for one in read:
                taken[_name(one.file)] = TakenSession(
                    one.session_id, one.status, one.reason, one.source_digest, is_new=one.session_id not in present
                )
            done += len(batch)
            progress(f"{done} of {len(waiting)} session files read")
    return taken


def _known_files(
    engine: Engine, customer: str, found: Mapping[str, LandedFile], maps: SessionMaps
) -> dict[str, TakenSession]:
    """The files that were read in this version and by these rules."""
    contract = sessions_contract(schema_of(customer))
    columns = ("session_id", "file_name", "file_version", "status", "reason", "source_digest", "source_format")
    return {
        row["file_name"]: TakenSession(row["session_id"], row["status"], row["reason"], row["source_digest"])
        for row in rows_with(engine, contract, "file_name", set(found), columns).to_pylist()
        if row["file_version"] == found[row["file_name"]].file_version
        and row["source_digest"] == maps.source_digest(row["session_id"], row["source_format"])
    }


def _up_to_date(engine: Engine, customer: str, read: Sequence[ReadSession]) -> set[str]:
    """Sessions that are there already, because the same bytes came under another name."""
    digests = {one.session_id: one.source_digest for one in read if one.status == READY}
    known = known_sessions(engine, customer, set(digests)) if digests else {}
    return {one.session_id for one in known.values() if one.source_digest == digests[one.session_id]}


def _write(
    engine: Engine, customer: str, read: Sequence[ReadSession], request_of: Mapping[str, str], scratch: Path
) -> None:
    schema = schema_of(customer)
    by_id = {one.session_id: one for one in read if one.status != CHANGED}
    if not by_id:
        return
    ready = [one for one in by_id.values() if one.status == READY]
    these = in_list("session_id", by_id)
    clear(engine, samples_contract(schema), these)  # also of a session that could be read before
    append_rows(engine, samples_contract(schema), _seconds(ready), scratch)
    approaches = [row for one in ready for row in one.approaches]
    replace_rows(engine, approaches_contract(schema), these, approaches, scratch)
    now = datetime.now(UTC)
    rows = [_row(one, request_of.get(_name(one.file), ""), now) for one in by_id.values()]
    replace_rows(engine, sessions_contract(schema), these, rows, scratch)


def _seconds(ready: Sequence[ReadSession]) -> pa.Table:
    import pyarrow as pa

    ordered = sorted(ready, key=lambda one: one.session_id)
    tables = [pa.ipc.open_stream(one.seconds).read_all() for one in ordered]
    return pa.concat_tables(tables) if tables else arrow_schema(FLIGHT_SAMPLES).empty_table()


def _row(one: ReadSession, request_id: str, now: datetime) -> dict[str, Any]:
    return {
        "second_count": 0,
        "repairs": [],
        "missing_channels": [],
        **one.facts,
        "session_id": one.session_id,
        "upload_day": one.upload_day,
        "file_name": _name(one.file),
        "file_version": one.file.file_version,
        "status": one.status,
        "reason": one.reason,
        "source_digest": one.source_digest,
        "request_id": request_id,
        "ingested_at": now,
    }


def _name(file: LandedFile) -> str:
    return file.file_path.removeprefix(f"{SESSIONS}/")


def _batches(files: list[LandedFile]) -> Iterator[list[LandedFile]]:
    batch: list[LandedFile] = []
    for file in files:
        if batch and (len(batch) == BATCH_FILES or sum(one.size_bytes for one in batch) > BATCH_BYTES):
            yield batch
            batch = []
        batch.append(file)
    if batch:
        yield batch
