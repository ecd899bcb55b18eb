"""Every engine: names, commits, versions. Runs on Apache Spark too with `--engine apache_spark`."""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path

import pytest

from pipelines.engines.engine import Engine
from pipelines.tables.contract import TableContract, TableName
from pipelines.tables.contracts import ALL as ALL_CONTRACTS
from pipelines_tests.conftest import NewEngine
from pipelines_tests.engines.sample_table import FLIGHTS, SCHEMA, UPSERT, commit_texts


def rows_of(engine: Engine, version: int | None = None) -> list[tuple[object, ...]]:
    return sorted(tuple(row) for row in engine.table(FLIGHTS.name, version).collect())


def test_a_created_table_is_empty_and_has_the_contracts_columns(engine: Engine) -> None:
    engine.create(FLIGHTS)
    table = engine.table(FLIGHTS.name)
    assert dict(table.dtypes) == {"flight": "bigint", "aircraft": "string"}
    assert table.count() == 0
    assert engine.exists(FLIGHTS.name)


@pytest.mark.parametrize("contract", ALL_CONTRACTS, ids=lambda contract: str(contract.name))
def test_every_contract_of_the_project_can_be_created(module_engine: Engine, contract: TableContract) -> None:
    module_engine.create(contract)
    assert tuple(module_engine.table(contract.name).columns) == contract.column_names


def test_creating_again_keeps_the_rows(engine: Engine) -> None:
    engine.create(FLIGHTS)
    engine.append(FLIGHTS.name, engine.spark.createDataFrame([(1, "c172p")], SCHEMA))
    engine.create(FLIGHTS)
    assert rows_of(engine) == [(1, "c172p")]


def test_a_table_whose_creation_was_cut_off_is_created(new_engine: NewEngine, tmp_path: Path) -> None:
    (tmp_path / "warehouse").joinpath(*FLIGHTS.name, "_delta_log").mkdir(parents=True)
    engine = new_engine(tmp_path / "warehouse")
    assert not engine.exists(FLIGHTS.name)
    engine.create(FLIGHTS)
    assert rows_of(engine) == []
    engine.stop()


def test_append_matches_columns_by_name_and_records_metadata(engine: Engine) -> None:
    engine.create(FLIGHTS)
    swapped = engine.spark.createDataFrame([("c182", 7)], "aircraft STRING, flight BIGINT")
    engine.append(FLIGHTS.name, swapped, metadata='{"run":"append-1"}')
    assert rows_of(engine) == [(7, "c182")]
    assert "append-1" in commit_texts(engine.location(FLIGHTS.name))[-1]


def test_merge_updates_inserts_and_records_metadata_of_its_own_commit_only(engine: Engine) -> None:
    engine.create(FLIGHTS)
    engine.append(FLIGHTS.name, engine.spark.createDataFrame([(1, "c172p"), (2, "c172r")], SCHEMA))
    changed = engine.spark.createDataFrame([(2, "c182"), (3, "c172x")], SCHEMA)
    engine.merge(FLIGHTS.name, "t.flight = s.flight", UPSERT, changed, metadata='{"run":"merge-1","checks":[]}')
    engine.merge(FLIGHTS.name, "t.flight = s.flight", UPSERT, engine.spark.createDataFrame([(4, "c182")], SCHEMA))
    assert rows_of(engine) == [(1, "c172p"), (2, "c182"), (3, "c172x"), (4, "c182")]
    *_, attested, plain = commit_texts(engine.location(FLIGHTS.name))
    assert "merge-1" in attested
    assert "merge-1" not in plain


