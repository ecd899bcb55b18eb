"""Manifests: what they hold, and how their mistakes are told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.models.manifest import MODELS_FOLDER, ManifestError, load_manifest, load_manifests
from pipelines.models.prediction_tables import judgement_contract, prediction_contract

_VALID = yaml.safe_load((MODELS_FOLDER / "maneuver_classifier" / "model.yaml").read_text(encoding="utf-8"))


def written(folder: Path, name: str = "maneuver_classifier", **changes: Any) -> Path:
    """A model folder whose manifest is valid but for `changes`; a key set to None is left out."""
    content = {key: value for key, value in {**_VALID, "name": name, **changes}.items() if value is not None}
    file = folder / name / "model.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    (file.parent / "model.py").write_text("", encoding="utf-8")
    return file


def test_every_model_of_the_project_loads() -> None:
    manifests = load_manifests()
    assert list(manifests) == sorted(manifests)
    assert {"approach_stability", "maneuver_classifier", "upset_detector"} <= set(manifests)
    for manifest in manifests.values():
        assert ["main", "gold", "sessions"] in manifest.asset_dependencies
        assert manifest.primary_metric in manifest.thresholds


def test_reading_manifests_runs_no_model_code() -> None:
    program = (
        "import sys; from pipelines.models.manifest import load_manifests; load_manifests(); "
        "heavy = {'sklearn', 'mlflow', 'pandas', 'pyspark', 'matplotlib', 'numpy'} & set(sys.modules); "
        "code = [n for n in sys.modules if n.startswith('pipelines.models.') and n.endswith('.model')]; "
        "print(sorted(heavy), code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] []"


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"owner": None}, "owner", "is missing. Add it"),
        ({"owner": "@ana"}, "owner", "'@ana' is neither a team nor an e-mail address: write it as flight-data-science"),
        ({"colour": "red"}, "colour", "unknown. Correct its spelling or drop it"),
        ({"gold_tables": ["main.gold.sessions", "main.gold.weather"]}, "gold_tables", "main.gold.weather is no gold"),
        ({"gold_tables": ["main.gold.flight_samples"]}, "gold_tables", "main.gold.sessions is missing"),
        ({"required_channels": ["roll"]}, "required_channels", "roll is no channel"),
        ({"primary_metric": "beauty"}, "(whole file)", "'beauty' has no entry in thresholds"),
        ({"thresholds": {"known_macro_f1": {}}}, "thresholds.known_macro_f1", "`minimum`, `maximum` or both"),
        ({"optional_channels": ["roll_deg"]}, "(whole file)", "roll_deg is required and optional"),
        ({"training": {"unseen_aircraft_type": "b747"}}, "training.unseen_aircraft_type", "no known aircraft type"),
        ({"rollout": {"steps_percent": [5, 1, 100]}}, "rollout.steps_percent", "steps must rise"),
        ({"gates": {"margin": -0.1}}, "gates.margin", "greater than or equal to 0"),
        ({"gates": {"on_failure": "ignore"}}, "gates.on_failure", "(stop_release|keep_champion)"),
        ({"gates": {"slices": {"by": ["weather"]}}}, "gates.slices.by", "weather is nothing to slice by"),
        ({"gates": {"budgets": {"size_megabytes": 0}}}, "gates.budgets.size_megabytes", "greater than 0"),
        ({"gates": {"confidence": 95}}, "gates.confidence", "less than 1"),
        ({"compute": {"size_class": "huge"}}, "compute.size_class", "(small|medium|large)"),
    ],
)
def test_a_mistake_is_told_by_file_key_and_remedy(
    tmp_path: Path, changes: dict[str, Any], key: str, words: str
) -> None:
    file = written(tmp_path, **changes)
    with pytest.raises(ManifestError) as raised:
        load_manifest(file)
    message = str(raised.value)
    assert message.startswith(f"{file}: key `{key}`")
    assert words in message


def test_a_prediction_column_must_be_new_and_typed(tmp_path: Path) -> None:
    wrong_type = {**_VALID["prediction"], "columns": [{"name": "segment", "type": "INT96", "comment": "x"}]}
    with pytest.raises(ManifestError, match=r"prediction\.columns\.0\.type.*use one of STRING"):
        load_manifest(written(tmp_path / "a", prediction=wrong_type))
    taken = {**_VALID["prediction"], "columns": [{"name": "session_id", "type": "STRING", "comment": "x"}]}
    with pytest.raises(ManifestError, match="session_id are given twice or are in every prediction table"):
        load_manifest(written(tmp_path / "b", prediction=taken))
    keyless = {**_VALID["prediction"], "key": ["number"]}
    with pytest.raises(ManifestError, match="key names number, which is no column"):
        load_manifest(written(tmp_path / "c", prediction=keyless))


def test_unreadable_files_are_told(tmp_path: Path) -> None:
    file = tmp_path / "model.yaml"
    file.write_text("name: [unclosed", encoding="utf-8")
    with pytest.raises(ManifestError, match="not readable as YAML"):
        load_manifest(file)
    file.write_text("- a list", encoding="utf-8")
    with pytest.raises(ManifestError, match="holds no keys"):
        load_manifest(file)


def test_the_folder_has_the_models_name(tmp_path: Path) -> None:
    file = written(tmp_path)
    file.parent.rename(tmp_path / "other")
    with pytest.raises(ManifestError, match="but the folder is 'other'"):
        load_manifests(tmp_path)


def test_half_a_model_folder_is_told(tmp_path: Path) -> None:
    file = written(tmp_path)
    (file.parent / "model.py").unlink()
    with pytest.raises(ManifestError, match=r"model\.py: missing"):
        load_manifests(tmp_path)
    (file.parent / "model.py").write_text("", encoding="utf-8")
    file.unlink()
    with pytest.raises(ManifestError, match=r"model\.yaml: missing"):
        load_manifests(tmp_path)


def test_two_models_cannot_write_one_table(tmp_path: Path) -> None:
    written(tmp_path, "first")
    written(tmp_path, "second")
    with pytest.raises(ManifestError, match="which first writes"):
        load_manifests(tmp_path)


def test_prediction_table_has_common_columns_around_the_models_own() -> None:
    contract = prediction_contract(load_manifests()["maneuver_classifier"], "dev.predictions")
    assert str(contract.name) == "dev.predictions.maneuver_segments"
    assert contract.column_names[:4] == ("session_id", "upload_day", "model_name", "model_version")
    assert contract.column_names[-1] == "predicted_at"
    assert "predicted_at" not in contract.stable_columns
    assert contract.key == ("session_id", "model_name", "model_version", "segment")
    assert judgement_contract("dev.predictions").key == ("session_id", "model_name", "model_version")
