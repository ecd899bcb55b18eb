"""A customer's requests on a real production site: from the inbox, the sensor and the workspace to the answer.

The tests are the life of one site, in this order. Its one release has one small model.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest
from dagster import DagsterRun, DagsterRunStatus

from pipelines.assets.customers import CUSTOMER_ANALYSIS, CUSTOMER_CORRECTIONS, CUSTOMER_SESSIONS, STEP
from pipelines.customers.status import Status
from pipelines.environments import settings_from
from pipelines.remote import workspace_client
from pipelines_tests.end_to_end.caught_step import caught_step
from pipelines_tests.end_to_end.customer_world import World, customers_world, registry_away, server_of
from pipelines_tests.end_to_end.environment import finish, start_job
from pipelines_tests.end_to_end.tiny_repository import MODEL
from pipelines_tests.flight.formats.made_flight import garmin_log, made_flight
from pipelines_tests.local.conftest import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

ASSETS = (CUSTOMER_SESSIONS, CUSTOMER_ANALYSIS, CUSTOMER_CORRECTIONS)
"""What a person selects in the UI: the group `customers`."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with customers_world(tmp_path_factory.mktemp("requests")) as made:
        yield made


def test_a_request_in_the_inbox_is_answered_with_rows(world: World):
    world.ask("first.json", world.session("a.csv", 1), request_id="first")
    told = world.answer("first.json")
    assert told.state == "done", told
    assert [(one.session, one.status) for one in told.sessions] == [("a.csv", "analysed")]
    assert [(one.model, one.version, one.route_reason, one.status) for one in told.models] == [
        (MODEL, 1, "champion", "judged")
    ]
    session = told.sessions[0].session_id
    page = world.folder / "reviews" / f"{session}.html"
    assert page == world.folder / str(told.sessions[0].review_page)
    assert "a.csv" in page.read_text(encoding="utf-8")
    assert world.rows("sessions", "session_id", "file_name", "status") == [(session, "a.csv", "ready")]
    assert world.rows("analysis", "finding", "start_second", "request_id") == [
        (number + 1, 10 * number, "first") for number in range(60)
    ]
    run = world.site.wait("the run's end", lambda: next((one for one in world.runs() if one.is_finished), None))
    assert run.is_success
    assert len(world.runs()) == 1
    assert run.tags["pipelines/commit"] == world.commit
    assert run.tags["dagster/partition"] == "acme"
    made = world.site.instance.get_latest_materialization_event(CUSTOMER_ANALYSIS)
    assert made is not None
    assert made.asset_materialization is not None
    assert made.asset_materialization.partition == "acme"
    metadata = {name: value.value for name, value in made.asset_materialization.metadata.items()}
    assert metadata["judged_now"] == 1
    assert metadata["review_page"] == str(page)
    assert world.commit in str(metadata), "what ran is the release's code"


def test_an_app_starts_a_request_as_a_published_job(world: World):
    app, job = world.app_and_job()
    asked = {"sessions": json.dumps([world.session("app.csv", 9)]), "request_id": "app-1"}
    ended = wait_for(app, app.jobs.run_now(job, job_parameters=asked).response.run_id, 240)
    assert ended.state == ("TERMINATED", "SUCCESS"), ended.logs
    told = Status.model_validate_json(ended.logs[ended.logs.index("{") :])
    assert [(one.session, one.status) for one in told.sessions] == [("app.csv", "analysed")]
    assert (world.folder / str(told.sessions[0].review_page)).is_file()
    rows = world.rows("analysis", "session_id", "request_id")
    assert rows.count((told.sessions[0].session_id, "app-1")) == 60

    def recorded() -> str | None:
        made = world.site.instance.get_latest_materialization_event(CUSTOMER_ANALYSIS)
        assert made is not None
        assert made.asset_materialization is not None
        link = made.asset_materialization.metadata.get("asked_by")
        return str(link.value) if link is not None else None

    # The app has its answer a moment before Dagster has the step's.
    assert world.site.wait("the record", recorded, 60) == ended.run.run_page_url
    again = wait_for(app, app.jobs.run_now(job, job_parameters=asked).response.run_id, 60)
    assert told == Status.model_validate_json(again.logs[again.logs.index("{") :])
    refused = wait_for(app, app.jobs.run_now(job, job_parameters={"sessions": "../x"}).response.run_id, 60)
    assert refused.state == ("TERMINATED", "FAILED")
    assert "leaves the sessions folder" in str(refused.error)


