"""A branch's training, as Dagster runs it: on main's gold or the newest, compared with main's model, main untouched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg
import pytest

from pipelines.assets.models import model_asset
from pipelines.branches import AS_MAIN, GOLD_CHOICE, NEWEST
from pipelines.cli.instance import open_instance
from pipelines.cli.validate import model_step, validations_of
from pipelines.engines.engine import Engine
from pipelines.environments import settings_from
from pipelines.models.manifest import load_manifests
from pipelines.resources import resources_for
from pipelines.settings import Settings
from pipelines.training.registry import CHAMPION, connect, registered_name, version_of_alias
from pipelines_tests.training.flown_gold import flights_by_part, write_gold

pytestmark = pytest.mark.slow

NAME = "maneuver_classifier"
MANIFEST = load_manifests()[NAME]


@dataclass(frozen=True)
class Trained:
    """Main's model, and gold that has grown since."""

    main: Settings
    branch: Settings
    metadata: dict[str, Any]
    """Of the materialization of main's model."""


def run(settings: Settings, gold: str | None = None) -> dg.ExecuteInProcessResult:
    """The model's asset in this process, over the real engine and registry."""
    asset = model_asset(MANIFEST, settings)
    job = dg.define_asset_job("validate", selection=[asset])
    definitions = dg.Definitions(assets=[asset], jobs=[job], resources=resources_for(settings))
    with open_instance(settings) as instance:
        return definitions.resolve_job_def("validate").execute_in_process(
            instance=instance, tags={GOLD_CHOICE: gold} if gold else None
        )


def metadata(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (event,) = result.get_asset_materialization_events()
    return {name: value.value for name, value in event.materialization.metadata.items()}


@pytest.fixture(scope="module")
def trained(module_engine: Engine) -> Iterator[Trained]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", "")  # so that what `open_instance` sets is undone
        home = {"PIPELINES_HOME": str(module_engine.folders.parent)}
        # Steps run in this process; the workspaces have tests of their own.
        main = replace(settings_from(home), remote=None)
        branch = replace(settings_from({**home, "PIPELINES_BRANCH": "ana"}), remote=None)
        write_gold(module_engine, flights_by_part(NAME, train=6, validation=1, known=3, unseen=3))
        found = metadata(run(main, AS_MAIN))
        write_gold(module_engine, flights_by_part(NAME, 1000, train=1, known=1, unseen=1))
        yield Trained(main, branch, found)


def test_main_itself_is_compared_with_nothing(trained: Trained) -> None:
    assert trained.metadata["version"] == 1
    assert not {"validation", "beside_main"} & set(trained.metadata)


def test_a_branch_is_trained_on_mains_gold_and_compared_in_pairs(trained: Trained) -> None:
    result = run(trained.branch, AS_MAIN)
    assert metadata(result)["gold_versions"] == trained.metadata["gold_versions"]
    (found,) = validations_of(trained.branch, result.run_id)
    assert (found.model, found.version, found.main_version, found.notes) == (NAME, 1, 1, ())
    for row in found.rows:
        part = row.metric.split("_")[0]
        assert row.paired is not None
        # The same code, data and parameters: the same answers, session by session.
        assert (row.paired.sessions, row.gain, row.model) == (found.sessions[part], 0.0, row.main)
        assert row.rule is not None
    (check,) = [each for each in result.get_asset_check_evaluations() if each.check_name == "not_worse_than_main"]
    assert check.passed
    assert check.severity == dg.AssetCheckSeverity.WARN
    assert "| known_macro_f1 |" in str(metadata(result)["beside_main"])


def test_on_newer_gold_it_says_so_and_compares_on_the_sessions_of_both(trained: Trained) -> None:
    result = run(trained.branch, NEWEST)
    (found,) = validations_of(trained.branch, result.run_id)
    (note,) = found.notes
    assert note.startswith("main's model was trained on other gold (main.gold.flight_samples version ")
    (on_main_gold,) = validations_of(trained.branch, run(trained.branch, AS_MAIN).run_id)
    for row, before in zip(found.rows, on_main_gold.rows, strict=True):
        part = row.metric.split("_")[0]
        assert row.paired is not None
        assert before.paired is not None
        assert row.paired.sessions == before.paired.sessions < found.sessions[part]
        assert row.paired.champion == before.main == row.main


def test_nothing_of_main_changes(trained: Trained, module_engine: Engine) -> None:
    client, shared = connect(trained.main), registered_name(trained.main, NAME)
    versions = [int(one.version) for one in client.search_model_versions(f"name='{shared}'")]
    tables = sorted(module_engine.folders.glob("*/*/*"))
    run(trained.branch, AS_MAIN)
    assert [int(one.version) for one in client.search_model_versions(f"name='{shared}'")] == versions
    assert version_of_alias(trained.main, NAME, CHAMPION) == 1
    assert version_of_alias(trained.branch, NAME, CHAMPION) >= 1
    assert sorted(module_engine.folders.glob("*/*/*")) == tables


def test_a_model_that_main_does_not_have_is_judged_by_its_bounds(trained: Trained) -> None:
    client, shared = connect(trained.main), registered_name(trained.main, NAME)
    client.delete_registered_model_alias(shared, CHAMPION)
    try:
        result = run(trained.branch, AS_MAIN)
    finally:
        client.set_registered_model_alias(shared, CHAMPION, "1")
    (found,) = validations_of(trained.branch, result.run_id)
    assert (found.main_version, found.rows[0].main) == (None, None)
    assert metadata(result)["gold_versions"] != trained.metadata["gold_versions"]


def test_the_command_names_steps_that_the_job_has(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.definitions import development

    monkeypatch.setenv("PIPELINES_BRANCH", "ana/stalls")
    settings = settings_from({"PIPELINES_BRANCH": "ana/stalls"})
    job = development().get_repository_def().get_job("validate")
    assert set(job.graph.node_dict) == {model_step(settings, name) for name in load_manifests()}
    assert job.tags[GOLD_CHOICE] == AS_MAIN
    only = job.get_subset(op_selection=[model_step(settings, NAME)])
    assert list(only.graph.node_dict) == [model_step(settings, NAME)]
