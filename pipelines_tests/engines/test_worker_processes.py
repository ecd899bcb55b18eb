"""Processes beside the embedded engine: they share the work, fail in so many words, and outlive nobody."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from pipelines.engines import open_engine
from pipelines_tests.engines.other_process import finish, python
from pipelines_tests.engines.sample_table import FLIGHTS


def _is_running(process_id: int) -> bool:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _wait_until_ended(process_ids: list[int]) -> None:
    deadline = time.monotonic() + 30
    while any(map(_is_running, process_ids)):
        assert time.monotonic() < deadline, [each for each in process_ids if _is_running(each)]
        time.sleep(0.02)


def test_parts_are_shared_by_processes_of_their_own(tmp_path: Path) -> None:
    script = """
import json, os
from pipelines_tests.engines import worker_parts
assert engine.processes is None
engine.spark
os.environ["SET_LATER"] = "seen"
found = engine.processes.map(worker_parts.numbered, list(range(12)))
print(json.dumps([os.getpid(), os.cpu_count(), found, engine.processes.map(worker_parts.numbered, [])]))
helper = engine.processes._helper
engine.stop()
assert engine.processes is None and not os.path.exists(f"/proc/{helper}")
"""
    own, cores, found, nothing = json.loads(finish(python("sail", tmp_path, script)))
    assert [(part, variable) for part, _, variable in found] == [(part, "seen") for part in range(12)]
    workers = {worker for _, worker, _ in found}
    assert len(workers) == min(cores, 12)
    assert own not in workers
    assert nothing == []


def test_processes_can_be_there_before_the_engine_and_its_callers_threads(tmp_path: Path) -> None:
    script = """
import threading
from pipelines_tests.engines import worker_parts
engine.fork_processes()
helper = engine.processes._helper
threading.Thread(target=threading.Event().wait, daemon=True).start()
assert engine.processes.map(worker_parts.fragile, ["a", "b"]) == ["a", "b"]
engine.fork_processes()
engine.spark
print(engine.processes._helper == helper, engine.processes.map(worker_parts.fragile, ["c"]))
engine.stop()
print(engine.processes)
engine.fork_processes()  # too late, with that thread
print(engine.processes)
"""
    assert finish(python("sail", tmp_path, script)).splitlines() == ["True ['c']", "None", "None"]


def test_processes_without_an_engine_end_when_it_is_stopped(tmp_path: Path) -> None:
    script = """
import os
engine.fork_processes()
helper = engine.processes._helper
engine.stop()
print(engine.processes, os.path.exists(f"/proc/{helper}"))
"""
    assert finish(python("sail", tmp_path, script)).splitlines() == ["None False"]


@pytest.mark.parametrize("imported", ["before", "in the workers"])
def test_workers_leave_the_cores_to_each_other_and_keep_their_memory(tmp_path: Path, imported: str) -> None:
    script = f"""
{"import polars, pyarrow" if imported == "before" else ""}
from pipelines_tests.engines import worker_parts
engine.fork_processes()
print(engine.processes.map(worker_parts.settings, [1]))
"""
    assert finish(python("sail", tmp_path, script)).splitlines() == ["[(1, 'system')]"]


def test_failure_is_told_and_the_next_work_is_done(tmp_path: Path) -> None:
    script = """
from pipelines.engines.processes import WorkerError
from pipelines_tests.engines import worker_parts
engine.spark
for flaw in ("fail", "die"):
    try:
        engine.processes.map(worker_parts.fragile, ["a", flaw, "b"])
    except WorkerError as error:
        print(str(error).strip().splitlines()[-1])
    print(engine.processes.map(worker_parts.fragile, ["c", "d"]))
"""
    assert finish(python("sail", tmp_path, script)).splitlines() == [
        "ValueError: a planted failure",
        "['c', 'd']",
        f"A worker process ended by signal {int(signal.SIGSEGV)} in the middle of its work.",
        "['c', 'd']",
    ]


def test_workers_end_with_the_process_that_they_work_for_and_hold_none_of_its_locks(tmp_path: Path) -> None:
    script = f"""
from pipelines_tests.engines import worker_parts
with engine.exclusive(FLIGHTS.name):
    engine.spark
    print(engine.processes._helper, flush=True)
    engine.processes.map(worker_parts.endless, [Path({str(tmp_path)!r}) / "work"] * 2)
"""
    (tmp_path / "work").mkdir()
    process = python("sail", tmp_path, script)
    assert process.stdout is not None
    helper = int(process.stdout.readline())
    deadline = time.monotonic() + 30
    while not (workers := [int(file.name) for file in (tmp_path / "work").iterdir()]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert all(map(_is_running, [helper, *workers]))
    os.kill(helper, signal.SIGSTOP)  # so that it cannot let go of the lock by ending
    process.kill()
    process.wait()
    with open_engine("sail", tmp_path).exclusive(FLIGHTS.name):
        assert _is_running(helper)
    os.kill(helper, signal.SIGCONT)
    _wait_until_ended([helper, *workers])


def test_workers_end_with_their_helper(tmp_path: Path) -> None:
    script = f"""
from pipelines.engines.processes import WorkerError
from pipelines_tests.engines import worker_parts
engine.spark
print(engine.processes._helper, flush=True)
try:
    engine.processes.map(worker_parts.endless, [Path({str(tmp_path)!r}) / "work"])
except WorkerError as error:
    print(error)
"""
    (tmp_path / "work").mkdir()
    process = python("sail", tmp_path, script)
    assert process.stdout is not None
    helper = int(process.stdout.readline())
    deadline = time.monotonic() + 30
    while not (workers := [int(file.name) for file in (tmp_path / "work").iterdir()]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(helper, signal.SIGKILL)
    assert "has ended" in finish(process)
    _wait_until_ended(workers)


def test_process_with_threads_is_not_forked(tmp_path: Path) -> None:
    script = """
import threading
from pipelines.engines.processes import fork_helper
ended = threading.Event()
waiting = threading.Thread(target=ended.wait)
waiting.start()
print(fork_helper())
ended.set()
waiting.join()
engine.spark
print(fork_helper(), engine.processes is None)
"""
    assert finish(python("sail", tmp_path, script)).splitlines() == ["None", "None False"]
