"""A contract's columns as Arrow, for rows that are made in the driver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipelines.tables.contract import TableContract

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from pipelines.engines.engine import Engine


def arrow_schema(contract: TableContract) -> pa.Schema:
    """The contract's columns and types in Arrow."""
    import pyarrow as pa

    types = {
        "STRING": pa.string(),
        "BIGINT": pa.int64(),
        "DOUBLE": pa.float64(),
        "BOOLEAN": pa.bool_(),
        "DATE": pa.date32(),
        "TIMESTAMP": pa.timestamp("us", "UTC"),
        "ARRAY<STRING>": pa.list_(pa.string()),
    }
    return pa.schema([pa.field(column.name, types[column.type]) for column in contract.columns])


def rows_to_arrow(contract: TableContract, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """The rows as an Arrow table of the contract's columns; a key that is absent is null."""
    import pyarrow as pa

    schema = arrow_schema(contract)
    return pa.table({field.name: pa.array([row.get(field.name) for row in rows], field.type) for field in schema})


def rows_to_frame(engine: Engine, contract: TableContract, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
    """The rows as a data frame of the contract's columns, also when there are none."""
    if not rows:
        ddl = ", ".join(f"{column.name} {column.type}" for column in contract.columns)
        return engine.spark.createDataFrame([], ddl)
    return engine.spark.createDataFrame(rows_to_arrow(contract, rows))
