"""A commit with other manifests: the graph is chosen and the location loaded anew, and only then is it released."""

from __future__ import annotations

import re

import dagster as dg
import pytest

from pipelines.releases.release_graph import released_models_folder
from pipelines_tests.releases.git.origin import Origin
from pipelines_tests.sensors.branch_stage import Stage, WebServer
from pipelines_tests.sensors.made_model import model_files


def models_of(stage: Stage) -> set[str]:
    """The models that the location's graph has."""
    keys = stage.definitions.get_repository_def().asset_graph.executable_asset_keys
    return {key.path[-1] for key in keys if key.path[:2] == ["prod", "models"]}


def test_a_model_that_is_added_is_in_the_graph_before_its_release(
    stage: Stage, origin: Origin, dagster_server: WebServer
):
    running = stage.start(stage.asked(), dg.DagsterRunStatus.QUEUED)
    head = origin.commit(model_files("kite"))
    told = stage.words()
    assert told == f"The code location is loaded anew: commit {head[:12]} gives another graph (kite)."
    (asked,) = dagster_server.asked
    assert asked["variables"] == {"repositoryLocationName": "production"}
    assert stage.run(running).status == dg.DagsterRunStatus.QUEUED, "until the newer one really begins"
    assert models_of(stage) == {"glider"}
    stage.reload()
    assert models_of(stage) == {"glider", "kite"}
    assert stage.asked().partition_key == head
    assert stage.run(running).status == dg.DagsterRunStatus.CANCELED
    assert len(dagster_server.asked) == 1


def test_a_model_that_is_removed_is_no_longer_in_the_graph(stage: Stage, origin: Origin, dagster_server: WebServer):
    origin.commit(model_files("kite"))
    stage.words()
    stage.reload()
    stage.released(stage.asked(), {"glider": 1, "kite": 1})
    origin.git("rm", "-r", "-q", "pipelines/models/kite")
    head = origin.commit()
    assert "gives another graph (kite)" in stage.words()
    stage.reload()
    assert models_of(stage) == {"glider"}
    assert stage.asked().partition_key == head
    assert len(dagster_server.asked) == 2


def test_a_manifest_that_is_changed_is_loaded_first(stage: Stage, origin: Origin):
    head = origin.commit(model_files("glider", owner="another-team"))
    assert "gives another graph (glider)" in stage.words()
    stage.reload()
    assert stage.asked().partition_key == head


def test_manifests_that_give_no_graph_are_refused_and_the_location_stays_as_it_is(
    stage: Stage, origin: Origin, dagster_server: WebServer, monkeypatch: pytest.MonkeyPatch
):
    # As if Dagster had a rule that those for manifests do not know.
    monkeypatch.setattr("pipelines.models.manifest._ADDRESS", re.compile(".*"))
    head = origin.commit(model_files("kite", owner="@ana"))
    told = stage.words()
    assert told.startswith(f"Commit {head[:12]} cannot be released: no graph can be made of its manifests: ")
    assert "Invalid owner '@ana'" in told
    assert told.endswith("Push a newer commit that mends it.")
    assert dagster_server.asked == []
    stage.reload()
    assert models_of(stage) == {"glider"}, "or nobody would see the commit that mends it"
    better = origin.commit(model_files("kite"))
    stage.words()
    stage.reload()
    assert stage.asked().partition_key == better


def test_without_a_web_server_the_tick_says_so_and_nothing_is_released(
    stage: Stage, origin: Origin, dagster_server: WebServer
):
    origin.commit(model_files("kite"))
    dagster_server.close()
    told = stage.words()
    assert "gives another graph (kite)" in told
    assert "start its web server, or correct the address" in told
    assert stage.settings.dagster_url in told


def test_a_location_that_does_not_load_is_told_and_asked_for_again(
    stage: Stage, origin: Origin, dagster_server: WebServer
):
    head = origin.commit(model_files("kite"))
    dagster_server.loads = False
    assert "ModuleNotFoundError: no module named x" in stage.words()
    dagster_server.loads = True
    assert "is loaded anew" in stage.words()
    stage.reload()
    assert stage.asked().partition_key == head


def test_the_chosen_graph_outlives_the_checkouts_that_come_after_it(stage: Stage, origin: Origin):
    for name in ("kite", "sailplane", "balloon"):
        origin.commit(model_files(name))
        stage.words()
        stage.reload()
        stage.released(stage.asked(), {"glider": 1})
    assert released_models_folder(stage.settings).joinpath("balloon", "model.yaml").is_file()
    assert models_of(stage) == {"glider", "kite", "sailplane", "balloon"}
