"""A data scientist's branch: schemas and keys of its own over gold that everyone shares."""

from __future__ import annotations

import dagster as dg
import pytest

from pipelines.branches import branch_schema
from pipelines.definitions import development
from pipelines.environments import settings_from
from pipelines.models.manifest import load_manifests
from pipelines.tables.contracts import GOLD


def test_a_branch_has_models_and_predictions_of_its_own():
    settings = settings_from({"PIPELINES_BRANCH": "ana"})
    assert (settings.model_schema, settings.prediction_schema) == ("dev.dev_ana", "dev.dev_ana")
    assert settings.remote is not None
    assert settings.remote.tags["cost_center"] == "dev_ana"


def test_production_has_no_branches():
    assert settings_from({"PIPELINES_BRANCH": "ana"}, "production") == settings_from({}, "production")


@pytest.mark.parametrize(
    ("one", "other"),
    [("ana/stalls", "ana-stalls"), ("Ana", "ana"), ("ü", "ö"), ("a" * 60, "a" * 61), ("main", "main ")],
)
def test_two_branches_never_share_a_schema(one: str, other: str):
    assert branch_schema(one) != branch_schema(other)
    assert all(branch_schema(name).isidentifier() and branch_schema(name).islower() for name in (one, other))


def test_on_a_branch_gold_is_only_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PIPELINES_BRANCH", "ana")
    graph = development().get_repository_def().asset_graph
    assert {tuple(key.path[:2]) for key in graph.materializable_asset_keys} == {("dev", "dev_ana")}
    assert len(graph.materializable_asset_keys) == 2 * len(load_manifests())
    assert all(not graph.get(dg.AssetKey(contract.name.asset_key)).is_materializable for contract in GOLD)


def test_a_branch_predicts_by_its_own_job(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PIPELINES_BRANCH", "ana")
    job = development().get_repository_def().get_job("predict")
    tables = {("dev", "dev_ana", manifest.prediction.table) for manifest in load_manifests().values()}
    assert {tuple(key.path) for key in job.asset_layer.executable_asset_keys} == tables
