"""Releases as they are found on real tables and MLflow's own store: completed first, then compared; gold's growth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from deltalake import DeltaTable

from pipelines.engines.engine import Engine
from pipelines.releases.drift import Finding, drift
from pipelines.releases.entry import By
from pipelines.releases.growth import growth_of, judged_gold
from pipelines.releases.moves import Releases
from pipelines.releases.observe import complete_moves, observe
from pipelines.releases.plan import PLAN_TAG
from pipelines.releases.record import Record
from pipelines.releases.registry import MlflowRegistry
from pipelines.releases.request import Request
from pipelines.releases.site import open_releases
from pipelines.settings import Settings
from pipelines.tables.contracts import GOLD_SESSIONS
from pipelines.tables.history import current_version
from pipelines.training.registry import connect, registered_name
from pipelines_tests.releases.registered import identity, production, registered_version
from pipelines_tests.training.flown_gold import append_attested

A, B = "a" * 40, "b" * 40
BY = By("run", "release")
SESSIONS = str(GOLD_SESSIONS.name)
MODEL = "glider"


def add_sessions(engine: Engine, numbers: Iterable[int]) -> int:
    """Gold with these sessions more, in an attested commit; its version."""
    facts = {"upload_day": date(2026, 11, 20), "source_digest": "x", "source_format": "drawn", "duration_s": 60.0}
    more = {"second_count": 60, "gap_share": 0.0, "labelled_share": 1.0, "missing_channels": []}
    rows = [{"session_id": f"{number:016x}", "aircraft_type": "c172p", **facts, **more} for number in numbers]
    append_attested(engine, GOLD_SESSIONS, rows)
    return current_version(engine, GOLD_SESSIONS.name)


@dataclass(frozen=True)
class Site:
    engine: Engine
    settings: Settings
    releases: Releases

    @property
    def record(self) -> Record:
        return self.releases.journal.read()

    def request(self, release: str, gold: int, anew: bool = False) -> None:
        self.releases.request(release, [MODEL], BY, Request("Ana", None, {SESSIONS: gold}).evidence, anew)

    def promote(self, release: str, gold: int) -> None:
        version = registered_version(self.settings, identity(MODEL, release, gold))
        self.releases.promote(release, {MODEL: version}, BY)

    def findings(self, head: str) -> list[Finding]:
        return drift(observe(self.engine, self.settings, head, [MODEL]))


@pytest.fixture
def site(engine: Engine, tmp_path: Path) -> Site:
    """Release A of one model serves; it was trained on ten sessions."""
    settings = production(tmp_path)
    made = Site(engine, settings, open_releases(engine, settings))
    gold = add_sessions(engine, range(10))
    made.request(A, gold)
    made.promote(A, gold)
    return made


def test_a_release_that_nobody_touched_agrees(site: Site) -> None:
    assert complete_moves(site.engine, site.settings).models == ()
    assert site.findings(A) == []
    [finding] = site.findings(B)
    assert (finding.between, finding.is_serious) == ("git", False)


def test_what_a_dead_move_left_is_completed_and_what_a_person_wrote_is_told(site: Site) -> None:
    client, name = connect(site.settings), registered_name(site.settings, MODEL)
    registry, before = MlflowRegistry(site.settings), site.record.plans[MODEL]
    gold = add_sessions(site.engine, range(10, 12))
    site.request(B, gold)
    site.promote(B, gold)
    served = registry.registered(MODEL)
    client.set_registered_model_tag(name, PLAN_TAG, before.to_json())  # as if it had died before the tag
    client.set_registered_model_alias(name, "champion", str(before.champion))
    assert {finding.between for finding in site.findings(B)} == {"plan", "alias"}
    assert complete_moves(site.engine, site.settings).models == (MODEL,)
    assert registry.registered(MODEL) == served
    assert site.findings(B) == []
    client.delete_registered_model_alias(name, "champion")
    assert complete_moves(site.engine, site.settings).models == (MODEL,)
    assert registry.registered(MODEL) == served
    client.set_registered_model_tag(name, PLAN_TAG, '{"by": "hand"}')
    assert complete_moves(site.engine, site.settings).models == ()
    [finding] = site.findings(B)
    assert (finding.between, finding.model, finding.is_serious) == ("plan", MODEL, True)


def test_versions_trained_on_gold_that_was_restored_or_is_gone_are_listed(site: Site) -> None:
    gold = add_sessions(site.engine, range(10, 12))
    site.request(B, gold)
    site.promote(B, gold)
    folder = site.engine.folder(GOLD_SESSIONS.name)
    assert folder is not None
    DeltaTable(str(folder)).restore(gold - 1)
    [finding] = site.findings(B)
    assert (finding.between, finding.model, finding.is_serious) == ("gold", MODEL, True)
    assert finding.sentence.startswith(
        f"{MODEL}: version 2, its champion, was trained on data that gold does not hold any more: {SESSIONS} version "
        f"{gold} (now {gold + 1})."
    )
    # The version before, which was trained on what gold went back to, is not among them.
    growth = growth_of(site.engine, site.record)
    assert growth is not None
    assert (growth.sessions_then, growth.sessions_now, growth.gold_version) == (12, 10, gold + 1)
    assert growth.share == pytest.approx(-2 / 12)


def test_growth_is_counted_from_the_gold_that_was_judged_last(site: Site) -> None:
    first = judged_gold(site.record)[SESSIONS]
    grown = add_sessions(site.engine, range(10, 13))
    growth = growth_of(site.engine, site.record)
    assert growth is not None
    assert growth.metadata == {
        "release": A,
        "gold_version": grown,
        "sessions_now": 13,
        "trained_on_version": first,
        "sessions_then": 10,
        "share": 0.3,
    }
    site.request(A, grown, anew=True)
    assert judged_gold(site.record) == {SESSIONS: first}, "asked for, and not judged yet"
    site.releases.refuse(A, [MODEL], By("run", "a gate"))
    assert judged_gold(site.record) == {SESSIONS: grown}, "a gate refused it: not again for every session"
    refused = growth_of(site.engine, site.record)
    assert refused is not None
    assert refused.share == 0
    newest = add_sessions(site.engine, range(13, 20))
    site.request(A, newest, anew=True)
    site.promote(A, newest)
    assert judged_gold(site.record) == {SESSIONS: newest}
    assert site.record.sets[A] == {MODEL: 2}


def test_where_nothing_serves_nothing_grows(engine: Engine, tmp_path: Path) -> None:
    add_sessions(engine, range(3))
    settings = production(tmp_path)
    assert growth_of(engine, open_releases(engine, settings).journal.read()) is None
    assert drift(observe(engine, settings, None, None))[0].between == "git"
