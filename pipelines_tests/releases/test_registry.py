"""Registered models on MLflow's own store: plans, aliases, versions, and what a crash or a race leaves behind."""

from __future__ import annotations

from contextlib import nullcontext
from itertools import count
from pathlib import Path

import pytest

from pipelines.engines.engine import Engine
from pipelines.releases.audit import AuditTable
from pipelines.releases.completion import PlanConflictError
from pipelines.releases.entry import By
from pipelines.releases.moves import Releases, UnfitVersionError
from pipelines.releases.plan import LONGEST_TAG, PLAN_TAG, Plan
from pipelines.releases.provenance import REQUIRED_TAGS, InvalidProvenanceError, Lineage
from pipelines.releases.registry import MlflowRegistry
from pipelines.releases.transitions import promote
from pipelines.settings import Settings
from pipelines.training.registry import connect, registered_name
from pipelines_tests.releases.memory import MemoryJournal
from pipelines_tests.releases.registered import identity, logged_run, production, registered_version

A, B = "a" * 40, "b" * 40
BY = By("run", "release")
numbers = count()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return production(tmp_path_factory.mktemp("site"))


@pytest.fixture
def model() -> str:
    """A model's name that no other test uses."""
    return f"model_{next(numbers)}"


def test_a_model_that_was_never_registered_has_the_empty_plan(site: Settings, model: str) -> None:
    found = MlflowRegistry(site).registered(model)
    assert (found.plan, dict(found.aliases)) == (Plan(), {})
    assert MlflowRegistry(site).versions(model) == []
    assert MlflowRegistry(site).why_unfit(model, 1) == "it is not in the registry"


def test_plan_and_aliases_come_back_as_written(site: Settings, model: str) -> None:
    registry = MlflowRegistry(site)
    version = registered_version(site, identity(model, A))
    assert (registry.registered(model).plan, dict(registry.registered(model).aliases)) == (Plan(), {})
    plan = promote(Plan(), version, A)
    registry.write_plan(model, plan)
    registry.point_alias(model, "champion", version)
    registry.point_alias(model, "previous", version)
    registry.drop_alias(model, "previous")
    assert registry.registered(model).plan == plan
    assert registry.registered(model).aliases == {"champion": version}
    connect(site).set_registered_model_tag(registered_name(site, model), PLAN_TAG, '{"layout":1}')
    broken = registry.registered(model)
    assert broken.plan is None
    assert "keys revision, state are missing" in broken.problem


def test_an_outage_of_the_registry_is_no_empty_plan(tmp_path: Path, model: str) -> None:
    site = production(tmp_path)
    registered_version(site, identity(model, A))
    import sqlite3

    file = site.registry_uri.removeprefix("sqlite:///")
    with sqlite3.connect(file) as connection:
        connection.execute("ALTER TABLE registered_model_tags RENAME TO gone")
    with pytest.raises(Exception, match="no such table"):
        MlflowRegistry(site).registered(model)


def test_the_version_of_a_release_key_is_found_again(site: Settings, model: str) -> None:
    registry = MlflowRegistry(site)
    first = registered_version(site, identity(model, A))
    other_commit = registered_version(site, identity(model, B))
    other_gold = registered_version(site, identity(model, A, gold=2))
    assert registry.version_of(model, identity(model, A).digest) == first
    assert registry.version_of(model, identity(model, B).digest) == other_commit
    assert registry.version_of(model, identity(model, A, gold=2).digest) == other_gold
    assert registry.version_of(model, identity(model, "c" * 40).digest) is None
    assert [(one.version, one.release, dict(one.gold_versions), one.problem) for one in registry.versions(model)] == [
        (first, A, {"main.gold.sessions": 1}, ""),
        (other_commit, B, {"main.gold.sessions": 1}, ""),
        (other_gold, A, {"main.gold.sessions": 2}, ""),
    ]


def test_of_versions_that_raced_the_first_counts_and_the_others_never_serve(
    site: Settings, model: str, engine: Engine
) -> None:
    registry = MlflowRegistry(site)
    first, second = (registered_version(site, identity(model, A)) for _ in range(2))
    assert registry.version_of(model, identity(model, A).digest) == first
    assert registry.orphans(model) == {
        second: f"it is left over from a registration that raced: version {first} is the one of its release key"
    }
    releases = Releases(AuditTable(engine), registry, nullcontext)
    releases.request(A, [model], BY)
    with pytest.raises(UnfitVersionError, match=f"version {second}: it is left over"):
        releases.promote(A, {model: second}, BY)
    assert registry.registered(model).aliases == {}
    releases.promote(A, {model: first}, BY)
    assert registry.registered(model).aliases == {"champion": first}


