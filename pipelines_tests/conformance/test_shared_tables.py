"""A table written by one engine is read and merged into by the other."""

from __future__ import annotations

from pipelines.engines.engine import Engine
from pipelines_tests.engines.other_process import finish, python
from pipelines_tests.engines.sample_table import FLIGHTS, SCHEMA, UPSERT


def test_both_engines_write_one_table_in_turns(engine: Engine) -> None:
    engine.create(FLIGHTS)
    engine.append(FLIGHTS.name, engine.spark.createDataFrame([(1, "c172p")], SCHEMA))
    merge = "engine.merge(FLIGHTS.name, 't.flight = s.flight', UPSERT, engine.spark.createDataFrame({rows}, SCHEMA))"
    finish(python("sail", engine.location(FLIGHTS.name).parents[2], merge.format(rows=[(1, "c182"), (2, "c172r")])))
    engine.merge(FLIGHTS.name, "t.flight = s.flight", UPSERT, engine.spark.createDataFrame([(2, "c172x")], SCHEMA))
    read = "print(sorted((row.flight, row.aircraft) for row in engine.table(FLIGHTS.name).collect()))"
    assert finish(python("sail", engine.location(FLIGHTS.name).parents[2], read)).strip() == str(
        [(1, "c182"), (2, "c172x")]
    )
