"""Selecting rows by a set of values."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines.tables.contract import TableContract

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine

_LIST_AT_MOST = 1000
"""Longer lists slow a statement's planning down; a join takes their place."""


def in_list(column: str, values: Iterable[str | date]) -> str:
    """The SQL condition that `column` has one of these texts or days; false if there are none."""
    literals = [
        f"DATE'{value.isoformat()}'"
        if isinstance(value, date)
        else "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
        for value in sorted(values)  # type: ignore[type-var]
    ]
    return f"{column} IN ({', '.join(literals)})" if literals else "false"


def rows_in(engine: Engine, contract: TableContract, column: str, values: set[str]) -> list[dict[str, Any]]:
    """All rows of a table whose `column` is one of `values`, which must not be null."""
    import pyarrow as pa

    if not values:
        return []
    table = engine.table(contract.name)
    if len(values) <= _LIST_AT_MOST:
        selected = table.where(in_list(column, values))
    else:
        wanted = engine.spark.createDataFrame(pa.table({column: pa.array(sorted(values), pa.string())}))
        selected = table.join(wanted, column, "left_semi")
    return selected.select(*contract.column_names).toArrow().to_pylist()
