"""The sensor over the inboxes: which runs it asks for, in whose turn, and how requests end that no run answers."""

from __future__ import annotations

import json
import os

import dagster as dg
import pytest

from pipelines.assets.customers import BATCH, STEP
from pipelines.assets.releases import CHAMPIONS
from pipelines.customers import inbox
from pipelines.customers.folder_files import FolderFiles
from pipelines.customers.session_files import MOST_FILES_LOOKED_AT
from pipelines.customers.status import new_status, tell
from pipelines.releases.run_tags import COMMIT
from pipelines.sensors import customer_requests as module
from pipelines.sensors.customer_requests import MOST_ATTEMPTS, MOST_REQUESTS, MOST_SESSIONS
from pipelines_tests.sensors.inboxes import Inboxes, names_in

RELEASE, OLD = "1" * 40, "2" * 40


def test_waiting_requests_of_a_customer_become_one_run(world: Inboxes):
    world.instance.report_runless_asset_event(
        dg.AssetMaterialization(CHAMPIONS, partition=RELEASE, metadata={"state": {"current": RELEASE}})
    )
    world.request("acme", "a.json", "1.csv", age_s=90)
    world.request("acme", "b.json", "2.csv", age_s=99)
    [run] = world.tick()
    assert run.partition_key == "acme"
    assert names_in(run) == ["b.json", "a.json"], "the oldest first"
    assert run.tags[COMMIT] == RELEASE
    assert (run.tags["pipelines/customer"], run.tags["dagster/priority"]) == ("acme", "10")
    for name in ("a.json", "b.json"):
        status = world.status("acme", name)
        assert status is not None
        assert (status.state, status.batch, status.attempts) == ("accepted", run.tags[BATCH], 1)

    world.run(run, dg.DagsterRunStatus.STARTED)
    world.request("acme", "c.json", "1.csv")
    assert world.tick() == [], "one run of a customer at a time"
    later = world.status("acme", "c.json")
    assert later is not None
    assert (later.state, later.batch) == ("accepted", ""), "accepted meanwhile"


def test_a_partition_that_somebody_mistyped_in_the_ui_stops_nobody(world: Inboxes):
    world.request("acme", "a.json", "1.csv")
    world.instance.add_dynamic_partitions("customers", ["A Customer", "../acme", "nobody_is_called_so"])
    [run] = world.tick()
    assert run.partition_key == "acme"
    world.run(run, dg.DagsterRunStatus.STARTED)
    assert world.tick() == []
    assert "Partition 'A Customer' is no customer's and is passed over" in world.said
    assert "Partition '../acme'" in world.said
    assert "nobody_is_called_so" not in world.said


def test_a_malformed_request_fails_at_once_and_one_half_uploaded_waits(world: Inboxes):
    inboxes = world.customer("acme") / "inbox"
    world.write(inboxes / "broken.json", '{"sessions": [', 60)
    world.write(inboxes / "arriving.json", '{"sessions": [', 0)
    world.write(inboxes / "unfinished.json.part", '{"sessions": ["1.csv"]}', 60)
    assert world.tick() == []
    broken = world.status("acme", "broken.json")
    assert broken is not None
    assert broken.state == "failed"
    assert broken.why is not None
    assert "no JSON" in broken.why
    assert sorted(path.name for path in inboxes.iterdir()) == [
        "arriving.json",
        "broken.json",
        "broken.status.json",
        "unfinished.json.part",
    ]


def test_session_files_are_waited_for_a_while(world: Inboxes, monkeypatch: pytest.MonkeyPatch):
    world.request("acme", "a.json")
    folder = world.customer("acme")
    (folder / "inbox" / "a.json").unlink()
    world.write(folder / "inbox" / "a.json", '{"sessions": ["late.csv"]}', 3600)
    world.write(folder / "inbox" / "b.json", '{"sessions": ["growing.csv"]}', 3600)
    world.write(folder / "inbox" / "c.json", '{"sessions": ["never.csv"]}', 3600)
    world.write(folder / "sessions" / "growing.csv", "half a log", 0)
    assert world.tick() == []
    assert "'late.csv' is not in your sessions folder" in world.said
    assert "'growing.csv' is still being written" in world.said
    world.write(folder / "sessions" / "late.csv", "a log", 60)
    os.utime(folder / "sessions" / "growing.csv", (1, 1))
    [run] = world.tick()
    assert sorted(names_in(run)) == ["a.json", "b.json"]
    world.run(run, dg.DagsterRunStatus.STARTED)
    monkeypatch.setattr(inbox, "PATIENCE_SECONDS", 0)
    assert world.tick() == []
    never = world.status("acme", "c.json")
    assert never is not None
    assert never.state == "failed"
    assert never.why == ("Session file 'never.csv' is not in your sessions folder. Put it there whole, then ask again.")


