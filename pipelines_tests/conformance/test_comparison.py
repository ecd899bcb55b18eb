"""The comparison of tables finds what it is there to find."""

from __future__ import annotations

import polars as pl

from pipelines_tests.conformance.comparison import differences

TABLE = pl.DataFrame(
    {"session": ["a", "a", "b"], "second": [0, 1, 0], "roll": [1.5, None, float("nan")], "names": [["x"], [], None]}
)
KEY = ("session", "second")


def compared(other: pl.DataFrame) -> list[str]:
    return differences(KEY, TABLE.columns, TABLE, other)


def test_the_order_of_rows_and_the_last_digits_do_not_matter() -> None:
    assert compared(TABLE.reverse().with_columns(pl.col("roll") * (1 + 1e-12))) == []


def test_a_cell_is_named_with_its_key_and_both_values() -> None:
    (text,) = compared(TABLE.with_columns(roll=pl.Series([1.5000001, None, float("nan")])))
    assert text == "roll differs in 1 of 3 rows: (session='a', second=0, sail=1.5, apache_spark=1.5000001)"


def test_null_is_neither_nan_nor_a_number() -> None:
    assert len(compared(TABLE.with_columns(roll=pl.Series([1.5, float("nan"), None])))) == 1
    assert len(compared(TABLE.with_columns(roll=pl.Series([1.5, 0.0, float("nan")])))) == 1


def test_lists_are_compared() -> None:
    assert "names differs in 1" in compared(TABLE.with_columns(names=pl.Series([["x", "y"], [], None])))[0]


def test_missing_and_doubled_rows_are_told_apart() -> None:
    assert compared(TABLE.head(2)) == ["1 rows only on Sail, such as (session='b', second=0)"]
    assert "share their key" in compared(pl.concat([TABLE, TABLE.tail(1)]))[0]


def test_another_type_is_a_difference() -> None:
    assert compared(TABLE.with_columns(pl.col("second").cast(pl.Int32))) == [
        "second is Int64 on Sail and Int32 on Apache Spark"
    ]
