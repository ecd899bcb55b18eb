"""How two tables differ, row by row and cell by cell, said so that a person sees where to look."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl
from deltalake import DeltaTable

RELATIVE = 1e-9
"""Engines add floating numbers in different orders; what differs by less than this is equal."""
_SHOWN = 3


def read_table(folder: Path) -> pl.DataFrame:
    """All rows of the Delta table in that folder."""
    rows = pl.from_arrow(DeltaTable(str(folder)).to_pyarrow_table())
    assert isinstance(rows, pl.DataFrame)
    return rows


def differences(key: Sequence[str], columns: Sequence[str], sail: pl.DataFrame, spark: pl.DataFrame) -> list[str]:
    """Sentences about every column in which the tables differ; none if they are equal. `key` makes rows unique."""
    found = [
        f"{name} is {left} on Sail and {right} on Apache Spark"
        for name in columns
        if (left := sail.schema.get(name)) != (right := spark.schema.get(name))
    ]
    if found:
        return found
    sail, spark = (side.select(columns).sort(key, nulls_last=True) for side in (sail, spark))
    found += [
        f"{len(lonely)} rows only on {engine}, such as {_rows(lonely.select(key))}"
        for engine, here, there in (("Sail", sail, spark), ("Apache Spark", spark, sail))
        if len(lonely := here.join(there, on=list(key), how="anti", nulls_equal=True))
    ]
    found += [
        f"{len(again)} rows on {engine} share their key, such as {_rows(again.select(key))}"
        for engine, side in (("Sail", sail), ("Apache Spark", spark))
        if len(again := side.filter(pl.struct(key).is_duplicated()))
    ]
    return found or [text for name in columns if (text := _difference_in(name, key, sail, spark))]


def _difference_in(name: str, key: Sequence[str], sail: pl.DataFrame, spark: pl.DataFrame) -> str | None:
    left, right = sail[name], spark[name]
    differs = left.ne_missing(right)
    if left.dtype.is_float():
        bound = RELATIVE * pl.max_horizontal(pl.col("left").abs(), pl.col("right").abs())
        pair = pl.DataFrame({"left": left, "right": right})
        is_close = pair.select(((pl.col("left") - pl.col("right")).abs() <= bound).fill_null(False)).to_series()
        differs = differs & ~is_close
    if not differs.any():
        return None
    where = [column for column in key if column != name]
    shown = pl.DataFrame([*(sail[column] for column in where), left.alias("sail"), right.alias("apache_spark")])
    return f"{name} differs in {differs.sum()} of {len(sail)} rows: {_rows(shown.filter(differs))}"


def _rows(frame: pl.DataFrame) -> str:
    rows = (", ".join(f"{name}={value!r}" for name, value in row.items()) for row in frame.head(_SHOWN).to_dicts())
    return "; ".join(f"({row})" for row in rows)
