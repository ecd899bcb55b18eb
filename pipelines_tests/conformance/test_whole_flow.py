"""The whole flow on both engines over the same landing zone: every table, every feature, every prediction equal."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pytest

from pipelines.environments import settings_from
from pipelines.models.manifest import load_manifests
from pipelines.models.prediction_tables import judgement_contract, prediction_contract
from pipelines.models.protocol import load_model_code
from pipelines.tables.contract import TableContract
from pipelines.tables.contracts import ALL
from pipelines_tests.conformance.comparison import differences, read_table
from pipelines_tests.conformance.flow import make_tables, predict, write_features
from pipelines_tests.conformance.landing import fill_landing_zone
from pipelines_tests.conftest import NewEngine
from pipelines_tests.engines.other_process import ROOT

SCHEMA = settings_from({}).prediction_schema
MODELS = load_manifests()
PREDICTIONS = [*(prediction_contract(manifest, SCHEMA) for manifest in MODELS.values()), judgement_contract(SCHEMA)]
EMPTY_IS_FINE = {"upset_events"}


@dataclass(frozen=True)
class BothHomes:
    """The homes of the two engines after the same work."""

    sail: Path
    spark: Path

    def tables(self, contract: TableContract) -> tuple[pl.DataFrame, pl.DataFrame]:
        one, other = (read_table(home.joinpath("warehouse", *contract.name)) for home in (self.sail, self.spark))
        return one, other


@pytest.fixture(scope="module")
def both(new_engine: NewEngine, tmp_path_factory: pytest.TempPathFactory) -> BothHomes:
    """Both engines' homes: the embedded one works in a process of its own and fits the models for both."""
    folder = tmp_path_factory.mktemp("conformance")
    homes = BothHomes(folder / "sail", folder / "spark")
    fill_landing_zone(folder / "landing")
    command = [sys.executable, "-m", "pipelines_tests.conformance.flow", str(folder / "landing"), str(homes.sail)]
    embedded = subprocess.Popen(command, cwd=ROOT)
    try:
        ours, theirs = (settings_from({"PIPELINES_HOME": str(home)}) for home in (homes.spark, homes.sail))
        engine = new_engine(ours.tables)
        make_tables(engine, folder / "landing")
        write_features(engine, homes.spark)
        assert embedded.wait(timeout=500) == 0
        registry = replace(
            ours, tracking_uri=theirs.tracking_uri, registry_uri=theirs.registry_uri, artifacts=theirs.artifacts
        )
        for manifest in MODELS.values():
            predict(engine, registry, manifest)
    finally:
        embedded.kill()
        embedded.wait()
    return homes


@pytest.mark.slow
@pytest.mark.parametrize("contract", [*ALL, *PREDICTIONS], ids=lambda contract: str(contract.name))
def test_tables_are_equal(both: BothHomes, contract: TableContract) -> None:
    sail, spark = both.tables(contract)
    assert differences(contract.key, contract.stable_columns, sail, spark) == []
    assert len(spark) > 0 or contract.name.table in EMPTY_IS_FINE


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_features_are_equal(both: BothHomes, model: str) -> None:
    sail, spark = (pl.read_parquet(home / "features" / f"{model}.parquet") for home in (both.sail, both.spark))
    assert differences(("session_id", *load_model_code(model).EXAMPLE_KEY), sail.columns, sail, spark) == []
    assert len(spark) > 0


@pytest.mark.slow
def test_no_table_was_left_out(both: BothHomes) -> None:
    expected = {contract.name for contract in (*ALL, *PREDICTIONS)}
    for home in (both.sail, both.spark):
        made = {log.parent.relative_to(home / "warehouse").parts for log in home.glob("warehouse/*/*/*/_delta_log")}
        assert made == expected
