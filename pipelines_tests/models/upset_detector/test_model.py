"""The upset detector on drawn flights: stalls that are hard to see and steep turns that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F

from pipelines.engines.engine import Engine
from pipelines.models.manifest import load_manifest
from pipelines.models.upset_detector import model
from pipelines.models.upset_detector.members import MEMBER_SCHEMA, fit_members
from pipelines.models.upset_detector.windows import FEATURES, windows_of
from pipelines.training.inference import load_estimator, predictions_of, save_estimator
from pipelines_tests.flight.flown_session import FlownSession
from pipelines_tests.models.drawn_gold import gold_of

MANIFEST = load_manifest(Path(model.__file__).with_name("model.yaml"))
PARAMETERS = MANIFEST.parameters


def _airwork(seed: int) -> pd.DataFrame:
    """Ten minutes of straight flight, steep turns, and two stalls whose break is an instant of falling nose."""
    random = np.random.default_rng(seed)
    flown = FlownSession(3000, 95)
    stalls = []
    for _ in range(2):
        flown.fly(int(random.integers(40, 80)), 3000, 95)
        flown.fly(int(random.integers(25, 40)), 3000, 95, bank_deg=45, turn_deg=360)
        flown.fly(30, 3000, float(random.uniform(46, 52)))
        stalls.append(flown.second)
        flown.fly(5, 2850, 60).fly(30, 3000, 95)
    samples = flown.fly(60, 3000, 95).samples()
    samples["is_upset"] = False
    for stall in stalls:
        samples.loc[stall - 8 : stall, "pitch_deg"] = np.linspace(6, 16, 9)
        samples.loc[stall + 1 : stall + 5, "pitch_deg"] = [8, -2, -8, -6, -2]
        samples.loc[stall + 1 : stall + 3, "normal_acceleration_g"] = 0.65
        samples.loc[stall : stall + 3, "is_upset"] = True
    noise = random.normal(0, 1, (len(samples), 3))
    samples[["pitch_deg", "roll_deg", "indicated_airspeed_kt"]] += noise * [0.5, 1.0, 0.7]
    return samples


@pytest.fixture(scope="module")
def examples(module_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Any:
    gold = gold_of(module_engine.spark, {f"s{seed:02}": _airwork(seed) for seed in range(14)})
    rows = model.features(gold, PARAMETERS)
    number = F.substring("session_id", 2, 2).cast("int")
    rows = rows.withColumn("split", F.when(number < 8, "train").when(number < 10, "validation").otherwise("test"))
    folder = f"file://{tmp_path_factory.mktemp('examples') / 'rows'}"
    rows.write.parquet(folder)
    return module_engine.spark.read.parquet(folder)


@pytest.fixture(scope="module")
def estimator(examples: Any) -> Any:
    return model.fit(examples.where(F.col("split") != "test"), PARAMETERS)


def _test_rows(examples: Any) -> pd.DataFrame:
    return examples.where(F.col("split") == "test").toPandas().sort_values(["session_id", "second"])


def _predicted(estimator: Any, rows: pd.DataFrame) -> pd.DataFrame:
    return pd.concat(
        [
            model.predict(estimator, one.reset_index(drop=True), PARAMETERS).assign(session_id=name)
            for name, one in rows.groupby("session_id")
        ]
    ).reset_index(drop=True)


@pytest.mark.slow
def test_stalls_of_sessions_never_seen_are_found_and_steep_turns_are_no_alarm(examples: Any, estimator: Any) -> None:
    rows = _test_rows(examples)
    metrics = model.evaluate(rows, _predicted(estimator, rows), PARAMETERS).metrics
    assert metrics["upsets"] == 8
    assert metrics["upset_recall"] == 1.0
    assert metrics["false_alarms"] == 0
    assert metrics["alarm_seconds_per_upset_second"] < 2.5


@pytest.mark.slow
def test_one_session_alone_gets_the_rows_that_it_gets_in_a_batch(examples: Any, estimator: Any) -> None:
    saved = save_estimator(estimator)
    held_out = examples.where(F.col("split") == "test")
    together = predictions_of(MANIFEST, held_out, saved).toPandas()
    alone = predictions_of(MANIFEST, held_out.where("session_id = 's12'"), saved).toPandas()
    batch = together.query("session_id == 's12'").sort_values("event").reset_index(drop=True)
    assert len(batch) >= 2
    pd.testing.assert_frame_equal(batch, alone.sort_values("event").reset_index(drop=True))


def test_a_quiet_session_gives_no_rows_and_does_not_hold_up_the_others(engine: Engine) -> None:
    quiet = FlownSession(3000, 95).fly(120, 3000, 95).samples().assign(is_upset=False)
    gold = gold_of(engine.spark, {"quiet": quiet, "stalls": _airwork(3)})
    rows = predictions_of(MANIFEST, model.features(gold, PARAMETERS), b"", "baseline").toPandas()
    assert set(rows["session_id"]) == {"stalls"}


@pytest.mark.slow
def test_a_saved_estimator_keeps_its_threshold_and_its_scores(examples: Any, estimator: Any) -> None:
    loaded = load_estimator(save_estimator(estimator), model.SKOPS_TRUSTED_TYPES)
    rows = _test_rows(examples)
    assert loaded.threshold == estimator.threshold
    pd.testing.assert_frame_equal(_predicted(loaded, rows), _predicted(estimator, rows))


@pytest.mark.slow
def test_members_are_fitted_for_every_candidate_and_fold_and_again_the_same(examples: Any) -> None:
    train = examples.where("split = 'train'")
    candidates = [PARAMETERS["candidates"][0], PARAMETERS["candidates"][0] | {"max_leaf_nodes": 6, "max_features": 0.2}]
    fitted = fit_members(train, candidates, 2, 7)
    assert fitted.columns.tolist() == [part.split()[0] for part in MEMBER_SCHEMA.split(", ")]
    assert fitted[["candidate", "fold"]].to_numpy().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    again = fit_members(train, candidates, 2, 7)
    pd.testing.assert_frame_equal(fitted[["average_precision", "tallies"]], again[["average_precision", "tallies"]])


def test_a_missing_channel_is_null_in_its_features_and_leaves_the_others() -> None:
    whole = _airwork(1)
    blanked = windows_of(whole.assign(normal_acceleration_g=np.nan, heading_deg=np.nan, track_deg=np.nan), "c172s")
    features = windows_of(whole, "c172s")
    assert np.isnan(blanked["load_factor_g"].to_numpy()).all()
    assert np.isnan(blanked["turn_rate_size_dps"].to_numpy()).all()
    untouched = [name for name in FEATURES if not name.startswith(("load_factor", "turn_rate", "stall_ratio"))]
    pd.testing.assert_frame_equal(features[untouched], blanked[untouched])
    level_turn = (blanked["stall_ratio"] - features["stall_ratio"]).abs()
    assert level_turn[(whole["roll_deg"].abs() < 5) & (whole["normal_acceleration_g"] == 1)].max() < 0.02, (
        "the load of a level turn stands in"
    )


def test_windows_end_with_the_session_and_skip_gaps() -> None:
    seconds = _airwork(2)
    seconds.loc[100:110, [name for name in seconds.columns if name not in ("second", "is_gap", "is_upset")]] = np.nan
    features = windows_of(seconds, None)
    assert features.loc[100:110, "pitch_deg"].isna().all()
    assert features.loc[112, "pitch_deg_largest_past5"] == pytest.approx(seconds["pitch_deg"][111:113].max(), abs=1e-3)
    assert np.isnan(features["altitude_ft_change_next10"].iloc[-1])


def test_the_rule_gives_the_same_columns_and_an_empty_session_gives_none(examples: Any, estimator: Any) -> None:
    columns = [column.name for column in MANIFEST.prediction.columns]
    one = _test_rows(examples).query("session_id == 's12'").reset_index(drop=True)
    assert model.baseline(one, PARAMETERS).columns.tolist() == columns
    for rows in (model.predict(estimator, one.iloc[:0], PARAMETERS), model.baseline(one.iloc[:0], PARAMETERS)):
        assert rows.columns.tolist() == columns
        assert not len(rows)


def test_a_labelled_session_without_any_event_counts_with_its_hours_and_misses(examples: Any) -> None:
    rows = _test_rows(examples)
    nothing = pd.DataFrame({name: [] for name in ("session_id", *MANIFEST.prediction_column_names)})
    metrics = model.evaluate(rows, nothing, PARAMETERS).metrics
    assert (metrics["upset_recall"], metrics["false_alarms"], metrics["upsets"]) == (0.0, 0.0, 8.0)
    assert metrics["hours_flown"] > 0.4