def test_versions_that_are_not_ready_or_of_unknown_origin_never_serve(site: Settings, model: str) -> None:
    registry, client, name = MlflowRegistry(site), connect(site), registered_name(site, model)
    pending = registered_version(site, identity(model, A))
    _set_status(site, name, pending, "PENDING_REGISTRATION")
    client.create_model_version(name, "runs:/0/model", None)
    by_hand = pending + 1
    assert registry.orphans(model) == {
        pending: "it is PENDING_REGISTRATION, not READY: its registration was cut off",
        by_hand: f"it does not say where it comes from ({', '.join(REQUIRED_TAGS)} missing), so no release made it",
    }
    assert registry.version_of(model, identity(model, A).digest) is None


def test_runs_that_died_before_their_registration_are_listed(site: Settings, model: str) -> None:
    key = identity(model, A)
    killed, finished = logged_run(site, key, "RUNNING"), logged_run(site, key)
    registry = MlflowRegistry(site)
    assert registry.unregistered_runs(model, key.digest) == {killed: "RUNNING", finished: "FINISHED"}
    registered_version(site, key, finished)
    assert registry.unregistered_runs(model, key.digest) == {killed: "RUNNING"}


def test_a_tag_that_was_edited_in_mlflow_stops_the_moves(site: Settings, model: str) -> None:
    registry = MlflowRegistry(site)
    releases = Releases(MemoryJournal(), registry, nullcontext)
    versions = [registered_version(site, identity(model, commit)) for commit in (A, B)]
    for commit, version in zip((A, B), versions, strict=True):
        releases.request(commit, [model], BY)
        releases.promote(commit, {model: version}, BY)
    assert registry.registered(model).aliases == {"champion": versions[1], "previous": versions[0]}
    edited = promote(promote(Plan(), versions[1], B), versions[0], A)
    connect(site).set_registered_model_tag(registered_name(site, model), PLAN_TAG, edited.to_json())
    with pytest.raises(PlanConflictError, match=f"its tag is at revision 2 .*champion {versions[0]}"):
        releases.rollback(BY)
    releases.repair(By("Ana", "edited by mistake"))
    releases.rollback(BY)
    assert registry.registered(model).aliases == {"champion": versions[0]}


def test_who_approved_is_written_on_the_version(site: Settings, model: str) -> None:
    registry = MlflowRegistry(site)
    version = registered_version(site, identity(model, A))
    registry.approve(model, version, "Ana Pilot")
    assert registry.versions(model)[0].tags["approved_by"] == "Ana Pilot"
    for name in ("", "x" * 1001):
        with pytest.raises(ValueError, match="give 1 to 1000"):
            registry.approve(model, version, name)


def test_provenance_fits_unity_catalog() -> None:
    lineage = Lineage(A, "Ana\nPilot <ana@example.com>", "run-1", signer="SHA256:abc", databricks_run_id="42")
    tags = {**lineage.tags, **identity("m", A).tags}
    assert tags["author"] == "Ana Pilot <ana@example.com>"
    assert set(REQUIRED_TAGS) <= set(tags)
    assert len(tags) <= 50
    assert all(key.replace("_", "").isalnum() and key == key.lower() for key in tags)
    assert all(0 < len(value) <= LONGEST_TAG for value in tags.values())
    assert "signer" not in Lineage(A, "Ana", "run-1").tags
    with pytest.raises(InvalidProvenanceError, match="author has 2000 characters"):
        _ = Lineage(A, "x" * 2000, "run-1").tags
    with pytest.raises(InvalidProvenanceError, match="commit is 'main'"):
        _ = Lineage("main", "Ana", "run-1").tags


def _set_status(site: Settings, name: str, version: int, status: str) -> None:
    import sqlite3

    with sqlite3.connect(site.registry_uri.removeprefix("sqlite:///")) as connection:
        connection.execute(
            "UPDATE model_versions SET status = ? WHERE name = ? AND version = ?", (status, name, version)
        )
