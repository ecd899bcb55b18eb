"""Selecting rows by a set of values."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

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


def selected(engine: Engine, rows: DataFrame, column: str, values: set[str], also: str = "false") -> DataFrame:
    """Those of the rows whose `column` is one of `values`, and those that meet the condition `also`.

    Neither the values nor the condition's results may be null.
    """
    import pyarrow as pa

    if len(values) <= _LIST_AT_MOST:
        return rows.where(f"{also} OR {in_list(column, values)}")
    wanted = engine.spark.createDataFrame(pa.table({column: pa.array(sorted(values), pa.string())}))
    listed = rows.where(f"NOT ({also})").join(wanted, column, "left_semi").select(*rows.columns)
    return listed if also == "false" else listed.unionByName(rows.where(also))
