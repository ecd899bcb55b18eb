"""Gold tables of a few drawn sessions, as Spark frames, for tests of models."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from pipelines.flight.approaches import find_approaches
from pipelines.tables.contracts import APPROACHES

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_APPROACH_COLUMNS = tuple(c for c in APPROACHES.column_names if c not in ("upload_day", "source_digest"))


def gold_of(
    spark: SparkSession, samples: Mapping[str, pd.DataFrame], aircraft_type: str | None = "c172s"
) -> dict[str, DataFrame]:
    """`sessions`, `flight_samples` and `approaches` of the sessions in `samples`, by session id."""
    rows = [
        seconds.assign(session_id=session_id, is_upset=seconds.get("is_upset", False))
        for session_id, seconds in samples.items()
    ]
    found = [
        {"session_id": session_id, **dataclasses.asdict(approach)}
        for session_id, seconds in samples.items()
        for approach in find_approaches(seconds, aircraft_type)
    ]
    flight_samples = spark.createDataFrame(pd.concat(rows, ignore_index=True))
    types = {column.name: column.type for column in APPROACHES.columns}
    schema = ", ".join(f"{name} {types[name]}" for name in _APPROACH_COLUMNS)
    approaches = [tuple(one[name] for name in _APPROACH_COLUMNS) for one in found]
    return {
        "sessions": spark.createDataFrame(
            [(session_id, aircraft_type) for session_id in samples], "session_id STRING, aircraft_type STRING"
        ),
        "flight_samples": flight_samples,
        "approaches": spark.createDataFrame(approaches, schema),
    }