def test_what_is_wrong_is_answered_without_harm_to_the_rest(world: World):
    (world.folder / "inbox" / "broken.json").write_text("{")
    world.ask("foreign.json", "../other/sessions/x.csv")
    world.ask("unknown.json", "0123456789abcdef")
    world.ask("sound.json", world.session("b.csv", 2))
    assert world.answer("sound.json").state == "done"
    for name, words in (("broken", "no JSON"), ("foreign", "leaves the sessions folder"), ("unknown", "Not known")):
        told = world.answer(f"{name}.json")
        assert told.state == "failed"
        assert words in str(told.why)


def test_a_worker_that_is_killed_leaves_one_answer(world: World):
    before = {run.run_id for run in world.runs()}
    session = world.session("c.csv", 3)
    world.correct("acme", "killed.corrections.csv", "a.csv")
    os.utime(world.folder / "inbox" / "killed.corrections.csv", (1, 1))  # so both are taken together
    world.ask("killed.json", session)

    def begun() -> DagsterRun | None:
        for run in world.runs():
            told = [] if run.run_id in before else world.site.instance.all_logs(run.run_id)
            if any(entry.user_message.startswith("Submitted as remote run") for entry in told):
                return run
        return None

    world.site.kill_worker(world.site.wait("the step of the request", begun))
    told = world.answer("killed.json")
    assert told.state == "done"
    files = {row[1] for row in world.rows("sessions", "session_id", "file_name")}
    assert "c.csv" in files
    assert len(world.rows("flight_samples", "second")) == 600 * len(files)
    corrected = world.corrected("acme", "killed.corrections.csv")
    assert (corrected.state, [one.corrections for one in corrected.recorded]) == ("done", [1])
    assert world.rows("corrections", "start_second", "end_second", "label") == [(20, 29, "steep_turn")]
    time.sleep(15)  # two ticks more
    assert world.status("killed.json") == told
    assert world.corrected("acme", "killed.corrections.csv") == corrected


def test_the_button_takes_what_nobody_asked_for(world: World):
    world.session("d.csv", 4)
    run = world.ended(world.ui.materialize("acme", *ASSETS))
    assert run.tags["dagster/partition"] == "acme"
    assert "d.csv" in {name for (name,) in world.rows("sessions", "file_name")}
    requests = [request for (request,) in world.rows("analysis", "request_id")]
    assert requests.count(f"run-{run.run_id[:8]}") == 60
    made, metadata = world.ui.newest("acme", CUSTOMER_ANALYSIS)
    assert made == run.run_id
    assert metadata["judged_now"]["intValue"] == 1
    assert metadata["judged_before"]["intValue"] == len(world.rows("analysed_sessions", "session_id")) - 1
    named = [one.run_name or "" for one in workspace_client(world.site.settings).jobs.list_runs()]
    ours = [name for name in named if " analyze_customer (" in name]
    assert {name.split()[0] for name in ours} == {"analyze", "__ASSET_JOB"}
    assert all("customer=acme" in name for name in ours), "by its tag, and where there is none by its partition"