def test_two_threads_merging_do_not_mix_up_their_metadata(engine: Engine) -> None:
    other = TableName("main", "silver", "other_flights")
    engine.create(FLIGHTS)
    engine.create(TableContract(other, "More flights.", FLIGHTS.columns, FLIGHTS.key))

    def merge(table: TableName, mark: str) -> None:
        for flight in range(3):
            source = engine.spark.createDataFrame([(flight, mark)], SCHEMA)
            engine.merge(table, "t.flight = s.flight", UPSERT, source, metadata=f'{{"run":"{mark}"}}')

    threads = [threading.Thread(target=merge, args=pair) for pair in ((FLIGHTS.name, "first"), (other, "second"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all("first" in text for text in commit_texts(engine.location(FLIGHTS.name))[1:])
    assert all("second" in text for text in commit_texts(engine.location(other))[1:])
    assert len(commit_texts(engine.location(FLIGHTS.name))) == 4


def test_creating_a_table_that_is_held_keeps_nobody_from_the_engine(engine: Engine) -> None:
    creating = threading.Thread(target=engine.create, args=(FLIGHTS,), daemon=True)
    with engine.exclusive(FLIGHTS.name):
        creating.start()
        creating.join(0.5)
        other = TableContract(TableName("main", "silver", "other_flights"), "More.", FLIGHTS.columns, FLIGHTS.key)
        using = threading.Thread(target=engine.create, args=(other,), daemon=True)
        using.start()
        using.join(60)
        assert not using.is_alive()
    creating.join(60)
    assert not creating.is_alive()
    assert engine.exists(FLIGHTS.name)


def test_a_pinned_version_keeps_reading_what_it_was(engine: Engine) -> None:
    engine.create(FLIGHTS)
    engine.append(FLIGHTS.name, engine.spark.createDataFrame([(1, "c172p")], SCHEMA))
    engine.append(FLIGHTS.name, engine.spark.createDataFrame([(2, "c182")], SCHEMA))
    assert rows_of(engine, version=0) == []
    assert rows_of(engine, version=1) == [(1, "c172p")]
    assert rows_of(engine, version=2) == [(1, "c172p"), (2, "c182")]


def test_a_null_in_a_required_column_is_refused_and_nothing_is_committed(engine: Engine) -> None:
    engine.create(FLIGHTS)
    with pytest.raises(Exception, match=r"(?i)null"):
        engine.append(FLIGHTS.name, engine.spark.createDataFrame([(None, "c172p")], SCHEMA))
    assert rows_of(engine) == []
    assert len(commit_texts(engine.location(FLIGHTS.name))) == 1


def test_a_second_engine_finds_the_tables_and_later_ones_too(new_engine: NewEngine, tmp_path: Path) -> None:
    first = new_engine(tmp_path)
    first.create(FLIGHTS)
    second = new_engine(tmp_path)
    assert rows_of(second) == []
    later = TableContract(TableName("main", "gold", "later"), "Made later.", FLIGHTS.columns, FLIGHTS.key)
    first.create(later)
    first.append(later.name, first.spark.createDataFrame([(9, "c182")], SCHEMA))
    assert [tuple(row) for row in second.table(later.name).collect()] == [(9, "c182")]


def test_engines_over_two_warehouses_do_not_see_each_others_rows(new_engine: NewEngine, tmp_path: Path) -> None:
    here, there = new_engine(tmp_path / "here"), new_engine(tmp_path / "there")
    for engine, flight in ((here, 1), (there, 2)):
        engine.create(FLIGHTS)
        engine.append(FLIGHTS.name, engine.spark.createDataFrame([(flight, "c172p")], SCHEMA))
    assert (rows_of(here), rows_of(there)) == ([(1, "c172p")], [(2, "c172p")])
    third = new_engine(tmp_path / "third")
    assert not third.spark.catalog.tableExists(str(FLIGHTS.name))


def test_a_stopped_engine_starts_anew_with_its_tables(engine: Engine) -> None:
    engine.create(FLIGHTS)
    engine.append(FLIGHTS.name, engine.spark.createDataFrame([(1, "c172p")], SCHEMA))
    engine.stop()
    assert rows_of(engine) == [(1, "c172p")]


def test_sessions_tell_the_time_in_utc(engine: Engine) -> None:
    shown = engine.spark.sql("SELECT date_format(timestamp_seconds(0), 'yyyy-MM-dd HH:mm') AS epoch").collect()
    assert shown[0].epoch == "1970-01-01 00:00"
    moments = engine.spark.sql("SELECT timestamp '2026-11-20 12:00:00' AS noon").toPandas()
    assert moments["noon"].tolist() == [datetime(2026, 11, 20, 12)]
