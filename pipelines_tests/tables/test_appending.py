"""Rows that Python functions make arrive whole, in one commit, whichever way the engine takes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

import pipelines.tables.appending
from pipelines.engines.engine import Engine
from pipelines.tables.appending import append_rows, append_spread
from pipelines.tables.arrow_rows import rows_to_arrow
from pipelines.tables.contract import Column, TableContract, TableName
from pipelines.tables.contract_guard import ensure_tables
from pipelines.tables.history import history
from pipelines_tests.tables.landing_zone import rows

TABLE = TableContract(
    name=TableName("main", "silver", "made"),
    comment="Made by a test.",
    columns=(
        Column("name", "STRING", "A name.", nullable=False),
        Column("number", "BIGINT", "A number.", nullable=False),
        Column("value", "DOUBLE", "A value, null for odd numbers."),
        Column("note", "STRING", "A note, of the first number only."),
    ),
    key=("name", "number"),
)
PARTS = [[("a", 3), ("b", 0)], [("c", 2)]]
NOTED = ("name", "note")
METADATA = '{"by": "a test"}'


def _made(item: tuple[str, int], break_at: str = "", null_at: str = "") -> Iterator[pa.RecordBatch]:
    name, count = item
    if name == break_at:
        raise RuntimeError(f"{name} broke")
    if count:
        columns: dict[str, Any] = {
            "name": [None if name == null_at else name] * count,
            "number": list(range(count)),
            "value": [None if number % 2 else number / 2 for number in range(count)],
            "note": [None if number else f"the first of {name}" for number in range(count)],
        }
        types = [("name", pa.string()), ("number", pa.int64()), ("value", pa.float64()), ("note", pa.string())]
        yield pa.RecordBatch.from_pydict(columns, schema=pa.schema(types))


@pytest.fixture
def empty(engine: Engine) -> Engine:
    """An engine with the empty table."""
    ensure_tables(engine, TABLE)
    return engine


def _files(engine: Engine) -> list[str]:
    return [file.name for file in engine.location(TABLE.name).glob("*.parquet")]


def test_rows_of_all_parts_arrive_in_one_commit(empty: Engine) -> None:
    append_spread(empty, TABLE, PARTS, _made, METADATA, 0, NOTED)
    assert [(row["name"], row["number"], row["value"]) for row in rows(empty, TABLE)] == [
        ("a", 0, 0.0), ("a", 1, None), ("a", 2, 1.0), ("c", 0, 0.0), ("c", 1, None),
    ]  # fmt: skip
    changes = [commit for commit in history(empty, TABLE.name) if commit.changes_data]
    assert [(commit.version, commit.metadata) for commit in changes] == [(1, METADATA)]
    append_spread(empty, TABLE, PARTS, _made, METADATA, 0, NOTED)
    assert empty.table(TABLE.name).count() == 10
    assert empty.table(TABLE.name, version=1).count() == 5


def test_notes_are_given_back_where_the_rows_pass_through(empty: Engine) -> None:
    notes = append_spread(empty, TABLE, PARTS, _made, METADATA, 0, NOTED)
    expected = {"a": "the first of a", "c": "the first of c"}
    assert notes == (expected if empty.python_is_threaded else None)
    assert {row["name"]: row["note"] for row in rows(empty, TABLE) if row["note"]} == expected


def test_no_rows_are_no_rows(empty: Engine) -> None:
    assert not append_spread(empty, TABLE, [[("b", 0)]], _made, METADATA, 0, NOTED)
    assert rows(empty, TABLE) == []


@pytest.mark.parametrize("flaw", [{"break_at": "c"}, {"null_at": "c"}], ids=["failure", "null"])
def test_what_cannot_be_made_whole_is_not_appended(empty: Engine, flaw: dict[str, str]) -> None:
    with pytest.raises(Exception, match=r"c broke|[Nn][Uu][Ll][Ll]"):
        append_spread(empty, TABLE, PARTS, partial(_made, **flaw), METADATA, 0, NOTED)
    assert [commit for commit in history(empty, TABLE.name) if commit.changes_data] == []
    assert rows(empty, TABLE) == []


def test_readers_can_leave_files_out_by_their_ranges(empty: Engine) -> None:
    append_spread(empty, TABLE, PARTS, _made, METADATA, 0, NOTED)
    log = empty.location(TABLE.name) / "_delta_log" / f"{1:020d}.json"
    added = [action["add"] for line in log.read_text().splitlines() if "add" in (action := json.loads(line))]
    assert sorted(file["path"] for file in added) == sorted(_files(empty))
    found = {statistics["minValues"]["name"]: statistics for statistics in (json.loads(f["stats"]) for f in added)}
    for name, count in (("a", 3), ("c", 2)):
        assert found[name]["numRecords"] == count
        assert found[name]["maxValues"]["name"] == name
        assert (found[name]["minValues"]["number"], found[name]["maxValues"]["number"]) == (0, count - 1)
        assert found[name]["nullCount"]["number"] == 0


ROWS = [
    {"name": "d", "number": 1, "value": 0.5, "note": None},
    {"name": "e", "number": 2, "value": None, "note": "the second"},
]


def test_rows_at_hand_arrive_in_one_commit(empty: Engine, tmp_path: Path) -> None:
    append_rows(empty, TABLE, rows_to_arrow(TABLE, ROWS), tmp_path)
    append_rows(empty, TABLE, rows_to_arrow(TABLE, []), tmp_path)
    assert rows(empty, TABLE) == ROWS
    assert [commit.version for commit in history(empty, TABLE.name) if commit.changes_data] == [1]


def test_rows_that_no_message_holds_arrive_as_well(
    empty: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipelines.tables.appending, "_MOST_BYTES_OF_A_MESSAGE", 1)
    append_rows(empty, TABLE, rows_to_arrow(TABLE, ROWS), tmp_path / "scratch")
    assert rows(empty, TABLE) == ROWS
    assert list(tmp_path.glob("scratch/*")) == []


def test_rows_with_a_null_where_none_is_allowed_are_not_appended(empty: Engine, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"[Nn][Uu][Ll][Ll]"):
        append_rows(empty, TABLE, rows_to_arrow(TABLE, [*ROWS, {"name": None, "number": 3}]), tmp_path)
    assert rows(empty, TABLE) == []


def test_columns_without_an_order_keep_no_ranges(engine: Engine, tmp_path: Path) -> None:
    columns = [Column("holds", "BOOLEAN", "Whether.", False), Column("moment", "TIMESTAMP", "When.", False)]
    contract = TableContract(
        TableName("main", "silver", "odd"), "Made by a test.", (*TABLE.columns, *columns), ("name",)
    )
    ensure_tables(engine, contract)
    row = {**ROWS[0], "holds": True, "moment": datetime(2026, 11, 20, 8, 0, 0, 1, tzinfo=UTC)}
    append_rows(engine, contract, rows_to_arrow(contract, [row]), tmp_path)
    assert rows(engine, contract) == [row]
    assert engine.table(contract.name).where("moment > TIMESTAMP'2026-11-20 08:00:00 UTC'").count() == 1


def test_files_have_the_comments_and_the_rule_on_nulls_of_their_table(engine: Engine, tmp_path: Path) -> None:
    notes = Column("notes", "ARRAY<STRING>", "Some words.", nullable=False)
    contract = TableContract(
        TableName("main", "silver", "noted"), "Made by a test.", (*TABLE.columns, notes), ("name",)
    )
    ensure_tables(engine, contract)
    row = {**ROWS[0], "notes": ["x", "y"]}
    append_rows(engine, contract, rows_to_arrow(contract, [row]), tmp_path)
    assert rows(engine, contract) == [row]
    if engine.python_is_threaded:
        [file] = engine.location(contract.name).glob("*.parquet")
        found = parquet.read_schema(file)
        assert [found.field(column.name).nullable for column in contract.columns] == [False, False, True, True, False]
        comments = [found.field(column.name).metadata[b"comment"].decode() for column in contract.columns]
        assert comments == [column.comment for column in contract.columns]
