"""What a materialization shows in the UI: counts, versions, tables of details and pictures."""

import base64
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import dagster as dg

from pipelines.engines.engine import Engine
from pipelines.tables.contract import TableContract

MOST_ROWS_SHOWN = 50


def day_metadata(engine: Engine, contract: TableContract, day: date, version: int) -> dict[str, Any]:
    """Rows of the table that belong to the upload day, and the table's Delta version after the step."""
    rows = engine.table(contract.name).where(f"upload_day = DATE'{day.isoformat()}'").count()
    return {"dagster/partition_row_count": rows, "delta_version": version}


def rows_table(rows: Iterable[Mapping[str, object]]) -> dg.TableMetadataValue | dg.TextMetadataValue:
    """A table of details, its first rows; a plain word if there are none."""
    shown = [dict(row) for _, row in zip(range(MOST_ROWS_SHOWN), rows, strict=False)]
    if not shown:
        return dg.MetadataValue.text("none")
    columns = [dg.TableColumn(name=name, type="string") for name in shown[0]]
    records = [dg.TableRecord({name: _cell(value) for name, value in row.items()}) for row in shown]
    return dg.MetadataValue.table(records, dg.TableSchema(columns=columns))


def picture(png: bytes, title: str) -> dg.MarkdownMetadataValue:
    """A picture inside the metadata itself, so that it is shown wherever the event is."""
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})")


def _cell(value: object) -> str | int | float | bool:
    return value if isinstance(value, (str, int, float, bool)) else "" if value is None else str(value)
