"""A version made again from its provenance: equal, or what differs, or what it was made from that is gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from deltalake import DeltaTable

from pipelines.engines.engine import Engine
from pipelines.releases.provenance import Lineage
from pipelines.releases.registry import MlflowRegistry
from pipelines.releases.reproduce import NotReproducibleError, Reproduction, reproduce
from pipelines.settings import Settings
from pipelines.tables.contracts import FLIGHT_SAMPLES, GOLD_SESSIONS
from pipelines.tables.history import current_version
from pipelines.training.registry import SESSION_SCORES_FILE, TrainedModel, connect
from pipelines.training.train import train_model
from pipelines_tests.conftest import NewEngine
from pipelines_tests.releases.registered import production
from pipelines_tests.training.flown_gold import drawn_flight, write_gold

pytestmark = pytest.mark.slow

NAME = "maneuver_classifier"
COMMIT = "c" * 40
TYPES = ("c172p", "c172r", "c172x", "c172p", "c182")


@dataclass(frozen=True)
class Released:
    engine: Engine
    settings: Settings
    model: TrainedModel

    def again(self, say: Callable[[str], None] = lambda _: None, commit: str = COMMIT) -> Reproduction:
        return reproduce(NAME, self.model.version, commit, self.engine, self.settings, say)


@pytest.fixture(scope="module")
def released(new_engine: NewEngine, tmp_path_factory: pytest.TempPathFactory) -> Released:
    """A version of a release; gold has more sessions since."""
    home = tmp_path_factory.mktemp("reproduce")
    engine, settings = new_engine(home / "warehouse"), production(home)
    write_gold(engine, {f"{number:016x}": (TYPES[number % 5], drawn_flight(number)) for number in range(20)})
    lineage = Lineage(COMMIT, "A. Author", "run-1").tags
    model = train_model(NAME, engine, settings, lineage, commit=COMMIT)
    write_gold(engine, {f"{number:016x}": (TYPES[number % 5], drawn_flight(number)) for number in range(20, 30)})
    return Released(engine, settings, model)


def test_it_is_equal_and_nothing_was_registered(released: Released) -> None:
    client, registry = connect(released.settings), MlflowRegistry(released.settings)
    experiment = client.get_run(released.model.run_id).info.experiment_id
    before = (registry.versions(NAME), registry.registered(NAME), len(client.search_runs([experiment])))
    said: list[str] = []
    found = released.again(said.append)
    assert (found.is_equal, found.differences, found.made_otherwise, found.remarks) == (True, (), (), ())
    assert found.gold_versions == released.model.gold_versions
    assert found.sentence == (
        f"{NAME} version 1 was made again, and is equal: {len(released.model.metrics)} metrics, 5 predictions of the "
        f"input example, scores of {_scored(released)} held-out sessions."
    )
    assert "fitting" in said
    assert current_version(released.engine, GOLD_SESSIONS.name) > found.gold_versions[str(GOLD_SESSIONS.name)]
    assert (registry.versions(NAME), registry.registered(NAME), len(client.search_runs([experiment]))) == before


def test_what_differs_is_told_with_how_it_was_made(released: Released) -> None:
    pinned = released.model.gold_versions[str(FLIGHT_SAMPLES.name)]
    DeltaTable(_folder(released)).restore(pinned - 1)
    client, run = connect(released.settings), released.model.run_id
    kept = MlflowRegistry(released.settings).candidate(NAME, 1, released.settings.home / "kept")
    scores = [dict(row) for row in kept.session_scores]
    digest = released.model.tags["environment_digest"]
    changed = [{**scores[0], "source_digest": "other"}, *scores[1:]]
    predictions = [list(row) for row in kept.example_predictions]
    predictions[0][0] += 0.25
    client.log_metric(run, "known_macro_f1", 0.5)
    client.log_dict(run, {"sessions": changed}, SESSION_SCORES_FILE)
    client.log_dict(run, {"predictions": predictions}, "example_predictions.json")
    client.set_model_version_tag(released.model.registered_name, "1", "environment_digest", "0" * 32)
    try:
        found = released.again()
    finally:
        client.log_metric(run, "known_macro_f1", released.model.metrics["known_macro_f1"])
        client.log_dict(run, {"sessions": scores}, SESSION_SCORES_FILE)
        client.log_dict(run, {"predictions": list(kept.example_predictions)}, "example_predictions.json")
        client.set_model_version_tag(released.model.registered_name, "1", "environment_digest", digest)
    assert not found.is_equal
    assert found.differences[0] == (
        f"1 of {len(kept.metrics)} metrics: known_macro_f1 was 0.5, is {released.model.metrics['known_macro_f1']!r}."
    )
    assert found.differences[1].startswith("Predictions of the input example: 1 of ")
    assert found.differences[1].endswith(" by up to 0.25.")
    assert f"Scores of 1 of {len(scores)} held-out sessions, {scores[0]['session_id']}" in found.differences[2]
    assert len(found.differences) == 3
    [made] = found.made_otherwise
    assert "the environment (interpreter, libraries, engine or lock file) is another" in made
    assert f"{'0' * 32} then, {digest} now" in made
    assert found.remarks == (
        f"Beware: {FLIGHT_SAMPLES.name} was restored since; version {pinned} was read from its history.",
    )
    assert all(part in found.sentence for part in (*found.differences, made, *found.remarks))


def test_what_cannot_be_made_again_is_refused_in_words(released: Released) -> None:
    with pytest.raises(ValueError, match=f"of commit {COMMIT}, and the code of {'d' * 40} runs"):
        released.again(commit="d" * 40)
    with pytest.raises(NotReproducibleError, match="no version 9 in the registry"):
        reproduce(NAME, 9, COMMIT, released.engine, released.settings, print)
    elsewhere = train_model_of_no_release(released)
    with pytest.raises(NotReproducibleError, match=f"version {elsewhere} does not say where it comes from"):
        reproduce(NAME, elsewhere, COMMIT, released.engine, released.settings, print)


def train_model_of_no_release(released: Released) -> int:
    client = connect(released.settings)
    found = client.create_model_version(released.model.registered_name, "runs:/none/model", None)
    return int(found.version)


def test_gold_whose_files_were_removed_is_named(released: Released) -> None:
    """Last of the module: gold is not the same afterwards."""
    pinned = released.model.gold_versions[str(FLIGHT_SAMPLES.name)]
    DeltaTable(_folder(released)).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    with pytest.raises(NotReproducibleError, match=rf"{FLIGHT_SAMPLES.name} version {pinned}: its files were removed"):
        released.again()


def _folder(released: Released) -> str:
    folder = released.engine.folder(FLIGHT_SAMPLES.name)
    assert folder is not None
    return str(folder)


def _scored(released: Released) -> int:
    folder = Path(released.settings.home, "scored")
    return len(MlflowRegistry(released.settings).candidate(NAME, 1, folder).session_scores)
