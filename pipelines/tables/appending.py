"""Appending rows that are made in Python, a great many of them or a few: the fastest sound way of each engine.

Where Python workers are processes, Spark takes the rows from them and writes them. Where they are threads of one
process, handing rows over and writing them in the engine takes longer than making them: there whoever makes them
writes a Parquet file into the table's folder by itself, each task its own, and one commit names all the files. If
there is much to read, such tasks have processes beside the engine (`pipelines.engines.processes`). Files of a run that
dies before its commit belong to no version of the table, as with every writer of Delta Lake.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from pipelines.tables.arrow_rows import arrow_schema
from pipelines.tables.contract import TableContract
from pipelines.tables.encodings import encodings_for
from pipelines.tables.retries import until_committed
from pipelines.tables.spreading import gather, grouped, spread

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.engines.engine import Engine

Item = TypeVar("Item")
Work = Callable[[Item], Iterator["pa.RecordBatch"]]

_MOST_BYTES_OF_A_MESSAGE = 16 * 1024 * 1024
"""More rows go to the engine through a file: its messages have a limit."""
_RANGED_TYPES = ("STRING", "BIGINT", "DOUBLE", "DATE")
"""By which readers leave files out. Delta keeps no range of truth values, and one of times in a way of its own."""


def append_spread(
    engine: Engine,
    contract: TableContract,
    parts: list[list[Item]],
    work: Work[Item],
    metadata: str,
    total_bytes: int,
    noted: tuple[str, str],
) -> dict[str, str] | None:
    """Append the rows that `work` yields for every item, in one commit that carries `metadata`.

    Each part of the items is a task, and `total_bytes` is what all of them read. `work` must yield batches of exactly
    the contract's columns and types. A commit that collides with another writer's is tried again. If there are no
    rows, there may be no commit.

    `noted` names two columns of texts, a key and a note that few rows have. Returns the notes by key; None if the
    rows did not pass through here, so that only the table can tell.
    """
    if (folder := _folder_to_write(engine, contract)) is not None:
        write = partial(_write_part, work=work, contract=contract, folder=folder, noted=noted)
        columns = "path string, size bigint, statistics string, notes string"
        written = gather(engine, [[part] for part in parts], write, columns, total_bytes)
        if written:
            until_committed(lambda: _commit(folder, written, metadata))
        return {key: note for file in written for key, note in json.loads(file["notes"])}
    columns = ", ".join(f"{column.name} {column.type}" for column in contract.columns)
    until_committed(lambda: engine.append(contract.name, spread(engine, parts, work, columns), metadata))
    return None


def append_rows(engine: Engine, contract: TableContract, rows: pa.Table, scratch: Path) -> None:
    """Append the rows, which have the contract's columns, in one commit; none if there are no rows.

    A commit that collides with another writer's is tried again. `scratch` is a folder that all workers of the engine
    see.
    """
    from pyarrow import parquet

    if not rows.num_rows:
        return
    if (folder := _folder_to_write(engine, contract)) is not None:
        files = _write_part([rows], lambda table: iter(table.to_batches()), contract, folder)
        written = [file for batch in files for file in batch.to_pylist()]
        until_committed(lambda: _commit(folder, written))
        return
    if rows.nbytes <= _MOST_BYTES_OF_A_MESSAGE:
        until_committed(lambda: engine.append(contract.name, engine.spark.createDataFrame(rows)))
        return
    given = scratch / f"rows_{uuid4().hex}"
    given.mkdir(parents=True)
    try:
        parquet.write_table(rows, given / "rows.parquet", compression="snappy")
        until_committed(lambda: engine.append(contract.name, engine.spark.read.parquet(str(given))))
    finally:
        shutil.rmtree(given, ignore_errors=True)


def _folder_to_write(engine: Engine, contract: TableContract) -> Path | None:
    """The table's folder, if files for it are written by Python here; None if the engine writes them."""
    if engine.python_is_threaded and not contract.partition_by:
        return engine.folder(contract.name)
    return None


