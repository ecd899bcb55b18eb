"""Leases held by real processes: one at a time, taken over when the holder is gone, and not before."""

from __future__ import annotations

import itertools
import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from pipelines.engines.engine import Engine
from pipelines.engines.lease import LeaseLostError, LeaseUnavailableError, TableLease, lease_contract
from pipelines.tables.contract import TableName
from pipelines_tests.engines.other_process import finish, python
from pipelines_tests.engines.sample_table import FLIGHTS

TABLE, OTHER = FLIGHTS.name, TableName("main", "silver", "others")
LEASES = lease_contract("dev").name

_IMPORTS = """
import json, time
from pipelines.engines.lease import TableLease
lease = TableLease(engine, 'dev', lasts_s={lasts_s})
"""
# Reads a number, waits, writes the next one: without turns, numbers get lost.
_COUNT = """
counter = Path({counter!r})
for _ in range({times}):
    with lease.exclusive(FLIGHTS.name):
        entered = time.time()
        seen = int(counter.read_text())
        time.sleep(0.05)
        counter.write_text(str(seen + 1))
        print(json.dumps([entered, time.time()]), flush=True)
"""
_HOLD = """
with lease.exclusive(FLIGHTS.name):
    print('held', flush=True)
    input()
"""


several_processes = pytest.mark.embedded_engine("Apache Spark on a local folder has no atomic commit across processes")


def contender(warehouse: Path, script: str, lasts_s: float = 20.0):
    return python("sail", warehouse, _IMPORTS.format(lasts_s=lasts_s) + script)


def holder(warehouse: Path, lasts_s: float):
    process = contender(warehouse, _HOLD, lasts_s)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.slow
@several_processes
def test_of_many_contenders_one_at_a_time_holds_it(engine: Engine, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    script = _COUNT.format(counter=str(counter), times=5)
    contenders = [contender(engine.folders, script) for _ in range(4)]
    spans = [json.loads(line) for process in contenders for line in finish(process).splitlines()]
    assert len(spans) == 20
    assert counter.read_text() == "20", "somebody's work was lost"
    spans.sort()
    assert [(left, right) for left, right in itertools.pairwise(spans) if left[1] > right[0]] == []
    assert [(row.resource, row.holder) for row in engine.table(LEASES).collect()] == [(str(TABLE), None)]


@pytest.mark.slow
@several_processes
def test_killed_holders_lease_is_taken_over_after_its_end_and_not_before(engine: Engine) -> None:
    process = holder(engine.folders, lasts_s=6.0)
    lease = TableLease(engine, "dev", lasts_s=6.0)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    state = lease.state(TABLE)
    assert f"process {process.pid} " in (state.holder or "")
    assert state.expires_at_ms is not None
    assert state.expires_at_ms > time.time() * 1000, "it has not ended yet"
    with lease.exclusive(TABLE):
        entered_ms = time.time() * 1000
        assert f"process {os.getpid()} " in (lease.state(TABLE).holder or "")
    assert state.expires_at_ms < entered_ms < state.expires_at_ms + 15_000


@pytest.mark.slow
@several_processes
def test_living_holder_keeps_it_beyond_its_first_span(engine: Engine) -> None:
    process = holder(engine.folders, lasts_s=3.0)
    impatient = TableLease(engine, "dev", lasts_s=3.0, patience_s=12.0)
    with pytest.raises(LeaseUnavailableError, match=rf"main.silver.flights is held by .* process {process.pid} "):
        impatient.exclusive(TABLE).__enter__()
    process.communicate("\n", timeout=60)
    assert process.returncode == 0
    with impatient.exclusive(TABLE):
        pass
    assert impatient.state(TABLE).holder is None


def test_other_tables_are_free_and_nesting_is(engine: Engine) -> None:
    lease = TableLease(engine, "dev")
    with lease.exclusive(TABLE), lease.exclusive(OTHER), lease.exclusive(TABLE):
        held = {row.resource: row.holder for row in engine.table(LEASES).collect()}
    assert held.keys() == {str(TABLE), str(OTHER)}
    assert None not in held.values()
    assert {row.holder for row in engine.table(LEASES).collect()} == {None}


def test_threads_of_a_process_take_turns(engine: Engine) -> None:
    lease, inside, most = TableLease(engine, "dev"), [0], [0]

    def work() -> None:
        with lease.exclusive(TABLE):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.05)
            inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_error_in_the_work_gives_the_lease_back(engine: Engine) -> None:
    lease = TableLease(engine, "dev")
    with pytest.raises(KeyError), lease.exclusive(TABLE):
        raise KeyError("work")
    assert lease.state(TABLE).holder is None


def test_holder_is_told_that_its_lease_was_lost(engine: Engine) -> None:
    # Long enough for the statements in between, which take seconds on Apache Spark, to end before the lease does.
    lasts_s = 15.0 if engine.name == "apache_spark" else 1.5
    lease = TableLease(engine, "dev", lasts_s=lasts_s)

    def be_overtaken() -> None:
        with lease.exclusive(TABLE):
            engine.spark.sql(f"UPDATE {LEASES} SET holder = 'successor'").collect()
            time.sleep(max(2.0, lasts_s * 0.6))  # past a renewal, which is due after a third

    with pytest.raises(LeaseLostError, match="taken over"):
        be_overtaken()
    assert lease.state(TABLE).holder == "successor", "a successor's lease is not given back"


def test_two_rows_of_one_table_are_no_lease(engine: Engine) -> None:
    lease = TableLease(engine, "dev")
    with lease.exclusive(TABLE):
        pass
    engine.spark.sql(f"INSERT INTO {LEASES} VALUES ('{TABLE}', NULL, NULL)").collect()
    with pytest.raises(RuntimeError, match="2 rows"), lease.exclusive(TABLE):
        pytest.fail("entered")
