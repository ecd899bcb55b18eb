"""The script that ingestion is measured against: polars and deltalake, no Spark, no engine, one machine.

It does the same work with the same rules: list, compare with the ledger, digest, drop duplicates, parse with the
same readers into canonical channels, quarantine with reasons, and write the same rows into the same three tables.
What it leaves out is what a script may leave out: recovery after a crash, retries on collisions, the lock, files
that grow while they are read. Each worker process reads, digests, parses and writes Parquet by itself, and the
parent commits their files at once: nothing else that was tried with these libraries was faster (see RESULTS.md).
"""

from __future__ import annotations

import hashlib
import itertools
import json
import multiprocessing
import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
import pyarrow
from deltalake import DeltaTable, Schema, write_deltalake
from deltalake.transaction import AddAction

from pipelines.flight.formats import BUILT_IN_MAPS, QuarantineError, read_session
from pipelines.tables.arrow_rows import arrow_schema, rows_to_arrow
from pipelines.tables.contract import TableContract
from pipelines.tables.contracts import SAMPLES, SESSION_FILES, SILVER_SESSIONS
from pipelines.tables.session_parsing import sample_rows

_WORTH_PROCESSES = 16 * 2**20
"""Bytes from which on starting processes pays."""


def create_tables(warehouse: Path) -> None:
    """The three empty tables, as the contracts have them."""
    for contract in (SESSION_FILES, SILVER_SESSIONS, SAMPLES):
        fields = [
            field.with_nullable(column.nullable)
            for field, column in zip(arrow_schema(contract), contract.columns, strict=True)
        ]
        DeltaTable.create(
            _location(warehouse, contract),
            Schema.from_arrow(pyarrow.schema(fields)),
            partition_by=list(contract.partition_by),
        )


def ingest(warehouse: Path, landing: Path, day: date, run_id: str) -> int:
    """Bring that day's new files to silver; returns the number of samples written."""
    folder = landing / "sessions" / day.isoformat()
    ledger = DeltaTable(_location(warehouse, SESSION_FILES))
    known = ledger.to_pyarrow_table(columns=["file_path", "file_version", "content_digest", "status"]).to_pydict()
    finished = set(zip(known["file_path"], known["file_version"], strict=True))
    accepted = (status == "accepted" for status in known["status"])
    digests = set(itertools.compress(known["content_digest"], accepted))
    files = []
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        status = entry.stat()
        path, version = f"{day}/{entry.name}", f"{status.st_mtime_ns}-{status.st_size}"
        if (path, version) not in finished:
            files.append((entry.path, path, version, status.st_size))
    samples = Path(_location(warehouse, SAMPLES))
    if sum(file[3] for file in files) < _WORTH_PROCESSES:
        done = [_work(files, digests, day, samples)]
    else:
        shares = [(share, digests, day, samples) for share in _shares(files, 2 * (os.cpu_count() or 1))]
        # Forked, so that imports are not paid again. A fork is safe before polars has started its threads,
        # which the workers do for themselves.
        with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
            done = pool.starmap(_work, shares, chunksize=1)

    entries, facts, adds, taken = [], [], [], set(digests)
    for files_done, session_rows, actions in done:
        entries += files_done
        facts += session_rows
        adds += actions
    # Duplicates across workers are rare and found here: the first path keeps its rows (the benchmark has none).
    for entry in entries:
        if entry["status"] == "accepted":
            assert entry["content_digest"] not in taken
            taken.add(entry["content_digest"])
    now = datetime.now(UTC)
    run = {"ingested_at": now, "ingest_run_id": run_id, "upload_day": day}
    if adds:
        table = DeltaTable(str(samples), without_files=True)
        table.create_write_transaction(adds, "append", table.schema(), [])
    for contract, rows in ((SILVER_SESSIONS, facts), (SESSION_FILES, entries)):
        write_deltalake(
            _location(warehouse, contract), rows_to_arrow(contract, [{**row, **run} for row in rows]), mode="append"
        )
    return sum(row["sample_count"] for row in facts)


def _shares(files: list[tuple[str, str, str, int]], count: int) -> list[list[tuple[str, str, str, int]]]:
    """The files in shares of about equal size."""
    shares: list[list[tuple[str, str, str, int]]] = [[] for _ in range(count)]
    sizes = [0] * count
    for file in sorted(files, key=lambda file: -file[3]):
        smallest = sizes.index(min(sizes))
        shares[smallest].append(file)
        sizes[smallest] += file[3]
    return [share for share in shares if share]


def _work(
    files: list[tuple[str, str, str, int]], known: set[str], day: date, samples: Path
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[AddAction]]:
    """Read, digest, parse and write one share; gives back ledger entries, session rows and the Parquet file."""
    entries, facts, batches = [], [], []
    for address, path, version, size in files:
        content = Path(address).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        entry = {"file_path": path, "file_version": version, "file_size_bytes": size, "content_digest": digest}
        entries.append(entry)
        if digest in known:
            entry |= {"status": "duplicate", "session_id": digest[:16]}
            continue
        try:
            parsed = read_session(path, content, (BUILT_IN_MAPS,))
        except QuarantineError as error:
            entry |= {"status": "quarantined", "reason_code": error.code, "reason": error.reason}
            entry |= {"location": error.location, "remedy": error.remedy}
            continue
        session_id = digest[:16]
        entry |= {"status": "accepted", "session_id": session_id, "source_format": parsed.source_format}
        rows = sample_rows(parsed, session_id, path, day)
        report = json.loads(rows.column("parse_report")[0].as_py())
        facts.append({**report, "session_id": session_id, "started_at": parsed.started_at})
        batches.append(rows)
    if not batches:
        return entries, facts, []
    name = f"part-{uuid4()}.parquet"
    rows = pl.DataFrame(pyarrow.Table.from_batches(batches))
    rows.write_parquet(samples / name, compression="snappy", statistics=True)
    statistics = {"numRecords": rows.height}
    size = (samples / name).stat().st_size
    action = AddAction(name, size, {}, int(datetime.now(UTC).timestamp() * 1000), True, json.dumps(statistics))
    return entries, facts, [action]


def _location(warehouse: Path, contract: TableContract) -> str:
    return str(warehouse.joinpath(*contract.name))
