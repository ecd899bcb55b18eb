"""The approach model on approaches whose outcome follows from what is drawn before the gate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipelines.models.approach_stability import model
from pipelines.models.approach_stability.scores import area_under_roc, calibration_error, excess_calibration_error
from pipelines.models.approach_stability.windows import describe_window
from pipelines.models.manifest import load_manifest
from pipelines.training.inference import load_estimator, save_estimator
from pipelines_tests.flight.flown_session import FlownSession

PARAMETERS = load_manifest(Path(model.__file__).with_name("model.yaml")).parameters
PREDICTED = [c.name for c in load_manifest(Path(model.__file__).with_name("model.yaml")).prediction.columns]


def _example(session_id: str, speed_kt: float, sink_fpm: float) -> dict[str, Any]:
    samples = FlownSession().circuit().fly(15, 1000, speed_kt).final(speed_kt=speed_kt, sink_fpm=sink_fpm).samples()
    height = samples["altitude_msl_ft"] - samples["altitude_msl_ft"].iloc[-1]
    gate = int(np.flatnonzero(height > 500)[-1]) + 1
    window = samples[samples["second"].between(gate - 60, gate - 1)].assign(gate_second=gate)
    features, is_known = describe_window(window, "c172s")
    held = {"speed_stable": 58 <= speed_kt <= 73, "sink_stable": sink_fpm <= 1000, "bank_stable": True}
    return {
        "session_id": session_id,
        "aircraft_type": "c172s",
        "approach": 1,
        "gate_second": gate,
        "end_second": int(samples["second"].iloc[-1]),
        "outcome": "landing",
        "is_known": is_known,
        "is_stable": all(held.values()),
        **held,
        "failed_criteria": [name.removesuffix("_stable") for name, one in held.items() if not one],
        **features,
    }


@pytest.fixture(scope="module")
def examples() -> pd.DataFrame:
    random = np.random.default_rng(3)
    speeds = np.r_[random.uniform(60, 71, 40), random.uniform(77, 90, 25), random.uniform(60, 71, 15)]
    sinks = np.r_[random.uniform(400, 800, 65), random.uniform(1150, 1500, 15)]
    return pd.DataFrame([_example(f"s{n:03}", speeds[n], sinks[n]) for n in range(80)])


@pytest.fixture(scope="module")
def estimator(examples: pd.DataFrame) -> Any:
    return model.fit_estimator(examples.iloc[::2].reset_index(drop=True), PARAMETERS)


def _predicted(estimator: Any, examples: pd.DataFrame) -> pd.DataFrame:
    sessions = examples.groupby("session_id")
    return pd.concat(
        [
            model.predict(estimator, one.reset_index(drop=True), PARAMETERS).assign(session_id=name)
            for name, one in sessions
        ]
    ).reset_index(drop=True)


def test_unseen_approaches_are_foreseen_with_their_failing_criteria(estimator: Any, examples: pd.DataFrame) -> None:
    held_out = examples.iloc[1::2].reset_index(drop=True)
    metrics = model.evaluate(held_out, _predicted(estimator, held_out), PARAMETERS).metrics
    assert metrics["auroc"] > 0.97
    assert metrics["criteria_f1"] > 0.85
    assert metrics["brier"] < metrics["brier_of_share"] / 2
    assert metrics["foreseen_share"] == 1.0


def test_a_saved_estimator_foresees_the_same_and_its_criteria_survive(estimator: Any, examples: pd.DataFrame) -> None:
    loaded = load_estimator(save_estimator(estimator), model.SKOPS_TRUSTED_TYPES)
    pd.testing.assert_frame_equal(_predicted(loaded, examples), _predicted(estimator, examples))
    assert _predicted(loaded, examples)["sink_risk"].max() > 0.6


def test_the_same_examples_give_the_same_estimator(estimator: Any, examples: pd.DataFrame) -> None:
    again = model.fit_estimator(examples.iloc[::2].reset_index(drop=True), PARAMETERS)
    pd.testing.assert_frame_equal(_predicted(again, examples), _predicted(estimator, examples))


def test_what_cannot_be_foreseen_says_why_and_claims_nothing(estimator: Any, examples: pd.DataFrame) -> None:
    rows = examples.head(3).copy()
    rows["approach"] = [1, 2, 3]
    rows.loc[1, "is_known"] = False
    rows.loc[2, ["is_known", "aircraft_type"]] = [False, None]
    for predicted in (model.predict(estimator, rows, PARAMETERS), model.baseline(rows, PARAMETERS)):
        assert predicted["status"].tolist() == ["foreseen", "not_recorded", "aircraft_type_unknown"]
        unknown = predicted.iloc[1:]
        assert unknown[["stable_probability", "speed_risk", "sink_risk", "bank_risk"]].isna().all().all()
        assert unknown["expected_stable"].isna().all()
        assert unknown["expected_failures"].isna().all()
        assert list(predicted.columns) == PREDICTED


def test_the_rule_foresees_what_is_out_of_limits_before_the_gate(examples: pd.DataFrame) -> None:
    rows = model.baseline(examples, PARAMETERS)
    assert rows["expected_failures"].tolist() == examples["failed_criteria"].tolist()
    assert rows["expected_stable"].tolist() == examples["is_stable"].tolist()


def test_a_criterion_that_never_failed_in_training_is_foreseen_at_its_share(
    estimator: Any, examples: pd.DataFrame
) -> None:
    assert _predicted(estimator, examples)["bank_risk"].nunique() == 1
    assert _predicted(estimator, examples)["bank_risk"].iloc[0] < 0.05


def test_an_outcome_that_a_single_session_shows_is_learned_without_calibration(examples: pd.DataFrame) -> None:
    few = examples.iloc[40:80].reset_index(drop=True)
    failing = ~few["sink_stable"].to_numpy(dtype=bool)
    few.loc[failing, "session_id"] = "s_one"
    fitted = model.fit_estimator(few.sort_values(["session_id", "approach"]).reset_index(drop=True), PARAMETERS)
    foreseen = _predicted(fitted, few)
    assert np.isfinite(foreseen["sink_risk"].to_numpy(dtype=float)).all()
    risks = foreseen["sink_risk"].to_numpy(dtype=float)
    there = foreseen["session_id"].to_numpy() == "s_one"
    assert risks[there].mean() > 2 * risks[~there].mean()


def test_area_under_roc_and_calibration_error_on_cases_done_by_hand() -> None:
    truth = np.array([True, False, True, False])
    assert area_under_roc(truth, np.array([0.9, 0.8, 0.7, 0.1])) == pytest.approx(0.75)
    assert area_under_roc(truth, np.full(4, 0.5)) == pytest.approx(0.5)
    assert np.isnan(area_under_roc(np.array([True]), np.array([0.5])))
    assert calibration_error(np.array([True] * 5 + [False] * 5), np.full(10, 0.5)) == pytest.approx(0.5)
    assert calibration_error(np.array([True] * 5 + [False] * 5), np.r_[np.ones(5), np.zeros(5)]) == pytest.approx(0.0)


def test_of_the_calibration_error_only_what_is_more_than_chance_counts() -> None:
    random = np.random.default_rng(5)
    drawn = [(probability, random.random(20) < probability) for probability in random.random((40, 20))]
    assert np.mean([calibration_error(held, probability) for probability, held in drawn]) > 0.1, "twenty scatter"
    assert np.mean([excess_calibration_error(held, probability) for probability, held in drawn]) < 0.05
    assert excess_calibration_error(np.array([False] * 10), np.full(10, 1.0)) == pytest.approx(1.0)
    assert np.isnan(excess_calibration_error(np.array([], dtype=bool), np.array([])))


def test_figures_are_drawn(estimator: Any, examples: pd.DataFrame) -> None:
    figures = model.evaluate(examples, _predicted(estimator, examples), PARAMETERS).figures
    assert set(figures) == {"calibration", "precision_recall"}
    for draw in figures.values():
        assert draw().axes[0].lines
