"""One training and its predictions on drawn flights, from attested gold to rows in the prediction table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from pipelines.engines.engine import Engine
from pipelines.environments import settings_from
from pipelines.flight.maneuvers import MANEUVERS
from pipelines.models.manifest import load_manifests
from pipelines.models.prediction_tables import judgement_contract, prediction_contract
from pipelines.models.session_scoring import load_session_scoring
from pipelines.releases.gates.every_gate import judge
from pipelines.releases.registry import MlflowRegistry
from pipelines.settings import Settings
from pipelines.tables.attestation import UnattestedHistoryError
from pipelines.tables.contract import TableName
from pipelines.tables.contracts import FLIGHT_SAMPLES, GOLD_SESSIONS
from pipelines.tables.history import current_version
from pipelines.training.identity import identity_of
from pipelines.training.predict import OtherFeaturesError, UnknownSessionError, predict_sessions
from pipelines.training.registry import (
    FEATURES_TAG,
    IDENTITY_TAG,
    TrainedModel,
    UnknownModelVersionError,
    connect,
    describe_version,
    point_alias,
    saved_estimator,
    version_of_alias,
)
from pipelines.training.train import train_model
from pipelines_tests.training.flown_gold import drawn_flight, write_gold

pytestmark = pytest.mark.slow

NAME = "maneuver_classifier"
SEGMENTS = TableName("dev", "predictions", "maneuver_segments")
LEDGER = judgement_contract("dev.predictions").name


@dataclass(frozen=True)
class Trained:
    engine: Engine
    settings: Settings
    model: TrainedModel
    stages: list[str]


@pytest.fixture(scope="module")
def trained(module_engine: Engine) -> Trained:
    """Twenty flights, four of them of the unseen type, and a version trained on them."""
    settings = settings_from({"PIPELINES_HOME": str(module_engine.folders.parent)})
    types = ["c172p", "c172r", "c172x", "c172p", "c182"]
    flights = {f"{number:016x}": (types[number % 5], drawn_flight(number, types[number % 5])) for number in range(20)}
    write_gold(module_engine, flights)
    stages: list[str] = []
    model = train_model(NAME, module_engine, settings, {"dagster_run_id": "run-1"}, stages.append)
    return Trained(module_engine, settings, model, stages)


def rows_of(trained: Trained, session_ids: list[str]) -> pd.DataFrame:
    table = trained.engine.table(SEGMENTS).toPandas()
    chosen = table.loc[table["session_id"].isin(session_ids)].drop(columns="predicted_at")
    return chosen.sort_values(by=["session_id", "segment"]).reset_index(drop=True)


def test_version_is_registered_with_all_that_explains_it(trained: Trained) -> None:
    model = trained.model
    assert (model.registered_name, model.version, model.reused) == (f"dev.models.{NAME}", 1, False)
    assert model.gold_versions == {
        str(contract.name): current_version(trained.engine, contract.name)
        for contract in (GOLD_SESSIONS, FLIGHT_SAMPLES)
    }
    assert {"known_macro_f1", "unseen_macro_f1", "blanked_macro_f1"} <= set(model.metrics)
    assert model.metrics["known_macro_f1"] > 0.9
    assert {"known_macro_f1", "unseen_macro_f1"} <= set(model.baseline_metrics)
    assert {"known_confusion_matrix", "baseline_known_confusion_matrix", "feature_importance"} <= set(model.figures)
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in model.figures.values())
    assert model.tags["dagster_run_id"] == "run-1"
    assert all(len(value) <= 1000 for value in model.tags.values())
    assert all(key == key.lower() and " " not in key for key in model.tags)
    assert f"| macro_f1 | {model.metrics['known_macro_f1']:.3f} |" in model.card
    assert trained.stages[-1] == "registering"


def test_registry_holds_signature_example_and_no_pickle(trained: Trained) -> None:
    from mlflow.artifacts import download_artifacts
    from mlflow.models import get_model_info

    connect(trained.settings)
    uri = f"models:/{trained.model.registered_name}/1"
    information = get_model_info(uri)
    assert information.signature is not None
    assert information.signature.inputs is not None
    assert information.signature.outputs is not None
    assert information.saved_input_example_info is not None
    files = [file.name for file in Path(download_artifacts(uri)).rglob("*") if file.is_file()]
    assert [name for name in files if name.endswith(".skops")]
    assert not [name for name in files if name.endswith((".pkl", ".pickle", ".joblib"))]
    client = connect(trained.settings)
    assert client.get_model_version(trained.model.registered_name, "1").description == trained.model.card
    parameters = client.get_run(trained.model.run_id).data.params
    assert parameters["seed"] == str(load_manifests()[NAME].parameters["seed"])


def test_held_out_sessions_are_logged_one_by_one_and_add_up(trained: Trained, tmp_path: Path) -> None:
    scoring = load_session_scoring(NAME)
    assert scoring is not None
    candidate = MlflowRegistry(trained.settings).candidate(NAME, trained.model.version, tmp_path)
    assert {row["aircraft_type"] for row in candidate.session_scores if row["part"] == "unseen"} == {"c182"}
    assert {(row["source_format"], row["source_digest"]) for row in candidate.session_scores} == {("drawn", "first")}
    for part in ("known", "unseen"):
        counts = [row["counts"] for row in candidate.session_scores if row["part"] == part]
        assert scoring.metrics_of(counts)["macro_f1"] == pytest.approx(trained.model.metrics[f"{part}_macro_f1"])
    results = judge(load_manifests()[NAME], scoring, candidate, candidate)
    assert [result.sentence for result in results if not result.passed] == []
    assert next(result for result in results if result.gate == "answers_in_a_clean_process").numbers["rows"] == 5


def test_a_release_has_versions_of_its_own(trained: Trained) -> None:
    manifest, engine = load_manifests()[NAME], trained.engine.name
    plain = identity_of(manifest, engine, trained.model.gold_versions)
    assert trained.model.tags[IDENTITY_TAG] == plain.digest
    assert set(plain.tags.items()) <= set(trained.model.tags.items())
    released = identity_of(manifest, engine, trained.model.gold_versions, "a" * 40)
    assert released.digest != plain.digest
    assert released.tags["commit"] == "a" * 40


def test_an_alias_names_the_version_it_was_pointed_at_last(trained: Trained) -> None:
    with pytest.raises(UnknownModelVersionError, match="no version with the alias spare"):
        version_of_alias(trained.settings, NAME, "spare")
    point_alias(trained.settings, NAME, "spare", trained.model.version)
    point_alias(trained.settings, NAME, "spare", trained.model.version)
    assert version_of_alias(trained.settings, NAME, "spare") == trained.model.version


def test_same_data_and_code_give_the_existing_version(trained: Trained) -> None:
    again = train_model(NAME, trained.engine, trained.settings, {"dagster_run_id": "run-2"})
    assert again.reused
    assert (again.version, again.run_id, again.card) == (1, trained.model.run_id, trained.model.card)
    assert again.metrics == trained.model.metrics
    client = connect(trained.settings)
    assert len(client.search_model_versions(f"name='{trained.model.registered_name}'")) == 1


def test_one_session_gets_the_same_rows_alone_and_in_a_batch(trained: Trained) -> None:
    alone = f"{7:016x}"
    first = predict_sessions(NAME, 1, trained.engine, trained.settings, [alone])
    assert first.judged == (alone,)
    by_itself = rows_of(trained, [alone])
    assert first.rows == len(by_itself) > 5
    trained.engine.spark.sql(f"DELETE FROM {SEGMENTS} WHERE true")
    trained.engine.spark.sql(f"DELETE FROM {LEDGER} WHERE true")
    report = predict_sessions(NAME, 1, trained.engine, trained.settings)
    assert len(report.judged) == 20
    pd.testing.assert_frame_equal(rows_of(trained, [alone]), by_itself, check_exact=True)


def test_segments_cover_each_second_once_and_name_their_version(trained: Trained) -> None:
    predict_sessions(NAME, 1, trained.engine, trained.settings)
    session_id = f"{3:016x}"
    rows = rows_of(trained, [session_id])
    covered = [
        second for row in rows.to_dict("records") for second in range(row["start_second"], row["end_second"] + 1)
    ]
    seconds = trained.engine.table(FLIGHT_SAMPLES.name).where(f"session_id = '{session_id}'").count()
    assert covered == list(range(seconds))
    assert set(rows["maneuver"]) <= set(MANEUVERS)
    assert set(rows["model_name"]) == {trained.model.registered_name}
    assert set(rows["model_version"]) == {1}
    assert rows["confidence"].between(0, 1).all()


def test_predicting_again_writes_nothing(trained: Trained) -> None:
    predict_sessions(NAME, 1, trained.engine, trained.settings)
    before = [current_version(trained.engine, name) for name in (SEGMENTS, LEDGER)]
    report = predict_sessions(NAME, 1, trained.engine, trained.settings)
    assert (report.judged, report.rows, report.unchanged) == ((), 0, 20)
    assert [current_version(trained.engine, name) for name in (SEGMENTS, LEDGER)] == before


def test_other_features_are_refused(trained: Trained) -> None:
    client = connect(trained.settings)
    name = trained.model.registered_name
    client.set_model_version_tag(name, "1", FEATURES_TAG, "other")
    try:
        with pytest.raises(OtherFeaturesError, match="version 1 was made with other features"):
            predict_sessions(NAME, 1, trained.engine, trained.settings)
    finally:
        client.set_model_version_tag(name, "1", FEATURES_TAG, trained.model.tags[FEATURES_TAG])


def test_unknown_version_and_session_are_named(trained: Trained) -> None:
    with pytest.raises(UnknownModelVersionError, match="has no version 99"):
        describe_version(trained.settings, NAME, 99)
    with pytest.raises(UnknownModelVersionError, match="version 99"):
        saved_estimator(trained.settings, NAME, 99)
    with pytest.raises(UnknownSessionError, match="does not hold feedbeef"):
        predict_sessions(NAME, 1, trained.engine, trained.settings, ["feedbeef"])


def test_missing_channels_are_met_openly(trained: Trained) -> None:
    # This test and the next change gold, so they come last.
    full = drawn_flight(101)
    flights = {
        "aaaaaaaaaaaaaaa1": full,
        "aaaaaaaaaaaaaaa2": full.assign(engine_rpm=float("nan"), normal_acceleration_g=float("nan")),
        "aaaaaaaaaaaaaaa3": full.assign(roll_deg=float("nan")),
        "aaaaaaaaaaaaaaa4": full.assign(indicated_airspeed_kt=float("nan"), ground_speed_kt=float("nan")),
    }
    write_gold(trained.engine, {session_id: ("c172p", flight) for session_id, flight in flights.items()})
    report = predict_sessions(NAME, 1, trained.engine, trained.settings, list(flights))

    assert report.judged == ("aaaaaaaaaaaaaaa1", "aaaaaaaaaaaaaaa2")
    assert "does not record roll_deg" in report.not_judged["aaaaaaaaaaaaaaa3"]
    assert "indicated_airspeed_kt or true_airspeed_kt" in report.not_judged["aaaaaaaaaaaaaaa4"]
    ledger = trained.engine.table(LEDGER).toPandas().set_index("session_id")
    assert ledger.loc["aaaaaaaaaaaaaaa3", "status"] == "not_judged"
    assert ledger.loc["aaaaaaaaaaaaaaa3", "row_count"] == 0
    assert ledger.loc["aaaaaaaaaaaaaaa2", "status"] == "judged"
    assert {"engine_rpm", "normal_acceleration_g"} <= set(ledger.loc["aaaaaaaaaaaaaaa2", "missing_channels"])
    assert rows_of(trained, ["aaaaaaaaaaaaaaa3", "aaaaaaaaaaaaaaa4"]).empty

    with_all, with_less = (by_second(trained, session_id) for session_id in ("aaaaaaaaaaaaaaa1", "aaaaaaaaaaaaaaa2"))
    assert (with_all == with_less).mean() > 0.9


def by_second(trained: Trained, session_id: str) -> pd.Series:
    rows = rows_of(trained, [session_id]).to_dict("records")
    return pd.Series(
        {second: row["maneuver"] for row in rows for second in range(row["start_second"], row["end_second"] + 1)}
    )


def test_gold_changed_by_hand_is_not_trained_on(trained: Trained) -> None:
    spark = trained.engine.spark
    spark.sql(f"UPDATE {FLIGHT_SAMPLES.name} SET roll_deg = 45 WHERE session_id = '{1:016x}' AND second = 5")
    with pytest.raises(UnattestedHistoryError, match=r"main\.gold\.flight_samples"):
        train_model(NAME, trained.engine, trained.settings, {})


def test_prediction_table_is_as_its_contract_says(trained: Trained) -> None:
    contract = prediction_contract(load_manifests()[NAME], "dev.predictions")
    found = {field.name: field.dataType.simpleString() for field in trained.engine.table(contract.name).schema.fields}
    assert list(found) == list(contract.column_names)
    assert found["model_version"] == "bigint"
