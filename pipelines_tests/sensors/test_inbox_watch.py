"""Inboxes that have not changed are not listed, and those that do are seen at once, or within a minute at worst."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from pathlib import Path

import dagster as dg
import pytest

from pipelines.customers.folder_files import FolderFiles
from pipelines.customers.places import INBOX
from pipelines.customers.status import Status, new_status, status_of, tell
from pipelines.sensors import inbox_watch
from pipelines.sensors.inbox_watch import InboxWatch
from pipelines_tests.sensors.inboxes import Inboxes, names_in


def at_rest(inbox: Path) -> None:
    """Let the folder's last change be a while ago."""
    moment = time.time() - 60
    os.utime(inbox, (moment, moment))


@pytest.fixture
def files(tmp_path: Path) -> FolderFiles:
    (tmp_path / INBOX).mkdir()
    at_rest(tmp_path / INBOX)
    return FolderFiles(tmp_path)


def test_an_inbox_is_quiet_until_a_file_comes_or_goes(files: FolderFiles):
    watch, inbox = InboxWatch(), files.root / INBOX
    assert not watch.is_quiet("acme", files), "nobody has listed it yet"
    watch.listed("acme", files.changed_ns(INBOX), is_open=False)
    assert watch.is_quiet("acme", files)
    (inbox / "a.json").write_text("{}")
    assert not watch.is_quiet("acme", files)
    at_rest(inbox)
    watch.listed("acme", files.changed_ns(INBOX), is_open=False)
    assert watch.is_quiet("acme", files)
    (inbox / "a.json").rename(inbox / "b.json")
    assert not watch.is_quiet("acme", files)


@pytest.mark.parametrize("what", ["open", "young", "bucket"])
def test_what_is_open_or_may_have_changed_since_is_listed_again(files: FolderFiles, what: str):
    watch, changed_ns = InboxWatch(), files.changed_ns(INBOX)
    watch.listed("acme", changed_ns, is_open=False)
    if what == "young":
        os.utime(files.root / INBOX)
        changed_ns = files.changed_ns(INBOX)
    watch.listed("acme", None if what == "bucket" else changed_ns, is_open=what == "open")
    assert not watch.is_quiet("acme", files)


def test_a_request_that_comes_while_a_tick_watches_is_taken_by_it(world: Inboxes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(inbox_watch, "WATCH_SECONDS", 20.0)
    for customer in ("acme", "other"):
        at_rest(world.customer(customer) / INBOX)
    asking = threading.Timer(0.4, lambda: world.request("acme", "a.json", "1.csv"))
    asking.start()
    begun = time.monotonic()
    [run] = world.tick()
    assert (run.partition_key, names_in(run)) == ("acme", ["a.json"])
    assert time.monotonic() - begun < 10, "not when the watch was over"
    asking.join()


def test_what_waits_for_the_run_of_others_is_taken_by_the_tick_that_sees_it_end(
    world: Inboxes, monkeypatch: pytest.MonkeyPatch
):
    world.request("acme", "a.json", "1.csv")
    [first] = world.tick()
    run = world.run(first, dg.DagsterRunStatus.STARTED)
    world.request("acme", "b.json", "2.csv")
    monkeypatch.setattr(inbox_watch, "WATCH_SECONDS", 20.0)
    monkeypatch.setattr(inbox_watch, "OPEN_AGAIN_S", 0.1)
    answer = new_status("a.json", _status(world).request_digest, "done", batch=_status(world).batch)

    def end() -> None:
        tell(FolderFiles(world.customer("acme")), answer)
        world.ends(run, dg.DagsterEventType.PIPELINE_SUCCESS)

    ending = threading.Timer(0.5, end)
    ending.start()
    begun = time.monotonic()
    [second] = world.tick()
    assert names_in(second) == ["b.json"]
    assert 0.5 < time.monotonic() - begun < 10
    ending.join()


def test_what_keeps_a_request_waiting_is_told_once(world: Inboxes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(inbox_watch, "WATCH_SECONDS", 1.0)
    monkeypatch.setattr(inbox_watch, "OPEN_AGAIN_S", 0.1)
    world.request("acme", "a.json", "1.csv")
    (world.customer("acme") / "sessions" / "1.csv").unlink()
    assert world.tick() == []
    assert world.said.count("'1.csv' is not in your sessions folder") == 1


def test_a_request_that_is_written_over_is_found_when_its_inbox_is_listed_again(
    world: Inboxes, monkeypatch: pytest.MonkeyPatch
):
    world.request("acme", "a.json", "1.csv")
    [run] = world.tick()
    status = _status(world)
    tell(FolderFiles(world.customer("acme")), new_status("a.json", status.request_digest, "done", batch=status.batch))
    inbox = world.customer("acme") / INBOX
    at_rest(inbox)
    for _ in range(2):  # of a status that was just written the version is known at the second look
        assert world.tick() == []
    with (inbox / "a.json").open("w") as file:
        json.dump({"sessions": ["1.csv"], "request_id": "another"}, file)
    assert world.tick() == [], "its folder tells nothing"
    monkeypatch.setattr(inbox_watch, "LISTED_AT_LEAST_S", -1.0)
    [again] = world.tick()
    assert names_in(again) == ["a.json"]
    assert again.run_key != run.run_key


def test_an_inbox_that_goes_while_a_tick_watches_is_no_problem(world: Inboxes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(inbox_watch, "WATCH_SECONDS", 1.5)
    inbox = world.customer("acme") / INBOX
    at_rest(inbox)
    going = threading.Timer(0.3, lambda: shutil.rmtree(inbox))
    going.start()
    assert world.tick() == []
    assert world.said == "No request waits."
    going.join()


def _status(world: Inboxes) -> Status:
    found, _ = status_of(FolderFiles(world.customer("acme")), "a.json")
    assert found is not None
    return found
