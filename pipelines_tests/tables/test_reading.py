"""A few rows of a table are the same whether they are read from its files or by the engine."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.engines.engine import Engine
from pipelines.tables.appending import append_rows
from pipelines.tables.arrow_rows import arrow_schema, rows_to_arrow
from pipelines.tables.contract import Column, TableContract, TableName
from pipelines.tables.contract_guard import ensure_tables
from pipelines.tables.reading import rows_where, rows_with

TABLE = TableContract(
    name=TableName("main", "silver", "read"),
    comment="Read by a test.",
    columns=(
        Column("name", "STRING", "A name.", nullable=False),
        Column("day", "DATE", "A day.", nullable=False),
        Column("number", "BIGINT", "A number."),
        Column("notes", "ARRAY<STRING>", "Some words.", nullable=False),
        Column("moment", "TIMESTAMP", "A moment.", nullable=False),
    ),
    key=("name",),
)
ODD = 'it\'s \\ "odd"'


def _row(name: str, day: int, number: int | None) -> dict[str, Any]:
    moment = datetime(2026, 11, day, 12, 30, 1, 250_001, tzinfo=UTC)
    return {"name": name, "day": date(2026, 11, day), "number": number, "notes": [name, "x"], "moment": moment}


ROWS = [_row("a", 1, 1), _row("b", 2, None), _row(ODD, 2, 3)]


@pytest.fixture(params=["files", "engine"])
def held(request: pytest.FixtureRequest, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An engine with the table, two of its rows in a commit of their own; seen as files, or through SQL alone."""
    ensure_tables(engine, TABLE)
    for rows in (ROWS[:1], ROWS[1:]):
        append_rows(engine, TABLE, rows_to_arrow(TABLE, rows), tmp_path)
    if request.param == "engine":
        monkeypatch.setattr(engine, "folder", lambda _: None)
    return engine


def test_rows_are_found_by_a_condition_in_the_types_of_the_contract(held: Engine) -> None:
    found = rows_where(held, TABLE, "day = DATE'2026-11-02' AND name IN ('a', 'b')", TABLE.column_names)
    assert found.to_pylist() == [ROWS[1]]
    assert found.schema.equals(arrow_schema(TABLE))


def test_rows_are_found_by_texts_with_quotes_and_backslashes(held: Engine) -> None:
    found = rows_with(held, TABLE, "name", {ODD, "a", "nobody"}, ["number", "name"])
    assert found.column_names == ["number", "name"]
    assert sorted(found.to_pylist(), key=lambda row: row["number"]) == [
        {"number": 1, "name": "a"},
        {"number": 3, "name": ODD},
    ]


def test_no_values_find_no_rows(held: Engine) -> None:
    assert rows_with(held, TABLE, "name", set(), ["name"]).num_rows == 0


def test_rows_that_were_deleted_are_found_no_more(held: Engine) -> None:
    held.spark.sql(f"DELETE FROM {TABLE.name} WHERE name = 'b'").collect()
    assert rows_where(held, TABLE, "number IS NULL", ["name"]).num_rows == 0
    assert rows_with(held, TABLE, "name", {"b"}, ["name"]).num_rows == 0


def test_a_table_without_rows_gives_none(engine: Engine) -> None:
    ensure_tables(engine, TABLE)
    assert rows_where(engine, TABLE, "name = 'a'", ["name"]).num_rows == 0
