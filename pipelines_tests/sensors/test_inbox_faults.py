"""Faults at the inboxes: floods, files of a gigabyte, a full disk, a partition that is no customer's."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import pytest

from pipelines.customers import inbox
from pipelines.customers.folder_files import FolderFiles
from pipelines.customers.status import Status, status_of, tell
from pipelines.environments import settings_from
from pipelines.sensors import customer_requests as module
from pipelines.sensors.customer_requests import MOST_LOOKED_AT, MOST_REQUESTS
from pipelines_tests.memory_peak import MemoryPeak
from pipelines_tests.sensors.inboxes import Inboxes, names_in
from pipelines_tests.small_disk import full, small_disk

FLOOD, VALID = 10_000, 1_000
GIGABYTE = 1 << 30
MEMORY = Path("/dev/shm")


@pytest.fixture
def in_memory(world: Inboxes) -> Iterator[Inboxes]:
    """The customers' folders in memory where there is such a place: what a flood costs is not to be the disk's time."""
    with TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as folder:
        yield Inboxes(settings_from({"PIPELINES_HOME": folder}, "production"), world.instance)


def test_ten_thousand_requests_at_once_keep_nobody_waiting_and_each_is_answered_once(
    in_memory: Inboxes, monkeypatch: pytest.MonkeyPatch
):
    world = in_memory
    folder = world.customer("flood")
    world.write(folder / "sessions" / "1.csv", "a log", 60)
    for number in range(FLOOD):
        file = folder / "inbox" / f"{number:05}.json"
        file.write_bytes(b'{"sessions": ["1.csv"]}' if number < VALID else b'{"sessions": [')
        os.utime(file, (1e9 + number, 1e9 + number))
    world.request("small", "one.json", "1.csv")

    asked: list[str] = []
    for tick in range(3):
        began = time.process_time()
        runs = {str(run.partition_key): run for run in world.tick()}
        assert time.process_time() - began < 4, "a tick is bounded, however many wait"
        if tick == 0:
            assert names_in(runs["small"]) == ["one.json"], "in the same tick"
            _end(world, runs["small"])
        asked += names_in(runs["flood"])
        assert len(asked) == (tick + 1) * MOST_REQUESTS
        _end(world, runs["flood"])
    assert asked == [f"{number:05}.json" for number in range(3 * MOST_REQUESTS)], "the oldest first, none passed over"
    assert len(_statuses(folder)) == 3 * MOST_LOOKED_AT

    # The rest in larger steps, for a test that ends today.
    for name in ("MOST_LOOKED_AT", "MOST_REQUESTS", "MOST_SESSIONS"):
        monkeypatch.setattr(module, name, VALID)
    monkeypatch.setattr(inbox, "_MOST_READ", FLOOD)
    for _ in range(4):
        for run in world.tick():
            asked += names_in(run)
            _end(world, run)
    assert asked == [f"{number:05}.json" for number in range(VALID)], "nothing is asked for twice"
    states = Counter(status.state for status in _statuses(folder))
    assert states == {"done": VALID, "failed": FLOOD - VALID}
    assert len(list((folder / "inbox").iterdir())) == 2 * FLOOD, "one status each, and no draft is left"


def _end(world: Inboxes, run: dg.RunRequest) -> None:
    """The run has done what it was asked for."""
    world.run(run, dg.DagsterRunStatus.SUCCESS)
    _done(world, str(run.partition_key), names_in(run))


def _done(world: Inboxes, customer: str, names: Sequence[str]) -> None:
    files = FolderFiles(world.customer(customer))
    for name in names:
        status, _ = status_of(files, name)
        assert status is not None
        assert status.state == "accepted"
        tell(files, status.model_copy(update={"state": "done"}))


def _statuses(folder: Path) -> list[Status]:
    return [Status.model_validate_json(file.read_bytes()) for file in (folder / "inbox").glob("*.status.json")]


def test_files_of_a_gigabyte_are_refused_unread(world: Inboxes):
    folder = world.customer("acme") / "inbox"
    for name in ("huge.json", "huge.corrections.json", "huge.corrections.csv", "a.status.json"):
        world.write(folder / name, "", 60)
        os.truncate(folder / name, GIGABYTE)
        os.utime(folder / name, (1, 1))
    world.request("acme", "a.json", "1.csv")
    peak = MemoryPeak()
    [run] = world.tick()
    assert names_in(run) == ["a.json"], "beside which there was no status, whatever lay in its place"
    assert peak.bytes < GIGABYTE // 16
    for name in ("huge.json", "huge.corrections.json", "huge.corrections.csv"):
        told = world.status("acme", name)
        assert told is not None
        assert told.state == "failed"
        assert "too large, at most 1,048,576 bytes are read" in str(told.why)


def test_a_full_disk_is_told_and_the_request_taken_once_there_is_room(world: Inboxes):
    world.request("birch", "b.json", "1.csv")
    with small_disk(world.customer("acme"), 1):
        world.request("acme", "a.json", "1.csv")
        world.request("acme", "c.json", "1.csv")
        inboxes = world.customer("acme") / "inbox"
        with full(world.customer("acme")):
            [run] = world.tick()
            assert run.partition_key == "birch", "whose disk has room"
            world.run(run, dg.DagsterRunStatus.STARTED)
            assert world.tick() == []
            assert "The inbox of acme cannot be used: [Errno 28] No space left on device" in world.said
            assert sorted(file.name for file in inboxes.iterdir()) == ["a.json", "c.json"], "nothing half-written"
        [run] = world.tick()
        assert names_in(run) == ["a.json", "c.json"]
        run_id = world.run(run, dg.DagsterRunStatus.FAILURE, **{"dagster/will_retry": "false"})
        with full(world.customer("acme")):
            assert world.tick() == []
            assert "No space left" in world.said
            assert world.status("acme", "a.json").state == "accepted", "what stood there stands"  # type: ignore[union-attr]
        assert world.tick() == []
        told = [world.status("acme", name) for name in ("a.json", "c.json")]
        assert [(one.state, run_id in str(one.why)) for one in told if one] == [("failed", True)] * 2


def test_a_partition_that_is_no_customers_keeps_nobody_waiting(world: Inboxes):
    world.instance.add_dynamic_partitions("customers", ["A customer"])
    world.request("birch", "b.json", "1.csv")
    assert [run.partition_key for run in world.tick()] == ["birch"]
