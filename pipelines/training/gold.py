"""The gold tables that a model reads, attested and pinned to the versions that its record names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.models.manifest import Manifest
from pipelines.tables.contract import TableName

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from pipelines.engines.engine import Engine


class NoGoldError(LookupError):
    """A gold table that a model reads does not exist yet."""


@dataclass(frozen=True)
class Gold:
    """Rows by the last part of the table's name, and the versions read by the full name."""

    tables: dict[str, DataFrame]
    versions: dict[str, int]


def read_gold(engine: Engine, manifest: Manifest, versions: Mapping[str, int] | None = None) -> Gold:
    """The manifest's gold tables, each at the pinned version or its newest.

    Raises:
        NoGoldError: a table does not exist yet.
        UnattestedHistoryError: a table's history holds a change that no checked run vouches for.
    """
    from pipelines.tables.attestation import read_attested

    tables, read = {}, {}
    for full_name in manifest.gold_tables:
        name = TableName.of(full_name)
        if not engine.exists(name):
            raise NoGoldError(
                f"{full_name} does not exist yet, so there is nothing to train on: take sessions to gold first "
                "(`pipelines ingest FILE`, or `pipelines demo`)."
            )
        attested = read_attested(engine, name, (versions or {}).get(full_name))
        tables[name.table] = attested.rows
        read[full_name] = attested.version
    return Gold(tables, read)


def only_sessions(engine: Engine, tables: Mapping[str, DataFrame], session_ids: Sequence[str]) -> dict[str, DataFrame]:
    """The same tables with the rows of those sessions alone, as `main.gold.sessions` last confirmed them.

    The sessions' table is written last, so rows of another digest belong to a refinement that was cut off.
    """
    from pyspark.sql import functions as F

    chosen = engine.spark.createDataFrame([(session_id,) for session_id in session_ids], "session_id STRING")
    sessions = tables["sessions"].join(chosen, "session_id", "left_semi")
    confirmed = sessions.select("session_id", F.col("source_digest").alias("confirmed_digest"))
    kept = {"sessions": sessions}
    for name, rows in tables.items():
        if name != "sessions":
            if "source_digest" not in rows.columns:  # a table that is replaced whole, session by session
                kept[name] = rows.join(sessions.select("session_id"), "session_id", "left_semi")
                continue
            same = rows.join(confirmed, "session_id", "inner")
            kept[name] = same.where(F.col("source_digest") == F.col("confirmed_digest")).drop("confirmed_digest")
    return kept