@pytest.mark.parametrize(
    ("age_s", "words"),
    [(None, "'last.csv' is not in your sessions folder"), (0, "'last.csv' is still being written")],
)
def test_every_session_file_is_waited_for_however_many_a_request_names(
    world: Inboxes, monkeypatch: pytest.MonkeyPatch, age_s: float | None, words: str
):
    names = [f"{number}.csv" for number in range(MOST_FILES_LOOKED_AT)]
    sessions = world.customer("acme") / "sessions"
    world.request("acme", "a.json", *names)
    for request in ("b.json", "c.json"):
        (sessions.parent / "inbox" / request).write_text(json.dumps({"sessions": [*names, "last.csv"]}))
    if age_s is not None:
        world.write(sessions / "last.csv", "half a log", age_s)
    listings: list[str] = []
    original = FolderFiles.listed
    monkeypatch.setattr(FolderFiles, "listed", lambda self, folder: listings.append(folder) or original(self, folder))
    [run] = world.tick()
    assert names_in(run) == ["a.json"], "nothing of which is missing"
    assert listings == ["inbox", "sessions"], "once, however many requests name many files"
    run_id = world.run(run, dg.DagsterRunStatus.STARTED)
    assert world.tick() == []
    assert f"acme, b.json: Session file {words}" in world.said
    waiting = world.status("acme", "b.json")
    assert waiting is not None
    assert (waiting.state, waiting.attempts) == ("accepted", 0), "patience has not ended"
    (sessions / "last.csv").write_text("a log")
    os.utime(sessions / "last.csv", (1, 1))
    world.ends(run_id, dg.DagsterEventType.RUN_FAILURE)
    world.instance.add_run_tags(run_id, {"dagster/will_retry": "false"})
    [run] = world.tick()
    assert sorted(names_in(run)) == ["b.json", "c.json"]


def test_one_customers_flood_is_carried_out_in_parts_and_keeps_nobody_waiting(world: Inboxes):
    world.customer("flood")
    for number in range(MOST_REQUESTS + 30):
        world.request("flood", f"{number:04}.json", f"{number % 7}.csv", age_s=9000 - number)
    world.request("small", "one.json", "1.csv")
    runs = {str(run.partition_key): run for run in world.tick()}
    assert names_in(runs["flood"]) == [f"{number:04}.json" for number in range(MOST_REQUESTS)]
    assert names_in(runs["small"]) == ["one.json"]
    assert {run.tags["dagster/priority"] for run in runs.values()} == {"10"}


