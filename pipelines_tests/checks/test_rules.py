"""The rules behind the asset checks, as declared, and that they see what is wrong."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from pipelines.checks.check import Check, asset_checks, evaluate, rule
from pipelines.checks.gold import FLIGHT_SAMPLES_CHECKS, SESSIONS_CHECKS
from pipelines.checks.silver import ANNOTATION_CHECKS, SILVER_CHECKS, silver_results
from pipelines.checks.training import TRAINING_CHECKS
from pipelines.engines.engine import Engine
from pipelines.environments import settings_from
from pipelines.tables.contracts import SAMPLES, SESSION_FILES
from pipelines.tables.ingestion import ingest_annotations, ingest_sessions
from pipelines.tables.quality import QualityResult
from pipelines_tests.end_to_end.environment import DAY, upload_sessions

DAILY = (*SILVER_CHECKS, *ANNOTATION_CHECKS)


@pytest.fixture(scope="module")
def silver(module_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """One day of small sessions in silver."""
    settings = settings_from({"PIPELINES_HOME": str(tmp_path_factory.mktemp("uploads"))})
    upload_sessions(settings, count=2)
    ingest_annotations(module_engine, settings.landing, DAY, "run")
    ingest_sessions(module_engine, settings.landing, DAY, "run")
    return module_engine


def test_every_rule_of_silver_holds_for_good_sessions(silver: Engine):
    assert [
        (check.full_name, found.description) for check, found in silver_results(silver, DAY) if not found.passed
    ] == []


def test_a_day_without_uploads_passes(silver: Engine):
    found = silver_results(silver, date(2026, 3, 5))
    assert [(check.full_name, result.description) for check, result in found if not result.passed] == []


def test_results_are_those_of_the_tables_as_they_are(silver: Engine):
    before = {check.full_name: found.passed for check, found in silver_results(silver, DAY)}
    silver.append(SAMPLES.name, silver.table(SAMPLES.name).where("sample_index = 5").limit(1))
    after = {check.full_name: found.passed for check, found in silver_results(silver, DAY)}
    assert all(before.values())
    broken = {name for name, passed in after.items() if not passed}
    assert {"main.silver.samples:key_is_unique", "main.silver.samples:sample_counts_match"} <= broken


@pytest.mark.parametrize(
    "check", [*DAILY, *FLIGHT_SAMPLES_CHECKS, *SESSIONS_CHECKS, *TRAINING_CHECKS], ids=lambda check: check.full_name
)
def test_a_check_has_a_sentence_and_names_its_table(check: Check):
    assert check.description.endswith(".")
    assert check.asset_key.path[-1] == check.table.name.table


def _made(passed: bool) -> Check:
    def judge(_engine: Engine, day: date | None) -> QualityResult:
        return QualityResult(passed, f"found on {day}", {"rows": 3})

    return Check(SESSION_FILES, "made_up", judge, "A rule.")


@pytest.mark.parametrize("passed", [True, False])
def test_a_result_is_recorded_with_its_day_and_figures_and_a_failure_blocks(passed: bool, tmp_path: Path):
    definition = asset_checks("check_made_up", [_made(passed)])
    downstream = dg.AssetSpec(["main", "silver", "sessions"], deps=[SESSION_FILES.name.asset_key])

    @dg.multi_asset(specs=[downstream], partitions_def=dg.DailyPartitionsDefinition("2026-01-01"))
    def build() -> dg.MaterializeResult:
        return dg.MaterializeResult()

    definitions = dg.Definitions(
        assets=[build],
        asset_checks=[definition],
        jobs=[dg.define_asset_job("job", selection=dg.AssetSelection.all() | dg.AssetSelection.checks(definition))],
        resources={"engine": tmp_path, "step_launcher": dg.ResourceDefinition.none_resource()},
    )
    result = definitions.resolve_job_def("job").execute_in_process(partition_key="2026-03-04", raise_on_error=False)
    (found,) = result.get_asset_check_evaluations()
    assert found.passed is passed
    assert found.description == "found on 2026-03-04"
    assert found.metadata["upload_day"].value == "2026-03-04"
    assert found.metadata["rows"].value == 3
    assert result.success is passed
    assert bool(result.get_asset_materialization_events()) is passed


def test_a_rule_is_found_by_its_name_or_fails():
    with pytest.raises(AttributeError, match="no_such_rule"):
        rule("quality", "no_such_rule")(None, None)  # type: ignore[arg-type]
    assert evaluate([])(None, None) == []  # type: ignore[arg-type]
