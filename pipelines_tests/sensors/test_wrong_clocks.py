"""Clocks that are wrong, a customer's or this machine's own: what is asked is taken all the same, in its turn, once."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from pipelines.customers import inbox
from pipelines.customers.folder_files import FolderFiles
from pipelines.customers.status import digest_of_request, new_status, tell
from pipelines_tests.sensors.inboxes import Inboxes, names_in

HOUR_S, YEAR_S = 3600, 365 * 24 * 3600
BEFORE_1970_S = 70 * YEAR_S
CORRECTION = {"session": "1.csv", "kind": "upset", "from": 1, "to": 2, "label": "stall"}


def written(world: Inboxes, path: str, ago_s: float) -> None:
    """Give acme's file a time that many seconds ago, or to come if negative."""
    moment = time.time() - ago_s
    os.utime(world.customer("acme") / path, (moment, moment))


def state(world: Inboxes, name: str, customer: str = "acme") -> str:
    told = world.status(customer, name)
    return told.state if told is not None else "none"


@pytest.mark.parametrize("ago_s", [30 * YEAR_S, BEFORE_1970_S])
def test_a_file_from_long_ago_is_taken_at_once(world: Inboxes, ago_s: int):
    world.request("acme", "a.json", "1.csv")
    for path in ("inbox/a.json", "sessions/1.csv"):
        written(world, path, ago_s)
    world.request("birch", "b.json", "1.csv")
    assert [(run.partition_key, names_in(run)) for run in world.tick()] == [("acme", ["a.json"]), ("birch", ["b.json"])]


@pytest.mark.parametrize("ahead_s", [2, HOUR_S, 30 * YEAR_S])
def test_a_file_from_the_future_is_whole_once_it_has_stayed_as_it_is(
    world: Inboxes, ahead_s: int, monkeypatch: pytest.MonkeyPatch
):
    inboxes = world.customer("acme") / "inbox"
    world.request("acme", "a.json", "1.csv")
    world.write(inboxes / "half.json", '{"sessions": [', 0)
    world.write(inboxes / "b.corrections.json", json.dumps({"corrections": [CORRECTION]}), 0)
    for path in ("inbox/a.json", "inbox/half.json", "inbox/b.corrections.json", "sessions/1.csv"):
        written(world, path, -ahead_s)
    assert world.tick() == []
    assert "Session file '1.csv' is still being written" in world.said
    assert [state(world, name) for name in ("a.json", "half.json", "b.corrections.json")] == [
        "accepted",
        "none",
        "none",
    ]

    clock = time.monotonic() + inbox.SETTLING_SECONDS
    monkeypatch.setattr("pipelines.customers.inbox.time.monotonic", lambda: clock)
    (inboxes / "half.json").write_text('{"sessions": ["1.csv"]}')
    written(world, "inbox/half.json", -ahead_s - 1)
    [run] = world.tick()
    assert run.run_config["ops"]["analyze_customer"]["config"] == {
        "requests": ["a.json", "half.json"],
        "corrections": ["b.corrections.json"],
    }, "the half one was whole by then"


def test_a_malformed_file_from_the_future_fails_when_it_stays_malformed(
    world: Inboxes, monkeypatch: pytest.MonkeyPatch
):
    world.write(world.customer("acme") / "inbox" / "half.json", '{"sessions": [', -HOUR_S)
    world.tick()
    assert state(world, "half.json") == "none"
    clock = time.monotonic() + inbox.SETTLING_SECONDS
    monkeypatch.setattr("pipelines.customers.inbox.time.monotonic", lambda: clock)
    world.tick()
    assert state(world, "half.json") == "failed"


def test_nobody_gets_ahead_or_behind_by_a_wrong_clock_for_ever(world: Inboxes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pipelines.sensors.customer_requests.MOST_REQUESTS", 1)
    world.request("acme", "tomorrow.json", "1.csv", age_s=-24 * HOUR_S)
    world.request("acme", "waiting.json", "1.csv", age_s=60)
    [run] = world.tick()
    assert names_in(run) == ["waiting.json"], "accepted in this tick, so it counts from now"
    run_id = world.run(run, dg.DagsterRunStatus.STARTED)
    files, told = FolderFiles(world.customer("acme")), world.status("acme", "waiting.json")
    assert told is not None
    tell(files, told.model_copy(update={"state": "done"}))
    world.ends(run_id, dg.DagsterEventType.RUN_SUCCESS)
    world.request("acme", "later.json", "1.csv", age_s=0)
    [run] = world.tick()
    assert names_in(run) == ["tomorrow.json"], "it was accepted before the later one was written"


def test_patience_counts_from_now_where_a_status_is_of_a_clock_that_was_ahead(
    world: Inboxes, monkeypatch: pytest.MonkeyPatch
):
    folder = world.customer("acme")
    world.write(folder / "inbox" / "a.json", '{"sessions": ["never.csv"]}', 60)
    digest = digest_of_request((folder / "inbox" / "a.json").read_bytes())
    ahead = new_status("a.json", digest, "accepted").model_copy(update={"at": datetime.now(UTC) + timedelta(hours=1)})
    tell(FolderFiles(folder), ahead)
    assert world.tick() == []
    told = world.status("acme", "a.json")
    assert told is not None
    assert (told.state, told.at <= datetime.now(UTC)) == ("accepted", True)
    monkeypatch.setattr(inbox, "PATIENCE_SECONDS", 0)
    world.tick()
    assert state(world, "a.json") == "failed"


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z"])
def test_a_status_with_any_time_in_it_stops_no_tick(world: Inboxes, at: str):
    world.request("acme", "a.json", "1.csv")
    folder = world.customer("acme") / "inbox"
    world.write(folder / "lost.json", '{"sessions": ["never.csv"]}', 60)
    for name in ("a", "lost"):
        status = {"request": f"{name}.json", "state": "accepted", "at": at}
        status["request_digest"] = digest_of_request((folder / f"{name}.json").read_bytes())
        (folder / f"{name}.status.json").write_text(json.dumps(status))
    world.request("birch", "b.json", "1.csv")
    assert [(run.partition_key, names_in(run)) for run in world.tick()] == [("acme", ["a.json"]), ("birch", ["b.json"])]


@pytest.mark.parametrize("skew_s", [-HOUR_S, HOUR_S])
def test_a_run_whose_machine_has_another_time_is_waited_for_as_long_as_any(
    world: Inboxes, skew_s: int, monkeypatch: pytest.MonkeyPatch
):
    world.request("acme", "a.json", "1.csv")
    [run] = world.tick()
    run_id = world.run(run, dg.DagsterRunStatus.STARTED)
    world.ends(run_id, dg.DagsterEventType.RUN_FAILURE, datetime.now(UTC) + timedelta(seconds=skew_s))
    assert world.tick() == []
    assert state(world, "a.json") == "accepted", "Dagster may be about to say that it tries it again"
    clock = time.monotonic() + 61
    monkeypatch.setattr("pipelines.sensors.customer_requests.time.monotonic", lambda: clock)
    assert world.tick() == []
    assert state(world, "a.json") == "failed"
