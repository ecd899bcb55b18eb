"""Every job in the environment `databricks`: the process that launches steps gets as far as asking for credentials."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from pipelines import definitions
from pipelines.engines import engine_of, open_engine
from pipelines.engines.databricks import EngineElsewhereError
from pipelines.environments import current_settings
from pipelines.workspace_names import Location
from pipelines_tests.project.on_databricks import ON_DATABRICKS

COMMIT, CUSTOMER = "a" * 40, "acme"
BY_WHOM = {"actor": "ada", "reason": "a test"}
CONFIG: dict[str, dict[str, Any]] = {
    **{kind: {f"make_{kind}": BY_WHOM} for kind in ("rollback", "recover", "repair", "pin", "unpin")},
    **{kind: {f"make_{kind}": {**BY_WHOM, "release": COMMIT}} for kind in ("approve", "quarantine", "lift")},
    **{
        f"{task}_customer": {f"{task}_customer_step": {"customer": CUSTOMER, "actor": "ada", "choices": {}}}
        for task in ("onboard", "archive", "remove", "close")
    },
    "reproduce": {"reproduce_version": {"model": "maneuver_classifier", "version": 1}},
}
"""Config of those jobs' only step, by job and step."""
DEVELOPMENT = ("costs", "full_flow", "ingest", "predict", "train")
OF_A_BRANCH = ("predict", "train", "validate")
PRODUCTION = ("analyze", "check_releases", "costs", "release", *CONFIG)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in ON_DATABRICKS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PIPELINES_HOME", str(tmp_path / "home"))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        found.add_dynamic_partitions("releases", [COMMIT])
        found.add_dynamic_partitions("customers", [CUSTOMER])
        yield found


def _jobs(location: Location) -> set[str]:
    names = getattr(definitions, location)().get_repository_def().job_names
    return {name for name in names if not name.startswith("__")}


def _failure(location: Location, name: str, instance: dg.DagsterInstance) -> tuple[set[str], str]:
    """The types of events that tell of a failure in a run of the job, and the innermost error of its first step."""
    job = getattr(definitions, location)().get_repository_def().get_job(name)
    tags = {}
    if (partitions := job.partitions_def) is not None:
        keys = partitions.get_partition_keys(dynamic_partitions_store=instance)
        tags["dagster/partition"] = keys[-1]
    config = {"ops": {step: {"config": values} for step, values in CONFIG.get(name, {}).items()}}
    result = job.execute_in_process(config, instance=instance, tags=tags, raise_on_error=False)
    assert not result.success
    failures = [event for event in result.all_events if event.is_failure]
    error = next((event.step_failure_data.error for event in failures if event.is_step_failure), None)
    while error is not None and error.cause is not None:
        error = error.cause
    return {event.event_type_value for event in failures}, error.message if error else str(failures)


@pytest.mark.parametrize("job", DEVELOPMENT)
def test_jobs_of_development_reach_the_launcher_and_lack_only_credentials(job: str, instance: dg.DagsterInstance):
    types, error = _failure("development", job, instance)
    assert types == {"STEP_FAILURE", "PIPELINE_FAILURE"}, error
    assert "PIPELINES_DEVELOPMENT_CLIENT_ID is not set" in error


@pytest.mark.parametrize("job", OF_A_BRANCH)
def test_jobs_of_a_branch_reach_the_launcher_and_lack_only_credentials(
    job: str, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PIPELINES_BRANCH", "ada")
    types, error = _failure("development", job, instance)
    assert types == {"STEP_FAILURE", "PIPELINE_FAILURE"}, error
    assert "PIPELINES_DEVELOPMENT_CLIENT_ID is not set" in error


@pytest.mark.parametrize("job", PRODUCTION)
def test_jobs_of_production_reach_the_launcher_and_lack_only_credentials(job: str, instance: dg.DagsterInstance):
    types, error = _failure("production", job, instance)
    assert types == {"STEP_FAILURE", "PIPELINE_FAILURE"}, error
    assert "PIPELINES_PRODUCTION_CLIENT_ID is not set" in error


def test_no_job_is_left_out(monkeypatch: pytest.MonkeyPatch):
    assert _jobs("development") == set(DEVELOPMENT)
    assert _jobs("production") == set(PRODUCTION)
    monkeypatch.setenv("PIPELINES_BRANCH", "ada")
    assert _jobs("development") == set(OF_A_BRANCH)


def test_the_engine_of_a_process_that_launches_steps_says_where_the_tables_are(tmp_path: Path):
    engine = engine_of(current_settings())
    engine.stop()
    with pytest.raises(EngineElsewhereError, match="notebook or Databricks' SQL editor"):
        engine.spark  # noqa: B018
    with pytest.raises(EngineElsewhereError):
        open_engine("databricks", tmp_path)
