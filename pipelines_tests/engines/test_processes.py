"""Several processes on one warehouse: names, the lock of a table, concurrent writers, and the end of a process."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from pipelines.engines import open_engine
from pipelines.engines.engine import Engine
from pipelines.settings import EngineName
from pipelines_tests.conftest import NewEngine
from pipelines_tests.engines.other_process import finish, python
from pipelines_tests.engines.sample_table import FLIGHTS, SCHEMA


@pytest.fixture
def lock_holder(tmp_path: Path):
    """A process that holds the lock of the sample table over `tmp_path`."""
    held = python("sail", tmp_path, "with engine.exclusive(FLIGHTS.name):\n print('held', flush=True)\n input()")
    assert held.stdout is not None
    assert held.stdout.readline() == "held\n"
    yield held
    held.kill()
    held.wait()


@pytest.mark.slow
@pytest.mark.embedded_engine("conformance/test_shared_tables.py reads across processes without a second JVM")
def test_names_resolve_in_another_process(new_engine: NewEngine, engine_name: EngineName, tmp_path: Path) -> None:
    engine = new_engine(tmp_path)
    engine.create(FLIGHTS)
    engine.append(FLIGHTS.name, engine.spark.createDataFrame([(1, "c172p")], SCHEMA))
    script = "print(engine.spark.sql('SELECT * FROM main.silver.flights').collect()[0].aircraft)"
    assert finish(python(engine_name, tmp_path, script)).strip() == "c172p"


def test_exclusive_keeps_other_processes_waiting_until_it_ends(lock_holder, tmp_path: Path) -> None:
    waiting = python("sail", tmp_path, "with engine.exclusive(FLIGHTS.name): print('entered', flush=True)")
    time.sleep(1.5)
    assert waiting.poll() is None
    lock_holder.communicate("\n", timeout=30)
    assert finish(waiting) == "entered\n"


def test_exclusive_is_freed_when_its_holder_is_killed(lock_holder, tmp_path: Path) -> None:
    os.kill(lock_holder.pid, signal.SIGKILL)
    lock_holder.wait()
    with open_engine("sail", tmp_path).exclusive(FLIGHTS.name):
        assert (tmp_path / ".locks").is_dir()


def test_exclusive_may_be_entered_again_by_its_holder(tmp_path: Path) -> None:
    engine = open_engine("sail", tmp_path)
    entered = []
    with engine.exclusive(FLIGHTS.name), engine.exclusive(FLIGHTS.name):
        entered.append("twice")
    assert entered == ["twice"]


@pytest.mark.slow
@pytest.mark.embedded_engine("Apache Spark on a local folder has no atomic commit across processes")
def test_appends_of_concurrent_processes_are_all_kept(engine: Engine) -> None:
    engine.create(FLIGHTS)
    script = """
for flight in range({first}, {first} + 10):
    engine.append(FLIGHTS.name, engine.spark.createDataFrame([(flight, 'c172p')], SCHEMA))
"""
    writers = [python("sail", engine.folders, script.format(first=first)) for first in (0, 100)]
    for writer in writers:
        finish(writer)
    found = sorted(row.flight for row in engine.table(FLIGHTS.name).collect())
    assert found == [*range(10), *range(100, 110)]


@pytest.mark.slow
def test_a_process_with_engines_left_open_ends_at_once(tmp_path: Path) -> None:
    script = """
engines = [engine]
engine.create(FLIGHTS)
engine = open_engine('sail', Path(engine.folders))
engine.append(FLIGHTS.name, engine.spark.createDataFrame([(1, 'c172p')], SCHEMA))
del engines
print('done', flush=True)
"""
    process = python("sail", tmp_path, script)
    assert process.stdout is not None
    assert process.stdout.readline() == "done\n"
    assert process.wait(timeout=20) == 0
