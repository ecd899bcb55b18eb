"""A training or prediction that dies at any point and is repeated leaves one version, and each session judged once."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pandas as pd
import pytest

from pipelines.engines import open_engine
from pipelines.environments import settings_from
from pipelines.models.manifest import load_manifests
from pipelines.models.prediction_tables import judgement_contract, prediction_contract
from pipelines.tables.contract import TableContract
from pipelines.training.registry import connect, registered_name
from pipelines_tests.training.flown_gold import drawn_flight, write_gold
from pipelines_tests.training.killed_training import MODEL, run_killed, train_and_predict

pytestmark = pytest.mark.slow

SEGMENTS = prediction_contract(load_manifests()[MODEL], "dev.predictions")
LEDGER = judgement_contract("dev.predictions")
_POINTS = (
    "mlflow.sklearn#log_model:after:1",  # the model is logged, its run has not ended
    "pipelines.training.train#log_run:after:1",  # the run has ended, no version of it is registered
    "mlflow#register_model:after:1",  # registered, without its card
    "pipelines.training.prediction_rows#_merge_sessions:after:1",  # rows are there, the ledger does not say so
)


@pytest.fixture(scope="module")
def gold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with twelve flights in gold."""
    folder = tmp_path_factory.mktemp("gold") / "home"
    engine = open_engine("sail", folder / "warehouse")
    types = ["c172p", "c172r", "c172x", "c172p", "c182"]
    write_gold(engine, {f"{one:016x}": (types[one % 5], drawn_flight(one, types[one % 5])) for one in range(12)})
    engine.stop()
    return folder


@pytest.fixture(scope="module")
def undisturbed(gold: Path, tmp_path_factory: pytest.TempPathFactory) -> list[pd.DataFrame]:
    """The tables' rows after a run that nothing disturbs."""
    folder = tmp_path_factory.mktemp("undisturbed") / "home"
    shutil.copytree(gold, folder, copy_function=shutil.copy2)
    assert train_and_predict(folder).rows > 0
    return rows_of(folder)


def rows_of(folder: Path) -> list[pd.DataFrame]:
    """Predictions and ledger, in order of their keys, without times."""
    engine = open_engine("sail", folder / "warehouse")
    found = [_ordered(engine.table(contract.name).toPandas(), contract) for contract in (SEGMENTS, LEDGER)]
    engine.stop()
    return found


def _ordered(rows: pd.DataFrame, contract: TableContract) -> pd.DataFrame:
    times = [column.name for column in contract.columns if column.type == "TIMESTAMP"]
    return rows.drop(columns=times).sort_values(list(contract.key)).reset_index(drop=True)


@pytest.mark.parametrize("point", _POINTS)
def test_the_next_run_makes_good_what_was_killed(
    point: str, gold: Path, undisturbed: list[pd.DataFrame], tmp_path: Path
):
    folder = tmp_path / "home"
    shutil.copytree(gold, folder, copy_function=shutil.copy2)
    assert run_killed(folder, point) == -signal.SIGKILL, "it never got to its point"
    train_and_predict(folder)
    settings = settings_from({"PIPELINES_HOME": str(folder)})
    client, name = connect(settings), registered_name(settings, MODEL)
    [version] = client.search_model_versions(f"name='{name}'")
    assert version.status == "READY"
    assert str(version.description).startswith(f"# {MODEL}")
    for found, expected in zip(rows_of(folder), undisturbed, strict=True):
        pd.testing.assert_frame_equal(found, expected)