def test_a_run_has_a_bounded_number_of_sessions(world: Inboxes):
    ids = [f"{number:016x}" for number in range(2 * MOST_SESSIONS)]
    for number in range(4):
        world.request("acme", f"{number}.json", age_s=90 - number)
        (world.customer("acme") / "inbox" / f"{number}.json").write_text(
            json.dumps({"sessions": ids[: MOST_SESSIONS // 2 - 1]})
        )
    [run] = world.tick()
    assert len(names_in(run)) == 2
    world.run(run, dg.DagsterRunStatus.STARTED)
    (world.customer("other") / "inbox" / "huge.json").write_text(json.dumps({"sessions": ids}))
    [run] = world.tick()
    assert names_in(run) == ["huge.json"], "one that is larger by itself goes alone"


def test_answered_requests_are_not_read_again(world: Inboxes, monkeypatch: pytest.MonkeyPatch):
    world.request("acme", "a.json", "1.csv")
    [run] = world.tick()
    files = FolderFiles(world.customer("acme"))
    status = world.status("acme", "a.json")
    assert status is not None
    tell(files, status.model_copy(update={"state": "done"}))
    world.run(run, dg.DagsterRunStatus.SUCCESS)
    assert world.tick() == []
    read: list[str] = []
    original = FolderFiles.read
    monkeypatch.setattr(FolderFiles, "read", lambda self, file: read.append(file.file_path) or original(self, file))
    assert world.tick() == []
    assert read == []
    world.request("acme", "b.json", "1.csv")
    [later] = world.tick()
    assert names_in(later) == ["b.json"]


@pytest.mark.parametrize(
    ("status", "words"),
    [(dg.DagsterRunStatus.FAILURE, "did not succeed"), (dg.DagsterRunStatus.CANCELED, "was stopped")],
)
def test_a_run_that_fails_for_good_ends_its_requests(world: Inboxes, status: dg.DagsterRunStatus, words: str):
    world.request("acme", "a.json", "1.csv")
    [run] = world.tick()
    run_id = world.run(run, status, **{"dagster/will_retry": "false"})
    assert world.tick() == []
    told = world.status("acme", "a.json")
    assert told is not None
    assert told.state == "failed"
    assert told.why == (
        f"The run that carried it out {words} (run {run_id}). Ask again; if that does not help, ask your contact."
    )


def test_a_run_that_dagster_tries_again_is_waited_for(world: Inboxes):
    world.request("acme", "a.json", "1.csv")
    [run] = world.tick()
    died = world.run(run, dg.DagsterRunStatus.FAILURE, **{"dagster/will_retry": "true"})
    assert world.tick() == []
    world.instance.add_run_tags(died, {"dagster/auto_retry_run_id": "next"})
    world.run(run, dg.DagsterRunStatus.STARTED, **{"dagster/retry_number": "1"})
    assert world.tick() == []
    told = world.status("acme", "a.json")
    assert told is not None
    assert told.state == "accepted"


def test_a_request_whose_run_was_never_made_is_asked_for_again(world: Inboxes):
    world.request("acme", "a.json", "1.csv")
    [lost] = world.tick()
    [run] = world.tick()
    assert names_in(run) == names_in(lost) == ["a.json"]
    assert run.run_key != lost.run_key


def test_what_another_releases_code_must_do_goes_on_with_that(world: Inboxes):
    world.request("acme", "a.json", "1.csv", age_s=99)
    [run] = world.tick()
    files, status = FolderFiles(world.customer("acme")), world.status("acme", "a.json")
    assert status is not None
    tell(files, status.model_copy(update={"commit": OLD, "tried": (RELEASE,)}))
    world.run(run, dg.DagsterRunStatus.SUCCESS)
    world.request("acme", "b.json", "1.csv")
    [later] = world.tick()
    assert (names_in(later), later.tags[COMMIT]) == (["a.json"], OLD), "not together with what needs other code"


def test_a_request_that_no_run_answers_is_given_up_in_the_end(world: Inboxes):
    world.request("acme", "a.json", "1.csv")
    for _ in range(MOST_ATTEMPTS):
        [run] = world.tick()
        run_id = world.run(run, dg.DagsterRunStatus.SUCCESS)
    assert world.tick() == []
    told = world.status("acme", "a.json")
    assert told is not None
    assert told.state == "failed"
    assert told.why == (
        f"It was begun {MOST_ATTEMPTS} times, and no run came to its answer (the last: run {run_id}). Ask again; if "
        "that does not help, ask your contact."
    )


def test_a_request_that_is_carried_out_in_parts_is_gone_on_with_however_many_there_are(world: Inboxes):
    ids = [f"{number:016x}" for number in range(2 * MOST_SESSIONS)]
    files = FolderFiles(world.customer("acme"))
    world.write(files.root / "inbox" / "large.json", json.dumps({"sessions": ids}), 90)
    for part in range(1, MOST_ATTEMPTS + 3):
        [run] = world.tick()
        assert names_in(run) == ["large.json"]
        begun = world.status("acme", "large.json")
        assert begun is not None
        tell(files, begun.model_copy(update={"parts": part, "carried_out": 10 * part}))
        world.run(run, dg.DagsterRunStatus.SUCCESS)
    almost = world.status("acme", "large.json")
    assert almost is not None
    tell(files, almost.model_copy(update={"carried_out": len(ids) - 1}))
    world.request("acme", "small.json", "1.csv")
    [run] = world.tick()
    assert names_in(run) == ["large.json", "small.json"], "one session is left, so there is room for others"


def test_a_forgotten_memory_changes_nothing(world: Inboxes, monkeypatch: pytest.MonkeyPatch):
    world.request("acme", "a.json", "1.csv")
    [run] = world.tick()
    world.run(run, dg.DagsterRunStatus.STARTED)
    monkeypatch.setattr(module, "_memory", None)
    world.cursor = None
    assert world.tick() == []


def test_an_inbox_that_cannot_be_read_is_told_and_the_others_are_looked_at(world: Inboxes):
    folder = world.customer("broken")
    (folder / "inbox").rmdir()
    (folder / "inbox").write_text("no folder")
    world.request("sound", "a.json", "1.csv")
    assert [run.partition_key for run in world.tick()] == ["sound"]
    (world.customer("sound") / "inbox" / "a.json").unlink()
    world.tick()
    assert "The inbox of broken cannot be used" in world.said


def test_only_customers_who_are_onboarded_are_heard(world: Inboxes):
    world.request("acme", "a.json", "1.csv")
    world.instance.delete_dynamic_partition("customers", "acme")
    assert world.tick() == []
    assert list((world.settings.customers / "acme" / "inbox").iterdir()) != []  # type: ignore[union-attr, operator]
    assert not (world.settings.customers / "acme" / "inbox" / "a.status.json").exists()  # type: ignore[operator]


def test_inboxes_have_their_turn(world: Inboxes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(module.MOST_CUSTOMERS, "folder", 2)
    for name in ("a1", "b1", "c1"):
        world.request(name, "r.json", "1.csv")
    assert [run.partition_key for run in world.tick()] == ["a1", "b1"]
    assert [run.partition_key for run in world.tick()] == ["c1", "a1"]


def test_a_status_that_the_customer_wrote_is_no_answer(world: Inboxes):
    world.request("acme", "a.json", "1.csv")
    (world.customer("acme") / "inbox" / "a.status.json").write_text(
        new_status("a.json", "another", "done").model_dump_json()
    )
    [run] = world.tick()
    assert names_in(run) == ["a.json"]


CORRECTIONS = "session,kind,from,to,label\n" + "1.csv,maneuver,1,2,climb\n" * 12


def test_corrections_are_carried_out_together_with_requests(world: Inboxes):
    inboxes = world.customer("acme") / "inbox"
    world.request("acme", "a.json", "1.csv", age_s=90)
    world.write(inboxes / "lesson.corrections.csv", CORRECTIONS, 80)
    world.write(inboxes / "lesson.corrections.json", json.dumps({"corrections": [_CORRECTION]}), 70)
    [run] = world.tick()
    assert run.run_config["ops"][STEP]["config"] == {
        "requests": ["a.json"],
        "corrections": ["lesson.corrections.csv", "lesson.corrections.json"],
    }
    statuses = [world.status("acme", name) for name in ("lesson.corrections.csv", "lesson.corrections.json")]
    assert [(one.state, one.batch) for one in statuses if one] == [("accepted", run.tags[BATCH])] * 2
    assert sorted(path.name for path in inboxes.glob("*.status.json")) == [
        "a.status.json",
        "lesson.corrections.csv.status.json",
        "lesson.corrections.status.json",
    ]
    run_id = world.run(run, dg.DagsterRunStatus.FAILURE, **{"dagster/will_retry": "false"})
    assert world.tick() == []
    ended = world.status("acme", "lesson.corrections.csv")
    assert ended is not None
    assert (ended.state, run_id in str(ended.why)) == ("failed", True)


_CORRECTION = {"session": "1.csv", "kind": "upset", "from": 1, "to": 2, "label": "stall"}


def test_malformed_corrections_fail_at_once_and_those_still_written_wait(world: Inboxes):
    inboxes = world.customer("acme") / "inbox"
    world.write(inboxes / "broken.corrections.csv", "session,kind\n", 60)
    world.write(inboxes / "arriving.corrections.csv", CORRECTIONS, 0)
    world.write(inboxes / "twin.corrections.csv.json", "{", 60)
    assert world.tick() == []
    broken = world.status("acme", "broken.corrections.csv")
    assert broken is not None
    assert (broken.state, "no column `from`" in str(broken.why)) == ("failed", True)
    assert world.status("acme", "arriving.corrections.csv") is None, "half of it would be a valid table, too"
    assert [path.name for path in inboxes.glob("twin*")] == ["twin.corrections.csv.json"], "would share a status"
    os.utime(inboxes / "arriving.corrections.csv", (1, 1))
    [run] = world.tick()
    assert run.run_config["ops"][STEP]["config"] == {"corrections": ["arriving.corrections.csv"]}


def test_a_run_has_a_bounded_number_of_corrections(world: Inboxes):
    row = {"session": "1.csv", "kind": "upset", "from": 1, "to": 2, "label": "stall"}
    for number in range(5):
        content = json.dumps({"corrections": [row] * 400})
        world.write(world.customer("acme") / "inbox" / f"{number}.corrections.json", content, 90 - number)
    [run] = world.tick()
    assert run.run_config["ops"][STEP]["config"]["corrections"] == ["0.corrections.json", "1.corrections.json"]
