"""Requests carried out on the real engine with models of a real registry: what the tables and the answers then say."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pipelines.assets.customers import analysis_metadata
from pipelines.customers import fulfilment, review
from pipelines.customers.folder_files import FolderFiles
from pipelines.customers.fulfilment import fulfil, fulfil_all
from pipelines.customers.requests import Request
from pipelines.customers.status import new_status, tell
from pipelines.engines.engine import Engine
from pipelines.flight.formats import limits
from pipelines.releases.plan import Plan
from pipelines.settings import Settings
from pipelines_tests.customers.conftest import CustomerFolder
from pipelines_tests.customers.small_models import RELEASE, SmallModels, carried_out, champion, rows

pytestmark = pytest.mark.slow

OLD = "2" * 40


def test_a_request_becomes_rows_and_an_answer_that_says_where(fast: SmallModels, acme: CustomerFolder):
    acme.session("day/a.csv", seconds=600)
    acme.request("one.json", "day/a.csv", request_id="monday")
    carried_out(fast, "one.json")

    session, engine = acme.id_of("day/a.csv"), fast.engine
    columns = ("session_id", "file_name", "status", "reason", "second_count", "gap_share", "request_id")
    assert rows(engine, "sessions", *columns) == [(session, "day/a.csv", "ready", None, 600, 0.0, "monday")]
    assert len(rows(engine, "flight_samples", "session_id", "second")) == 600
    assert rows(engine, "flight_samples", "maneuver") == [(None,)] * 600, "nobody has labelled it"
    analysis = rows(engine, "analysis", "finding", "model", "model_version", "kind", "start_second", "end_second")
    assert analysis == [(n + 1, "small_fast", 1, "small_fast_judgements", 100 * n, 100 * n) for n in range(6)]
    assert set(rows(engine, "analysis", "session_id", "route_reason", "plan_revision", "request_id", "label")) == {
        (session, "champion", 1, "monday", None)
    }
    scores = rows(engine, "analysis", "start_second", "score", "details")
    assert [json.loads(details) for _, _, details in scores] == [
        {"second": second, "fast_probability": score} for second, score, _ in scores
    ]
    assert scores[0][1] < 0.5 < scores[3][1], "slow on the ground, fast in the air"
    ledger = rows(engine, "analysed_sessions", "session_id", "model", "model_version", "status", "finding_count")
    assert ledger == [(session, "small_fast", 1, "judged", 6)]

    told = acme.status("one.json")
    assert (told.state, told.request_id, told.why) == ("done", "monday", None)
    assert told.tables["analysis"] == "prod.customer_acme.analysis"
    assert [(one.session, one.session_id, one.status) for one in told.sessions] == [("day/a.csv", session, "analysed")]
    assert [(one.model, one.version, one.route_reason, one.findings) for one in told.models] == [
        ("small_fast", 1, "champion", 6)
    ]


def test_each_session_has_a_review_page_that_the_answer_names(fast: SmallModels, acme: CustomerFolder):
    acme.session("a.csv")
    (acme.root / "sessions" / "picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n no log")
    carried_out(fast, acme.request("one.json", "a.csv", "picture.csv"))
    told = acme.status("one.json")
    pages = [acme.root / str(one.review_page) for one in told.sessions]
    assert pages[0] == acme.root / "reviews" / f"{acme.id_of('a.csv')}.html"
    assert "small fast judgements" in pages[0].read_text(encoding="utf-8")
    assert "picture" in pages[1].read_text(encoding="utf-8")

    pages[0].unlink()
    before = pages[1].stat().st_mtime_ns
    carried_out(fast, acme.request("two.json", "a.csv", "picture.csv"))
    assert pages[0].is_file(), "drawn again because it was gone"
    assert pages[1].stat().st_mtime_ns == before, "nothing new is known of it"


def test_a_page_that_cannot_be_drawn_is_not_promised(
    fast: SmallModels, acme: CustomerFolder, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    acme.session("a.csv")
    acme.session("b.csv", seed=2)
    first, second = acme.id_of("a.csv"), acme.id_of("b.csv")
    drawn = review.review_page

    def fails_for_the_first(session: dict[str, Any], *tables: Any) -> str:
        if session["session_id"] == first:
            raise ValueError("no such colour")
        return drawn(session, *tables)

    monkeypatch.setattr(review, "review_page", fails_for_the_first)
    found = carried_out(fast, acme.request("one.json", "a.csv", "b.csv"))
    told = acme.status("one.json")
    why = "The review page could not be drawn (ValueError: no such colour)."
    assert (told.state, [one.status for one in told.sessions]) == ("done", ["analysed"] * 2), "the rows are there"
    assert [(one.review_page, one.why_no_page) for one in told.sessions] == [
        (None, why),
        (f"reviews/{second}.html", None),
    ]
    assert [page.name for page in (acme.root / "reviews").iterdir()] == [f"{second}.html"]
    metadata = analysis_metadata(found, settings)
    assert metadata["pages_not_drawn"].records[0].data == {"session": "a.csv", "why": why}
    assert metadata["review_page"].value == str(acme.root / "reviews" / f"{second}.html")

    monkeypatch.setattr(review, "review_page", drawn)
    later = carried_out(fast, acme.request("two.json", "a.csv", "b.csv"))
    assert [one.why_no_page for one in acme.status("two.json").sessions] == [None] * 2
    assert (acme.root / str(acme.status("two.json").sessions[0].review_page)).is_file(), "tried again"
    assert "pages_not_drawn" not in analysis_metadata(later, settings)


def test_a_large_request_is_carried_out_in_parts_and_answered_as_a_whole(
    fast: SmallModels, acme: CustomerFolder, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(fulfilment, "MOST_SESSIONS_OF_A_RUN", 2)
    names = [acme.session(f"{number}.csv", seed=number) for number in range(5)]
    acme.request("large.json", *names, request_id="large")
    for part in (1, 2):
        found = carried_out(fast, "large.json")
        assert {name for name, one in found.taken.items() if one.is_new} == set(names[2 * part - 2 : 2 * part])
        waiting = acme.status("large.json")
        assert (waiting.state, waiting.carried_out, waiting.parts) == ("accepted", 2 * part, part)
        assert (waiting.request_id, waiting.sessions) == ("large", ()), "there is one answer, in the end"
    last = carried_out(fast, "large.json")
    assert {key[0] for key, one in last.analysed.items() if one.is_new} == {acme.id_of(names[4])}
    told = acme.status("large.json")
    assert (told.state, [one.session for one in told.sessions]) == ("done", names)
    assert [one.status for one in told.sessions] == ["unchanged"] * 4 + ["analysed"]
    assert sorted(one.session_id for one in told.models) == sorted(acme.id_of(name) for name in names)
    assert len(rows(fast.engine, "analysed_sessions", "session_id")) == 5

    again = carried_out(fast, acme.request("again.json", *names))
    assert [one.state for one in again.answers] == ["done"], "what is known already takes one run"
    assert acme.status("again.json").models == told.models


def test_a_large_request_is_refused_before_its_first_part_if_one_of_the_last_is_unknown(
    fast: SmallModels, acme: CustomerFolder, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(fulfilment, "MOST_SESSIONS_OF_A_RUN", 1)
    acme.session("a.csv")
    found = carried_out(fast, acme.request("large.json", "a.csv", "absent.csv", "0123456789abcdef"))
    told = acme.status("large.json")
    assert (told.state, found.taken) == ("failed", {})
    assert "Not known: 'absent.csv', '0123456789abcdef'" in str(told.why)


def test_nothing_is_judged_twice_and_a_repeated_request_answers_the_same(fast: SmallModels, acme: CustomerFolder):
    acme.session("a.csv")
    carried_out(fast, acme.request("one.json", "a.csv"))
    before = {table: rows(fast.engine, table, "*") for table in ("sessions", "analysis", "analysed_sessions")}
    first = acme.status("one.json")

    assert carried_out(fast, "one.json").answers == [], "it has its answer"
    again = carried_out(fast, acme.request("two.json", "a.csv"), acme.request("by-id.json", acme.id_of("a.csv")))
    assert {table: rows(fast.engine, table, "*") for table in before} == before
    assert [each.is_new for each in again.analysed.values()] == [False]
    for name in ("two.json", "by-id.json"):
        told = acme.status(name)
        assert (told.state, told.models, told.tables) == ("done", first.models, first.tables)
        assert [one.status for one in told.sessions] == ["unchanged"]
    assert acme.status("one.json") == first


def test_the_same_bytes_under_two_names_are_one_session(fast: SmallModels, acme: CustomerFolder):
    acme.session("a.csv")
    acme.session("b.csv")
    carried_out(fast, acme.request("one.json", "a.csv", "b.csv"))
    assert len(rows(fast.engine, "sessions", "session_id")) == 1
    assert len(rows(fast.engine, "flight_samples", "second")) == 600
    assert {one.session_id for one in acme.status("one.json").sessions} == {acme.id_of("a.csv")}


def test_what_is_wrong_with_one_is_told_to_that_one(fast: SmallModels, acme: CustomerFolder):
    acme.session("good.csv")
    (acme.root / "sessions" / "picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n no log")
    acme.request("good.json", "good.csv")
    acme.request("mixed.json", "good.csv", "picture.csv")
    acme.request("picture.json", "picture.csv")
    acme.request("nowhere.json", "good.csv", "nowhere.csv")
    acme.request("foreign.json", "0123456789abcdef")
    (acme.root / "inbox" / "broken.json").write_text('{"sessions": [')
    carried_out(fast, *(path.name for path in sorted((acme.root / "inbox").iterdir())))

    assert acme.status("good.json").state == "done"
    mixed = acme.status("mixed.json")
    assert (mixed.state, [one.status for one in mixed.sessions]) == ("done", ["analysed", "quarantined"])
    assert mixed.sessions[1].reason is not None
    assert "picture.csv is a picture" in mixed.sessions[1].reason
    for name, words in {
        "picture.json": "picture.csv is a picture, not a session file",
        "nowhere.json": "Not known: 'nowhere.csv'",
        "foreign.json": "Not known: '0123456789abcdef'",
        "broken.json": "The request is no JSON",
    }.items():
        told = acme.status(name)
        assert told.state == "failed"
        assert told.why is not None
        assert words in told.why
    statuses = rows(fast.engine, "sessions", "file_name", "status", "second_count")
    assert statuses == [("good.csv", "ready", 600), ("picture.csv", "quarantined", 0)]


def test_a_key_that_only_newer_code_knows_ends_in_words_that_say_so(fast: SmallModels, acme: CustomerFolder):
    name = acme.request("one.json", acme.session("a.csv"), databricks_region="eu-1")
    content = (acme.root / "inbox" / name).read_bytes()
    carried_out(fast, name)
    assert acme.status(name).why == "Key `'databricks_region'` is unknown: correct its spelling or drop it."

    acme.status_file(name).unlink()
    tell(FolderFiles(acme.root), new_status(name, sha256(content).hexdigest(), "accepted"))  # as a newer sensor does
    carried_out(fast, name)
    told = acme.status(name)
    assert told.state == "failed"
    assert told.why == (
        "The release that serves customers is older than what accepted this request. Key `'databricks_region'` is "
        "unknown: correct its spelling or drop it. Or ask again after the next release."
    )


def test_a_file_that_is_too_large_is_never_read(
    fast: SmallModels, acme: CustomerFolder, monkeypatch: pytest.MonkeyPatch
):
    acme.session("a.csv")
    monkeypatch.setattr(limits, "MAX_STORED_BYTES", 1000)
    carried_out(fast, acme.request("one.json", "a.csv"))
    why = acme.status("one.json").why
    assert why is not None
    assert "a session file has at most 1,000" in why
    [(session,)] = rows(fast.engine, "sessions", "session_id")
    assert session != acme.id_of("a.csv")


def test_a_model_that_raises_for_one_session_is_told_and_stops_nothing(models: SmallModels, acme: CustomerFolder):
    steady, brittle = models.add("small_steady"), models.add("small_brittle", fails_at=7)
    models.serve({m.name: champion(models.version(m)) for m in (steady, brittle)})
    names = [acme.session(f"{n}.csv", seconds=600 + 100 * (n == 2), seed=n) for n in range(5)]
    carried_out(models, acme.request("all.json", *names))

    failing = acme.id_of("2.csv")
    ledger = rows(models.engine, "analysed_sessions", "model", "status", "session_id", "reason", "finding_count")
    failed = [row for row in ledger if row[1] == "failed"]
    assert failed == [
        ("small_brittle", "failed", failing, "small_brittle failed: ValueError: this session is beyond me", 0)
    ]
    assert len([row for row in ledger if row[1] == "judged"]) == 9
    told = acme.status("all.json")
    assert told.state == "done"
    assert [(one.session_id, one.model) for one in told.models if one.status == "failed"] == [
        (failing, "small_brittle")
    ]

    carried_out(models, acme.request("again.json", *names))
    again = rows(models.engine, "analysed_sessions", "model", "status", "session_id", "reason", "finding_count")
    assert again == ledger, "tried again, with the same end and no second row"


def test_a_session_without_the_channels_is_not_judged_and_says_so(models: SmallModels, acme: CustomerFolder):
    manifest = models.add("small_blind", channel="latitude_deg")
    models.serve({manifest.name: champion(models.version(manifest))})
    flight = acme.root / "sessions" / "a.csv"
    acme.session("a.csv")
    flight.write_bytes(flight.read_bytes().replace(b"Latitude", b"Lotitude"))
    carried_out(models, acme.request("one.json", "a.csv"))
    [(status, reason, count)] = rows(models.engine, "analysed_sessions", "status", "reason", "finding_count")
    assert (status, count) == ("not_judged", 0)
    assert "does not record latitude_deg" in reason
    assert acme.status("one.json").state == "done"


def test_the_plan_chooses_between_champion_and_canary_by_session_or_by_customer(
    models: SmallModels, acme: CustomerFolder
):
    by_session, by_customer = models.add("small_session"), models.add("small_customer", unit="customer")
    plans = {}
    for manifest in (by_session, by_customer):
        first, second = models.version(manifest), models.version(manifest, OLD)
        plans[manifest.name] = Plan(
            state="canary", revision=4, release=RELEASE, champion=first, canary=second, canary_release=OLD,
            basis_points=5000, salt="pepper",
        )  # fmt: skip
    models.serve(plans)
    names = [acme.session(f"{n}.csv", seed=n) for n in range(8)]
    carried_out(models, acme.request("all.json", *names))
    ledger = rows(models.engine, "analysed_sessions", "model", "session_id", "model_version", "route_reason")
    from pipelines.releases.routing import route

    units = {"small_session": lambda session: session, "small_customer": lambda _: "acme"}
    expected = [(route(plans[model], units[model](session))) for model, session, _, _ in ledger]
    assert [(row[2], row[3]) for row in ledger] == [(one.version, one.reason) for one in expected]
    assert {row[3] for row in ledger if row[0] == "small_session"} == {"champion", "canary"}
    assert len({row[3] for row in ledger if row[0] == "small_customer"}) == 1


def test_another_version_judges_on_request_beside_the_first(fast: SmallModels, acme: CustomerFolder):
    manifest = fast.add("small_other")
    fast.version(manifest)
    fast.version(fast_manifest(fast), OLD)
    acme.session("a.csv")
    carried_out(fast, acme.request("first.json", "a.csv"))
    carried_out(fast, acme.request("second.json", "a.csv", models={"small_fast": 2}))
    assert rows(fast.engine, "analysed_sessions", "model_version", "route_reason") == [
        (1, "champion"),
        (2, "asked_for"),
    ]
    assert len(rows(fast.engine, "analysis", "finding")) == 12

    for models, words in (
        ({"small_fast": 9}, "Version 9 of small_fast cannot be used: it is not in the registry."),
        ({"small_other": 1}, "There is no released model small_other: there are small_fast."),
    ):
        carried_out(fast, acme.request("wrong.json", "a.csv", models=models))
        assert acme.status("wrong.json").why == words


def fast_manifest(models: SmallModels) -> Any:
    from pipelines.models.manifest import load_manifests

    return load_manifests(models.folder)["small_fast"]


def test_versions_of_a_release_in_quarantine_are_refused(fast: SmallModels, acme: CustomerFolder):
    fast.version(fast_manifest(fast), OLD)
    fast.serve({"small_fast": Plan("steady", 2, RELEASE, champion=1, quarantined=(OLD,))})
    acme.session("a.csv")
    carried_out(fast, acme.request("one.json", "a.csv", models={"small_fast": 2}))
    assert acme.status("one.json").why == "Version 2 of small_fast cannot be used: its release is in quarantine."


def test_a_version_with_other_features_is_left_to_the_code_of_its_release(models: SmallModels, acme: CustomerFolder):
    today, kept = models.add("small_today"), models.add("small_kept")
    of_kept = models.version(kept, OLD, features="of older code")
    models.serve({"small_today": champion(models.version(today)), "small_kept": champion(of_kept)})
    acme.session("a.csv")
    carried_out(models, acme.request("one.json", "a.csv"), commit=RELEASE)
    waiting = acme.status("one.json")
    assert (waiting.state, waiting.commit, waiting.tried) == ("accepted", OLD, (RELEASE,))
    assert rows(models.engine, "analysed_sessions", "model", "status") == [
        ("small_kept", "failed"),
        ("small_today", "judged"),
    ]

    # This code is not that release's after all: it is told, and not tried for ever.
    carried_out(models, "one.json", commit=OLD)
    told = acme.status("one.json")
    assert (told.state, [(one.model, one.status) for one in told.models]) == (
        "done",
        [("small_kept", "failed"), ("small_today", "judged")],
    )
    assert told.models[0].reason is not None
    assert "was made by release 222222222222 with other features" in told.models[0].reason


def test_without_a_release_a_request_fails_in_words(models: SmallModels, acme: CustomerFolder):
    acme.session("a.csv")
    carried_out(models, acme.request("one.json", "a.csv"))
    told = acme.status("one.json")
    assert told.state == "failed"
    assert told.why == "No model is released to customers yet: ask again after the first release."


def test_everything_is_every_file_and_every_session_that_the_serving_version_does_not_know(
    fast: SmallModels, acme: CustomerFolder
):
    for number in range(3):
        acme.session(f"{number}.csv", seed=number)
    carried_out(fast, acme.request("one.json", "0.csv"))
    (acme.root / "sessions" / "0.csv").unlink()
    found = fulfil_all(fast.engine, fast.settings, "acme", "run-1", print)
    assert sorted(each.is_new for each in found.analysed.values()) == [False, True, True]

    fast.serve({"small_fast": champion(fast.version(fast_manifest(fast), OLD), revision=2, release=OLD)})
    newer = fulfil_all(fast.engine, fast.settings, "acme", "run-2", print)
    assert sorted((key[2], each.is_new) for key, each in newer.analysed.items()) == [(2, True)] * 3
    assert set(rows(fast.engine, "analysed_sessions", "model_version", "request_id")) >= {(1, "run-1"), (2, "run-2")}


def test_a_run_that_died_between_tables_is_redone_without_doubles(
    fast: SmallModels, acme: CustomerFolder, monkeypatch: pytest.MonkeyPatch
):
    acme.session("a.csv")
    acme.request("one.json", "a.csv")
    from pipelines.customers import analysis, sessions

    original = sessions.replace_rows

    def dies_before(table: str) -> Any:
        def replace(engine: Engine, contract: Any, condition: str, found: Any, scratch: Path) -> None:
            if contract.name.table == table:
                raise ConnectionError("the machine lost its power")
            original(engine, contract, condition, found, scratch)

        return replace

    for module, table in ((sessions, "sessions"), (analysis, "analysed_sessions")):
        with monkeypatch.context() as patch:
            patch.setattr(module, "replace_rows", dies_before(table))
            with pytest.raises(ConnectionError):
                carried_out(fast, "one.json")
        assert acme.status("one.json").state == "running"
    carried_out(fast, "one.json")
    assert acme.status("one.json").state == "done"
    assert len(rows(fast.engine, "flight_samples", "second")) == 600
    assert len(rows(fast.engine, "analysis", "finding")) == 6
    assert len(rows(fast.engine, "analysed_sessions", "model")) == 1


def test_a_file_written_again_is_another_session(fast: SmallModels, acme: CustomerFolder):
    acme.session("a.csv", seed=1)
    carried_out(fast, acme.request("one.json", "a.csv"))
    first = acme.id_of("a.csv")
    acme.session("a.csv", seed=2)
    os.utime(acme.root / "sessions" / "a.csv", ns=(1, 1))
    carried_out(fast, acme.request("two.json", "a.csv"))
    assert {session for (session,) in rows(fast.engine, "sessions", "session_id")} == {first, acme.id_of("a.csv")}
    assert [one.session_id for one in acme.status("two.json").sessions] == [acme.id_of("a.csv")]


def test_a_run_may_bring_its_own_request(fast: SmallModels, acme: CustomerFolder, settings: Settings):
    acme.session("a.csv")
    request = Request(sessions=("a.csv",), request_id="run-7")
    found = fulfil(fast.engine, settings, "acme", (), request)
    assert found.answers == []
    assert [one.problem for one in found.asked] == [None]
    assert set(rows(fast.engine, "analysis", "request_id")) == {("run-7",)}