def test_the_command_asks_and_waits(world: World, tmp_path: Path):
    log = tmp_path / "e.csv"
    log.write_bytes(garmin_log(made_flight(seconds=601, seed=5)))
    done = world.command("analyze", "acme", str(log), "--wait")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{MODEL} version 1 (champion): judged, 60 findings" in done.stdout
    assert (world.folder / "sessions" / "e.csv").read_bytes() == log.read_bytes()
    refused = world.command("analyze", "acme", str(log), "--model", f"{MODEL}=9", "--wait")
    assert refused.returncode == 1
    assert f"Version 9 of {MODEL} cannot be used: it is not in the registry" in refused.stdout + refused.stderr
    unknown = world.command("analyze", "nobody", str(log))
    assert "There is no customer nobody" in unknown.stderr


def test_a_correction_becomes_a_row_and_of_who_shares_a_label_in_gold(world: World):
    done = world.command("customer", "onboard", "acme", "--shares-corrections")
    assert done.returncode == 0, done.stdout + done.stderr
    log = garmin_log(made_flight(seconds=601, seed=6))
    (world.folder.parent / "birch" / "sessions" / "secret.csv").write_bytes(log)
    (world.folder.parent / "birch" / "inbox" / "ask.json").write_text('{"sessions": ["secret.csv"]}')
    session, foreign = (
        sha256(content).hexdigest()[:16] for content in ((world.folder / "sessions" / "a.csv").read_bytes(), log)
    )
    page = world.folder.parent / "birch" / "reviews" / f"{foreign}.html"
    world.site.wait("birch's page", lambda: page.exists() or None, 240)
    world.correct("acme", "first.corrections.csv", "a.csv")
    world.correct("birch", "first.corrections.csv", "secret.csv")
    for customer, known, name in (("acme", session, "a.csv"), ("birch", foreign, "secret.csv")):
        told = world.corrected(customer, "first.corrections.csv")
        assert told.state == "done", told
        assert [(one.session, one.session_id, one.model, one.version, one.corrections) for one in told.recorded] == [
            (name, known, MODEL, 1, 1)
        ]
        [row] = world.rows(
            "corrections", "session_id", "start_second", "label", "model", "model_version", "shared", "predicted",
            schema=f"prod.customer_{customer}",
        )  # fmt: skip
        assert row[:6] == (known, 20, "steep_turn", MODEL, 1, customer == "acme")
        assert [each["start_second"] for each in json.loads(row[6])] == [20], "beside what was predicted there"
    wait = world.site.wait
    landed = wait("the session in the landing zone", lambda: world.landed("sessions").get(f"{session}.csv"), 90)
    wait("its labels", lambda: world.landed("annotations") or None, 90)
    day = landed.parent.name
    finish(start_job(settings_from(world.site.variables), "ingest", date.fromisoformat(day)))
    gold = world.rows("flight_samples", "session_id", "second", "maneuver", schema="main.gold")
    assert [second for each, second, maneuver in gold if each == session and maneuver == "steep_turn"] == [
        *range(20, 30)
    ]
    assert foreign not in {each for each, _, _ in gold}
    time.sleep(20)  # a tick more of each sensor
    assert list(world.landed("sessions")) == [f"{session}.csv"], "nothing of who does not share, nothing twice"
    [annotations] = world.landed("annotations").values()
    assert "acme" not in annotations.read_text().lower()
    for table in ("session_files", "annotation_files"):
        columns = ("file_path", "status") if table == "session_files" else ("file_path", "content_digest")
        assert "acme" not in str(world.rows(table, *columns, schema="main.bronze")).lower()


