"""The gates on versions that were really logged and registered, asked in a process of their own."""

from __future__ import annotations

import os
import types
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from pipelines.models.protocol import ModelCode
from pipelines.releases.gates import latency, size, smoke
from pipelines.releases.gates.candidate import Candidate
from pipelines.releases.gates.clean_process import Smoke, SmokeFailedError
from pipelines.releases.gates.clean_process import smoke as run_smoke
from pipelines.releases.gates.every_gate import GATES, judge
from pipelines.releases.gates.verdict import verdict
from pipelines.releases.provenance import Lineage
from pipelines.releases.registry import MlflowRegistry
from pipelines.settings import Settings
from pipelines.training.registration import find_version, log_run, register_run
from pipelines.training.registry import SESSION_SCORES_FILE
from pipelines_tests.releases.gates.made import FULL_METRICS, MODEL, manifest, scoring, session
from pipelines_tests.releases.registered import identity, logged_run, production

pytestmark = pytest.mark.slow

FEATURES = ["x", "y"]


def register(site: Settings, commit: str, found: int, estimator: Any = None, features: list[str] = FEATURES) -> int:
    """A version as `log` makes it."""
    return register_run(site, manifest(), log(site, commit, found, estimator, features)).version


def log(site: Settings, commit: str, found: int, estimator: Any = None, features: list[str] = FEATURES) -> str:
    """A finished run whose held-out sessions hold `found` found upsets of ten."""
    random = np.random.default_rng(1)
    rows = pd.DataFrame(random.normal(size=(60, len(features))), columns=pd.Index(features))
    fitted = estimator or LogisticRegression().fit(rows, rows["x"] > 0)
    documents = {SESSION_SCORES_FILE: {"sessions": [session(n, found, aircraft_type="c172p") for n in range(6)]}}
    return log_run(
        site,
        manifest(),
        cast("ModelCode", types.SimpleNamespace(SKOPS_TRUSTED_TYPES=())),
        fitted,
        rows.head(5),
        metrics=FULL_METRICS,
        baseline_metrics={"known_upset_recall": 0.5},
        figures={},
        card="# A card",
        tags={**Lineage(commit, "Ana", "run").tags, **identity(MODEL, commit).tags},
        documents=documents,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A registry with two versions: a good one, and one that finds fewer upsets and needs one feature more."""
    site = production(tmp_path_factory.mktemp("site"))
    assert register(site, "a" * 40, found=9) == 1
    assert register(site, "b" * 40, found=7, features=[*FEATURES, "z"]) == 2
    return site


@pytest.fixture(scope="module")
def candidates(site: Settings, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Candidate]:
    folder = tmp_path_factory.mktemp("artifacts")
    return {number: MlflowRegistry(site).candidate(MODEL, number, folder / str(number)) for number in (1, 2)}


def test_a_first_version_passes_by_its_thresholds(site: Settings, candidates: dict[int, Candidate]) -> None:
    assert MlflowRegistry(site).orphans(MODEL) == {}
    assert candidates[1].metrics == FULL_METRICS
    results = judge(manifest(), scoring(), candidates[1], None)
    assert tuple(result.gate for result in results) == GATES
    assert [result.sentence for result in results if not result.passed] == []
    by_gate = {result.gate: result for result in results}
    assert by_gate[smoke.GATE].numbers == {"largest_difference": 0.0, "rows": 5.0}
    assert 0 < by_gate[latency.GATE].numbers["predict_milliseconds"] < 500
    assert 0 < by_gate[size.GATE].numbers["megabytes"] < 1
    assert not by_gate["not_worse_than_champion"].judged
    assert verdict({MODEL: manifest()}, {MODEL: results}).passed


def test_a_worse_version_is_stopped_with_its_numbers(candidates: dict[int, Candidate]) -> None:
    results = judge(manifest(), scoring(), candidates[2], candidates[1])
    failed = {result.gate: result.sentence for result in results if not result.passed}
    assert set(failed) == {"not_worse_than_champion", "no_slice_worse", "signature_is_compatible"}
    assert "known_upset_recall is 0.7, version 1's is 0.9 on the same 6 sessions" in failed["not_worse_than_champion"]
    assert "aircraft_type c172p: known_upset_recall is 0.7" in failed["no_slice_worse"]
    assert "input z is new and required" in failed["signature_is_compatible"]
    found = verdict({MODEL: manifest()}, {MODEL: results}, {MODEL: 1})
    assert not found.passed
    assert "0.15 more than the margin 0.05" in found.sentence


def test_the_clean_process_sees_nothing_of_this_one(
    candidates: dict[int, Candidate], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit('the environment leaked')", encoding="utf-8")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://nowhere.invalid")
    assert candidates[1].folder is not None
    found = run_smoke(candidates[1].folder)
    assert smoke.judge(candidates[1], found).passed
    assert os.environ["MLFLOW_TRACKING_URI"] == "http://nowhere.invalid"


def test_an_answer_that_is_not_that_of_the_training_fails(candidates: dict[int, Candidate]) -> None:
    other = Smoke([[0.5, 0.5]] * 5, 0.1, 1.0)
    differs = smoke.judge(candidates[1], other)
    assert not differs.passed
    assert "differs by up to" in differs.sentence
    assert (
        "shape (4, 2), at the training it had the shape (5, 2)"
        in smoke.judge(candidates[1], Smoke([[0.5, 0.5]] * 4, 0.1, 1.0)).sentence
    )
    nan = smoke.judge(candidates[1], Smoke([[float("nan"), 0.5]] * 5, 0.1, 1.0))
    assert "not finite numbers, such as NaN" in nan.sentence


def test_a_run_that_died_before_its_registration_is_registered_once(site: Settings) -> None:
    digest, registry = identity(MODEL, "d" * 40).digest, MlflowRegistry(site)
    logged_run(site, identity(MODEL, "d" * 40))  # it lost its model
    logged_run(site, identity(MODEL, "d" * 40), "RUNNING")  # killed
    assert find_version(site, manifest(), digest) is None
    run_id = log(site, "d" * 40, found=9)
    assert registry.version_of(MODEL, digest) is None
    first = find_version(site, manifest(), digest)
    assert first is not None
    assert (first.run_id, first.card, first.reused) == (run_id, "# A card", False)
    again = find_version(site, manifest(), digest)
    assert again is not None
    assert (again.version, again.reused) == (first.version, True)
    assert registry.version_of(MODEL, digest) == first.version
    assert first.version not in registry.orphans(MODEL)
    assert first.tags["commit"] == "d" * 40


def test_a_model_that_predicts_nan_is_refused(site: Settings, tmp_path: Path) -> None:
    broken = LogisticRegression().fit(pd.DataFrame({"x": [0.0, 1.0], "y": [1.0, 0.0]}), [False, True])
    broken.intercept_ = np.array([np.nan])
    version = register(site, "c" * 40, found=9, estimator=broken)
    candidate = MlflowRegistry(site).candidate(MODEL, version, tmp_path)
    failed = [result for result in judge(manifest(), scoring(), candidate, None) if not result.passed]
    assert [result.gate for result in failed] == [smoke.GATE]
    assert "such as NaN" in failed[0].sentence


def test_an_artifact_that_cannot_be_loaded_fails_with_what_was_said(site: Settings, tmp_path: Path) -> None:
    candidate = MlflowRegistry(site).candidate(MODEL, 1, tmp_path)
    assert candidate.folder is not None
    next(candidate.folder.glob("*.skops")).write_bytes(b"not a zip file")
    results = {result.gate: result for result in judge(manifest(), scoring(), candidate, None)}
    assert not results[smoke.GATE].passed
    assert "BadZipFile" in results[smoke.GATE].sentence
    assert not results[latency.GATE].judged
    with pytest.raises(SmokeFailedError, match=r"no answer within 0\.01 s"):
        run_smoke(candidate.folder, time_limit_s=0.01)


def test_budgets_that_are_overdrawn_fail_by_how_much(candidates: dict[int, Candidate]) -> None:
    tight = manifest(budgets={"predict_milliseconds": 2, "load_seconds": 0.5, "size_megabytes": 0.000001})
    slow = latency.judge(tight, Smoke([], load_seconds=0.75, predict_milliseconds=5.0))
    assert not slow.passed
    assert "3.0 ms above its budget of 2 ms and loading is 0.25 s above its budget of 0.5 s" in slow.sentence
    large = size.judge(tight, candidates[1])
    assert not large.passed
    assert "MB above its budget" in large.sentence
