"""What models are given of a customer's sessions: rows in the shape of gold, read once for all models of a run.

The engine asks its catalog for a table and reads the table's log each time that a model's features name it, which for
a session or two takes longer than what is made of them.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from pipelines.customers.places import schema_of
from pipelines.models.manifest import Manifest
from pipelines.tables.arrow_rows import arrow_schema
from pipelines.tables.contract import TableContract, TableName
from pipelines.tables.contracts import APPROACHES, FLIGHT_SAMPLES, GOLD_SESSIONS, MANEUVERS
from pipelines.tables.contracts.customers import approaches_contract, samples_contract, sessions_contract
from pipelines.tables.reading import rows_with

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from pipelines.engines.engine import Engine


@dataclass(frozen=True)
class GivenTables:
    """The sessions that models are to judge. `tables` has the rows by the last part of each gold table's name."""

    tables: Mapping[str, DataFrame]
    approach_starts: Mapping[tuple[str, int], int]
    """The second in which each approach begins, by session and number of the approach."""

    @property
    def sessions(self) -> DataFrame:
        return self.tables[GOLD_SESSIONS.name.table]

    @property
    def flight_samples(self) -> DataFrame:
        return self.tables[FLIGHT_SAMPLES.name.table]

    def of(self, manifest: Manifest) -> dict[str, DataFrame]:
        """The tables that the manifest names."""
        return {table: self.tables[table] for name in manifest.gold_tables if (table := TableName.of(name).table)}


@contextmanager
def given_tables(engine: Engine, customer: str, session_ids: Collection[str], scratch: Path) -> Iterator[GivenTables]:
    """Those of the customer's sessions, for as long as the block lasts.

    Seconds of another digest than their session's belong to a run that was cut off; they are left out, as of gold.

    Args:
        scratch: folder that all workers of the engine see.
    """
    from pyarrow import parquet

    rows = _as_gold(engine, schema_of(customer), set(session_ids))
    folder = scratch / f"given_{uuid4().hex}"
    try:
        tables: dict[str, DataFrame] = {}
        folder.mkdir(parents=True)
        for name, table in rows.items():
            file = folder / f"{name}.parquet"  # named itself: a folder without its file would be one without rows
            parquet.write_table(table, file, compression="snappy")
            tables[name] = engine.spark.read.parquet(str(file))
        yield GivenTables(tables, _starts(rows[APPROACHES.name.table]))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_gold(engine: Engine, schema: str, session_ids: set[str]) -> dict[str, pa.Table]:
    """The sessions' rows of every gold table, by the last part of its name."""
    import pyarrow as pa

    def read(contract: TableContract, like: TableContract, *others: str) -> pa.Table:
        columns = [name for name in like.column_names if name not in others]
        return rows_with(engine, contract, "session_id", session_ids, columns)

    sessions = read(sessions_contract(schema), GOLD_SESSIONS, "labelled_share")
    unlabelled = pa.array([0.0] * sessions.num_rows, pa.float64())
    return {
        GOLD_SESSIONS.name.table: sessions.append_column("labelled_share", unlabelled),
        FLIGHT_SAMPLES.name.table: _confirmed(read(samples_contract(schema), FLIGHT_SAMPLES), sessions),
        APPROACHES.name.table: read(approaches_contract(schema), APPROACHES),
        MANEUVERS.name.table: arrow_schema(MANEUVERS).empty_table(),  # nobody has labelled a customer's sessions
    }


def _confirmed(seconds: pa.Table, sessions: pa.Table) -> pa.Table:
    """The seconds that were made from what the sessions say; a digest is that of one session."""
    from pyarrow import compute

    return seconds.filter(compute.field("source_digest").isin(sessions["source_digest"].to_pylist()))


def _starts(approaches: pa.Table) -> dict[tuple[str, int], int]:
    rows = approaches.select(["session_id", "approach", "start_second"]).to_pylist()
    return {(row["session_id"], row["approach"]): row["start_second"] for row in rows}