def _schema_of_files(contract: TableContract, folder: Path) -> pa.Schema:
    """The contract's columns; where there are lists, with what the table's log says of nulls and in comments.

    As in the engine's own files: Sail (0.7.2) reads columns of lists through a workspace's catalog only where all that
    is equal.
    """
    import pyarrow as pa
    from deltalake import DeltaTable

    types = arrow_schema(contract)
    if not any(column.type.startswith("ARRAY") for column in contract.columns):
        return types
    logged = pa.schema(DeltaTable(str(folder)).schema().to_arrow())
    return pa.schema([logged.field(name).with_type(types.field(name).type) for name in types.names])


def _write_part(
    items: list[Item], work: Work[Item], contract: TableContract, folder: Path, noted: tuple[str, str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Write the items' rows into one file; yields what its commit must say of it, or nothing if there are no rows."""
    import pyarrow as pa
    from pyarrow import parquet

    name = f"part-{uuid4()}.snappy.parquet"
    schema = _schema_of_files(contract, folder)
    ranges = _Ranges(contract)
    notes: list[tuple[str, str]] = []
    writer: parquet.ParquetWriter | None = None
    try:
        for batches in grouped(each for item in items for each in work(item)):
            rows = pa.Table.from_batches(batches)
            if writer is None:
                options: Any = vars(encodings_for(rows))  # typed more narrowly by its stubs
                writer = parquet.ParquetWriter(folder / name, schema, **options)
            ranges.add(rows)
            notes += _notes(rows, *noted) if noted else []
            writer.write_table(rows.cast(schema), row_group_size=rows.num_rows)
    except BaseException:
        if writer is not None:
            writer.close()
            (folder / name).unlink()
        raise
    if writer is not None:
        writer.close()
        size = (folder / name).stat().st_size
        row = {"path": name, "size": size, "statistics": ranges.statistics(), "notes": json.dumps(notes)}
        types = {"path": pa.string(), "size": pa.int64(), "statistics": pa.string(), "notes": pa.string()}
        yield pa.RecordBatch.from_pylist([row], schema=pa.schema(types))


def _notes(rows: pa.Table, key: str, note: str) -> list[tuple[str, str]]:
    few = rows.select([key, note]).filter(rows.column(note).is_valid())
    return list(zip(few.column(key).to_pylist(), few.column(note).to_pylist(), strict=True))


class _Ranges:
    """The statistics of a file by which readers leave it out: its rows, and the ranges of identifying columns."""

    def __init__(self, contract: TableContract) -> None:
        self._table = contract.name
        whole = [column for column in contract.columns if not column.nullable]
        self._columns = [column.name for column in whole]
        self._ranged = {column.name for column in whole if column.type in _RANGED_TYPES}
        self._rows = 0
        self._least: dict[str, Any] = {}
        self._most: dict[str, Any] = {}

    def add(self, rows: pa.Table) -> None:
        from pyarrow import compute

        least_and_most: Any = compute.min_max  # type: ignore[attr-defined] # made at import, so unknown to its stubs
        self._rows += rows.num_rows
        for name in self._columns:
            if rows.column(name).null_count:  # nobody else would notice: the file is not written by an engine
                raise ValueError(f"{self._table}, column {name}: NULL where the contract allows none.")
            if name not in self._ranged:
                continue
            found = least_and_most(rows.column(name)).as_py()
            self._least[name] = min(self._least.get(name, found["min"]), found["min"])
            self._most[name] = max(self._most.get(name, found["max"]), found["max"])

    def statistics(self) -> str:
        return json.dumps(
            {
                "numRecords": self._rows,
                "minValues": self._least,
                "maxValues": self._most,
                "nullCount": dict.fromkeys(self._columns, 0),
            },
            default=lambda day: day.isoformat(),
        )


def _commit(folder: Path, files: list[dict[str, Any]], metadata: str | None = None) -> None:
    from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties
    from deltalake.transaction import AddAction

    now = int(time.time() * 1000)
    table = DeltaTable(str(folder))
    table.create_write_transaction(
        [AddAction(file["path"], file["size"], {}, now, True, file["statistics"]) for file in files],
        mode="append",
        schema=table.schema(),
        commit_properties=CommitProperties(custom_metadata={"userMetadata": metadata} if metadata else None),
        post_commithook_properties=PostCommitHookProperties(cleanup_expired_logs=False),
    )
