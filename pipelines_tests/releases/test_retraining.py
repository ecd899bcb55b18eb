"""The release that serves, trained once more on gold that has grown: new versions by the same gates, and champions."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.engines.engine import Engine
from pipelines.models.manifest import load_manifests
from pipelines.releases.candidates import JudgedCandidate, train_and_judge
from pipelines.releases.entry import By
from pipelines.releases.gold_pins import pinned_gold
from pipelines.releases.growth import growth_of
from pipelines.releases.registry import MlflowRegistry
from pipelines.releases.request import Request, request_of
from pipelines.releases.rollout import Rollout, roll_out
from pipelines.releases.site import open_releases
from pipelines.tables.contracts import FLIGHT_SAMPLES, GOLD_SESSIONS
from pipelines.tables.history import current_version
from pipelines_tests.releases.registered import production
from pipelines_tests.training.flown_gold import drawn_flight, write_gold

pytestmark = pytest.mark.slow

NAME = "maneuver_classifier"
COMMIT = "c" * 40
TYPES = ("c172p", "c172r", "c172x", "c172p", "c182")
TABLES = (GOLD_SESSIONS.name, FLIGHT_SAMPLES.name)


def test_new_versions_come_of_the_new_gold_and_pass_the_gates(engine: Engine, tmp_path: Path) -> None:
    settings, manifest = production(tmp_path), load_manifests()[NAME]
    releases, registry = open_releases(engine, settings), MlflowRegistry(settings)

    def released(anew: bool) -> tuple[JudgedCandidate, Rollout]:
        """What the assets of a release do, one after the other, for one model."""
        given = Request("Ana", None, pinned_gold(engine, [manifest]))
        record = releases.request(COMMIT, [NAME], By("run", "asked for"), given.evidence, anew=anew)
        judged = train_and_judge(NAME, COMMIT, record, engine, settings, "run", print)
        return judged, roll_out(COMMIT, {NAME: manifest}, releases, registry, engine.name, By("run", "gates"))

    _fly(engine, range(20))
    _, first = released(anew=False)
    assert (first.outcome, registry.registered(NAME).aliases) == ("promoted", {"champion": 1})
    _fly(engine, range(20, 26))
    growth = growth_of(engine, releases.journal.read())
    assert growth is not None
    assert growth.share == pytest.approx(0.3)
    judged, second = released(anew=True)
    assert second.outcome == "promoted"
    assert judged.champion == 1, "it was compared with the version that it follows"
    assert {result.gate for result in judged.results} >= {"meets_thresholds", "not_worse_than_champion"}
    assert registry.registered(NAME).aliases == {"champion": 2, "previous": 1}
    pins = {str(name): current_version(engine, name) for name in TABLES}
    assert request_of(second.record, COMMIT).gold_versions == pins == registry.versions(NAME)[1].gold_versions
    assert (second.record.current_release, second.record.on_its_way) == (COMMIT, None)
    after = growth_of(engine, second.record)
    assert after is not None
    assert (after.share, after.trained_on_version) == (0, pins[str(GOLD_SESSIONS.name)])


def _fly(engine: Engine, numbers: range) -> None:
    write_gold(engine, {f"{number:016x}": (TYPES[number % 5], drawn_flight(number)) for number in numbers})