def test_a_backfill_takes_the_whole_history_and_lets_requests_go_first(world: World):
    site, since = world.site, time.time()
    under_way = world.ui.launch("analyze", "acme", {"ops": {STEP: {"config": {"sessions": ["a.csv"]}}}})
    caught = caught_step(site.settings, lambda: not world.run(under_way).is_finished, since, STEP)
    assert caught is not None
    for customer, seed in (("acme", 70), ("birch", 80)):
        for number in (1, 2):
            world.of(customer).session(f"old-{number}.csv", seed + number)
    backfill = world.ui.backfill(["acme", "birch"], *ASSETS)
    [of_acme, of_birch] = site.wait("its runs", lambda: world.backfilled(backfill, "acme", "birch"), 90)
    world.ended(of_birch)  # it need not wait for the other customer's
    world.ask("urgent.json", world.session("urgent.csv", 99))
    of_request = site.wait("the run of the request", lambda: world.carried_out_by("urgent.json"), 60)
    assert [world.run(run).status for run in (of_acme, of_request)] == [DagsterRunStatus.QUEUED] * 2
    caught.go_on()
    for run in (under_way, of_request, of_acme):
        world.ended(run)
    assert world.answer("urgent.json").state == "done"
    waited_longer, urgent = (site.instance.get_run_record_by_id(run) for run in (of_acme, of_request))
    assert waited_longer is not None
    assert urgent is not None
    assert waited_longer.create_timestamp < urgent.create_timestamp
    assert (urgent.end_time or 0) < (waited_longer.start_time or 0), "what came last went first"
    for customer, run in (("acme", of_acme), ("birch", of_birch)):
        schema = f"prod.customer_{customer}"
        old = {key for key, name in world.rows("sessions", "session_id", "file_name", schema=schema) if "old-" in name}
        judged = world.rows("analysis", "session_id", "request_id", schema=schema)
        assert len(old) == 2
        assert Counter(each for each in judged if each[0] in old) == {(key, f"run-{run[:8]}"): 60 for key in old}
    ended = site.wait("the end of the backfill", lambda: world.ui.ended_backfill(backfill), 60)
    assert ended == "COMPLETED_SUCCESS"


def test_a_registry_that_is_away_and_a_workspace_that_dies_cost_nobody_a_request(world: World):
    birch, settings = world.of("birch"), world.site.settings
    with registry_away(settings):
        world.ask("away.json", world.session("f.csv", 7))
        world.begun("away.json")
        os.kill(server_of(settings), signal.SIGKILL)
        # Its run starts the workspace anew, upon which acme's learns that its step was lost.
        birch.ask("away.json", birch.session("g.csv", 8))
        birch.begun("away.json")
        time.sleep(8)  # so that its step, too, meets a registry that is away
    for one, session in ((birch, "g.csv"), (world, "f.csv")):
        told = one.once("away.json", session)
        one.at_rest()
        assert one.status("away.json") == told, "one final status"
        assert one.own_runs()[0].is_success


def test_a_customer_who_is_offboarded_while_a_request_runs_gets_its_answer_and_leaves(world: World):
    birch, since = world.of("birch"), time.time()
    birch.ask("last.json", birch.session("i.csv", 11))
    step = birch.caught("last.json", since)
    refused = birch.command("customer", "offboard", "birch", "--confirm", "birch")
    assert refused.returncode == 1
    assert "1 run(s) of birch have not ended" in refused.stdout + refused.stderr
    birch.ask("late.json", "i.csv")
    step.go_on()
    told = birch.once("last.json", "i.csv")
    late = birch.answer("late.json")
    assert late.state == "failed"
    assert late.why == "birch is no customer any more, so nothing is done for it: ask your contact."
    birch.at_rest()
    left = birch.command("customer", "offboard", "birch", "--confirm", "birch")
    assert left.returncode == 0, left.stdout + left.stderr
    assert not birch.folder.exists()
    [*_, archive] = sorted((birch.folder.parent / ".archive").iterdir())
    kept = (archive / "files" / "inbox" / "last.status.json").read_bytes()
    assert Status.model_validate_json(kept) == told
    before = len(birch.own_runs())
    (birch.folder / "inbox").mkdir(parents=True)
    birch.ask("after.json", "i.csv")
    asked = world.site.looks("customer_requests")
    world.site.wait("two looks more", lambda: world.site.looks("customer_requests") > asked + 2 or None)
    assert birch.status("after.json") is None
    assert len(birch.own_runs()) == before
