"""The end of a release: the set moves together or not at all, whatever was decided before."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pipelines.engines.engine import Engine
from pipelines.models.manifest import Manifest, load_manifests
from pipelines.releases.entry import By
from pipelines.releases.gates.every_gate import GATES
from pipelines.releases.gates.result import GateResult, failed, passed
from pipelines.releases.moves import Releases
from pipelines.releases.registry import MlflowRegistry
from pipelines.releases.request import NotRequestedError, Request, request_of
from pipelines.releases.rollout import Rollout, roll_out
from pipelines.releases.site import open_releases
from pipelines.releases.state import state_of, status_from
from pipelines.settings import Settings
from pipelines.training.identity import identity_of
from pipelines.training.registry import connect, registered_name, version_of_alias
from pipelines_tests.releases.registered import production, registered_version

FIRST, SECOND = "a" * 40, "b" * 40
BY = By("run 1", "every gate passed")
MANIFESTS = {name: manifest for name, manifest in load_manifests().items() if name != "maneuver_classifier"}
GOLD = {table: 1 for manifest in MANIFESTS.values() for table in manifest.gold_tables}
GOOD = [passed(gate, "good.") for gate in GATES]
BAD = [failed("meets_thresholds", "known_auroc is 0.5, 0.4 below the minimum 0.9."), *GOOD[1:]]


class World:
    """Production's registry and record over an empty warehouse."""

    def __init__(self, engine: Engine, home: Path) -> None:
        self.engine = engine
        self.settings: Settings = production(home)
        self.releases: Releases = open_releases(engine, self.settings)
        self.registry = MlflowRegistry(self.settings)

    def asked_for(
        self, release: str, results: Mapping[str, list[GateResult]], anew: bool = False, gold: int = 1
    ) -> None:
        """The release was requested, and its models trained and judged with these results."""
        pins = dict.fromkeys(GOLD, gold)
        evidence = Request("A. Author <a@example.org>", None, pins).evidence
        record = self.releases.request(release, MANIFESTS, BY, evidence, anew)
        for model, manifest in MANIFESTS.items():
            if model in results:
                read = dict.fromkeys(manifest.gold_tables, gold)
                version = registered_version(self.settings, identity_of(manifest, self.engine.name, read, release))
                champion = record.plans[model].champion if model in record.plans else None
                self.registry.keep_results(model, version, champion, results[model])

    def rolled_out(self, release: str, manifests: Mapping[str, Manifest] = MANIFESTS) -> Rollout:
        return roll_out(release, manifests, self.releases, self.registry, self.engine.name, BY)

    def champions(self) -> dict[str, int]:
        return {model: version_of_alias(self.settings, model, "champion") for model in MANIFESTS}


@pytest.fixture
def world(engine: Engine, tmp_path: Path) -> World:
    return World(engine, tmp_path)


def test_a_set_that_passes_becomes_champion_once(world: World):
    world.asked_for(FIRST, dict.fromkeys(MANIFESTS, GOOD))
    found = world.rolled_out(FIRST)
    assert (found.outcome, world.champions()) == ("promoted", dict.fromkeys(MANIFESTS, 1))
    again = world.rolled_out(FIRST)
    assert again.outcome == "promoted"
    assert again.record.next_sequence == found.record.next_sequence, "doing it again moves nothing"
    state = state_of(found.record, world.registry)
    assert (state["current"], state["released"], state["quarantined"]) == (FIRST, [FIRST], {})
    model = status_from(state).models[0]
    assert (model.champion, model.trained_for) == (1, FIRST)
    assert dict(model.gold_versions) == dict.fromkeys(MANIFESTS[model.model].gold_tables, 1)


def test_one_failed_gate_stops_the_whole_set_and_says_by_how_much(world: World):
    world.asked_for(FIRST, dict.fromkeys(MANIFESTS, GOOD))
    world.rolled_out(FIRST)
    world.asked_for(SECOND, {"approach_stability": BAD, "upset_detector": GOOD})
    found = world.rolled_out(SECOND)
    assert found.outcome == "refused"
    assert "approach_stability, meets_thresholds: known_auroc is 0.5, 0.4 below the minimum 0.9" in found.sentence
    assert world.champions() == dict.fromkeys(MANIFESTS, 1)
    assert found.record.on_its_way is None
    refusals = [entry for entry in found.record.entries if entry.transition == "refused"]
    assert {entry.by.reason for entry in refusals} == {found.sentence}
    assert refusals[0].evidence["gates"]["approach_stability"][0]["passed"] is False


def test_a_model_that_was_not_made_stops_the_set(world: World):
    world.asked_for(FIRST, {"approach_stability": GOOD})
    found = world.rolled_out(FIRST)
    assert (found.outcome, found.sentence) == ("refused", "upset_detector: it was not judged.")


def test_a_newer_request_supersedes(world: World):
    world.asked_for(FIRST, dict.fromkeys(MANIFESTS, GOOD))
    world.asked_for(SECOND, dict.fromkeys(MANIFESTS, GOOD))
    assert world.rolled_out(FIRST).outcome == "superseded"
    assert world.rolled_out(SECOND).outcome == "promoted"
    assert world.champions() == dict.fromkeys(MANIFESTS, 2)


def test_a_release_that_served_before_is_not_gone_back_to_by_running_it_again(world: World):
    for release in (FIRST, SECOND):
        world.asked_for(release, dict.fromkeys(MANIFESTS, GOOD))
        world.rolled_out(release)
    assert world.rolled_out(FIRST).outcome == "served_before"
    assert world.champions() == dict.fromkeys(MANIFESTS, 2)


def test_a_person_must_approve_where_the_manifest_says_so(world: World):
    gates = MANIFESTS["upset_detector"].gates.model_copy(update={"approval": "person"})
    manifests = {**MANIFESTS, "upset_detector": MANIFESTS["upset_detector"].model_copy(update={"gates": gates})}
    world.asked_for(FIRST, dict.fromkeys(MANIFESTS, GOOD))
    assert world.rolled_out(FIRST, manifests).outcome == "awaits_approval"
    world.releases.approve(FIRST, ["upset_detector"], By("Ana", "looked at the figures"))
    assert world.rolled_out(FIRST, manifests).outcome == "promoted"
    name = registered_name(world.settings, "upset_detector")
    assert connect(world.settings).get_model_version(name, "1").tags["approved_by"] == "Ana"


def test_the_release_that_serves_is_trained_anew_on_gold_that_has_grown(world: World):
    world.asked_for(FIRST, dict.fromkeys(MANIFESTS, GOOD))
    world.rolled_out(FIRST)
    world.asked_for(FIRST, dict.fromkeys(MANIFESTS, GOOD), gold=2)
    assert request_of(world.releases.journal.read(), FIRST).gold_versions["main.gold.sessions"] == 1, "not asked anew"
    world.asked_for(FIRST, dict.fromkeys(MANIFESTS, GOOD), anew=True, gold=3)
    assert request_of(world.releases.journal.read(), FIRST).gold_versions["main.gold.sessions"] == 3
    assert world.rolled_out(FIRST).outcome == "promoted"
    assert world.champions() == dict.fromkeys(MANIFESTS, 3)


def test_what_was_never_requested_is_not_released(world: World):
    with pytest.raises(NotRequestedError, match="push it to the branch `release`"):
        world.rolled_out(FIRST)
