"""The command line in the environment `databricks`: it says what is elsewhere, and works with one location's file."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
import yaml
from click.testing import CliRunner, Result

from pipelines.cli import cli, ingest
from pipelines.cli.instance import open_instance
from pipelines.cli.runs import FinishedRun
from pipelines.environments import current_settings
from pipelines_tests.project.on_databricks import DEPLOY, ON_DATABRICKS

HOSTS = {name: f"https://{name}.cloud.databricks.com" for name in ("development", "production")}
NOTHING_TO_DO = "is Databricks' own workspace, and nothing is to be started or stopped here"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in ON_DATABRICKS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PIPELINES_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", "")  # so that what a command sets is undone
    return tmp_path / "home"


@pytest.fixture
def production_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the production deployment."""
    monkeypatch.delenv("PIPELINES_DEVELOPMENT")


def said(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


@pytest.mark.parametrize("command", ["up", "down"])
def test_there_is_nothing_to_start_or_stop(command: str, home: Path):
    result = said(command)
    assert result.exit_code == 0
    assert result.output.splitlines() == [f"{name}: {host} {NOTHING_TO_DO}" for name, host in HOSTS.items()]
    assert said(command, "production").output.splitlines() == [f"production: {HOSTS['production']} {NOTHING_TO_DO}"]
    assert not home.exists()


@pytest.mark.usefixtures("production_alone")
@pytest.mark.parametrize("command", ["up", "down"])
def test_a_workspace_without_a_file_is_said_to_have_none(command: str):
    result = said(command)
    assert result.exit_code == 0
    assert "development: no file describes it (PIPELINES_DEVELOPMENT is not set)" in result.output
    assert f"production: {HOSTS['production']}" in result.output


def test_sql_says_where_to_ask():
    result = said("sql", "SELECT 1")
    assert result.exit_code == 1
    assert HOSTS["production"] in result.output
    assert "SQL editor" in result.output


def test_the_demo_is_for_the_local_workspaces(home: Path):
    result = said("demo")
    assert result.exit_code == 1
    assert "unset PIPELINES_ENVIRONMENT" in result.output
    assert not home.exists()


def test_status_shows_what_is_known_without_tables():
    result = said("status")
    assert result.exit_code == 0, result.output
    for words in (*HOSTS.values(), "s3://flight-training-landing/uploads", "main of https://", "SQL editor"):
        assert words in result.output
    assert "nothing was released yet" in result.output


@pytest.mark.usefixtures("production_alone")
@pytest.mark.parametrize("command", [["status"], ["release", "status"], ["cost"]])
def test_a_deployment_of_production_needs_no_file_of_development(command: list[str]):
    result = said(*command)
    assert result.exit_code == 0, result.output
    assert "production" in result.output.lower()
    assert "development" not in result.output.lower()


@pytest.mark.usefixtures("production_alone")
def test_the_deployments_own_dagster_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    deployed = tmp_path / "deployed"
    deployed.mkdir()
    (deployed / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(deployed))
    with dg.DagsterInstance.from_config(str(deployed)) as instance:
        cost = {"month": "2026-03-01", "purpose": "inference", "customer": "acme", "cost_center": "cc", "runs": 2}
        cost |= {"failed_runs": 0, "hours": 1.5, "cost_usd": 12.5, "billed_usd": None}
        report = dg.AssetMaterialization(["prod", "ops", "cost_report"], metadata={"report": [cost]})
        instance.report_runless_asset_event(report)
    assert "acme" in said("cost").output
    assert (deployed / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"
    with open_instance(current_settings("production")) as instance:
        assert instance.root_directory == str(deployed)


def test_an_ingestion_that_succeeded_says_where_its_tables_are(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ingest, "run_with_progress", lambda *_: FinishedRun("a1b2", 1.0, {}))
    result = said("ingest")
    assert result.exit_code == 0, result.output
    assert "main.bronze.session_files" in result.output
    assert HOSTS["development"] in result.output


@pytest.mark.parametrize("command", [["ingest", __file__], ["simulate", "--count", "1"]])
def test_a_volume_is_no_folder_of_this_machine(command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    whole = yaml.safe_load((DEPLOY / "development.yaml").read_text(encoding="utf-8"))
    file = tmp_path / "development.yaml"
    file.write_text(yaml.safe_dump({key: value for key, value in whole.items() if key != "landing"}))
    monkeypatch.setenv("PIPELINES_DEVELOPMENT", str(file))
    result = said(*command)
    assert result.exit_code == 1
    assert "set `landing` in the environment's file" in result.output
    assert not Path("/Volumes").exists()
