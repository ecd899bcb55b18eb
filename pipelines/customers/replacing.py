"""Rows of a customer's table, put in the place of those that an earlier attempt or an older state left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.tables.appending import append_rows
from pipelines.tables.arrow_rows import rows_to_arrow
from pipelines.tables.contract import TableContract
from pipelines.tables.reading import rows_where
from pipelines.tables.retries import until_committed

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine


def clear(engine: Engine, contract: TableContract, condition: str) -> None:
    """Delete the rows that meet the SQL condition, as `rows_where` takes it; makes no commit if there are none."""
    if rows_where(engine, contract, condition, contract.key[:1]).num_rows:
        until_committed(lambda: engine.spark.sql(f"DELETE FROM {contract.name} WHERE {condition}"))


def replace_rows(
    engine: Engine, contract: TableContract, condition: str, rows: Sequence[Mapping[str, Any]], scratch: Path
) -> None:
    """Make `rows` the only ones that meet the SQL condition.

    Two commits where there are rows to replace: whoever asks must write last what says that the others are there.
    Appending is a fraction of the time of a MERGE, and there is hardly ever anything to replace.
    """
    clear(engine, contract, condition)
    append_rows(engine, contract, rows_to_arrow(contract, rows), scratch)
