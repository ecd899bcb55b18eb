"""Reading a few rows of a table in the driver: from its files where this process sees them, else by the engine.

Of a query for a row or two most is planning: on the embedded engine some fifty milliseconds, from the files a tenth
of that. Where there are many small files, opening them takes the engine twice as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.tables.arrow_rows import arrow_schema
from pipelines.tables.contract import TableContract
from pipelines.tables.history import current_version
from pipelines.tables.selecting import selected

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

    from pipelines.engines.engine import Engine


def rows_where(engine: Engine, contract: TableContract, condition: str, columns: Sequence[str]) -> pa.Table:
    """Those columns of the rows that meet the SQL condition, in no order.

    The condition must mean the same in all dialects of SQL: no text in it may hold quotes or backslashes.
    """
    if (folder := engine.folder(contract.name)) is None:
        found = engine.table(contract.name).where(condition).select(*columns).toArrow()
    else:
        import polars as pl

        found = _scanned(engine, contract, folder, pl.sql_expr(condition), columns)
    return _in_own_types(contract, found)


def rows_with(
    engine: Engine, contract: TableContract, column: str, values: set[str], columns: Sequence[str]
) -> pa.Table:
    """Those columns of the rows whose `column` is one of the texts, whatever these hold, in no order."""
    if (folder := engine.folder(contract.name)) is None:
        found = selected(engine, engine.table(contract.name), column, values).select(*columns).toArrow()
    else:
        import polars as pl

        found = _scanned(engine, contract, folder, pl.col(column).is_in(sorted(values)), columns)
    return _in_own_types(contract, found)


def _scanned(
    engine: Engine, contract: TableContract, folder: Path, condition: pl.Expr, columns: Sequence[str]
) -> pa.Table:
    if current_version(engine, contract.name) == 0:  # it has only been created
        return arrow_schema(contract).empty_table().select(list(columns))
    import polars as pl

    return pl.scan_delta(str(folder)).filter(condition).select(*columns).collect().to_arrow()


def _in_own_types(contract: TableContract, found: pa.Table) -> pa.Table:
    """The same columns in the contract's types, of which each reader has variants, such as text with longer offsets."""
    import pyarrow as pa

    types = arrow_schema(contract)
    return found.cast(pa.schema([types.field(name) for name in found.column_names]))
