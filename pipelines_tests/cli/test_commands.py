"""The command line as a person uses it."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pipelines.cli import _about_home, cli
from pipelines.cli.upload_day import UPLOAD_DAY
from pipelines.partitions import UPLOAD_DAYS, today


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIPELINES_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))  # so that what a command sets is undone
    return tmp_path / "home"


def _run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    program = "from pipelines.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_names_every_command_without_importing_dagster_or_spark():
    probe = "import sys; from pipelines.cli import cli; cli(['--help'], standalone_mode=False); print(*sys.modules)"
    output = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout
    text, modules = output.rsplit("\n", 2)[:2]
    assert all(
        name in text for name in ("demo", "simulate", "ingest", "validate", "sql", "status", "dev", "up", "down")
    )
    assert {"dagster", "pyspark", "mlflow"}.isdisjoint(modules.split())


@pytest.mark.parametrize("command", ["demo", "simulate", "ingest", "validate", "sql", "status", "dev", "up", "down"])
def test_every_command_explains_itself(command: str):
    result = CliRunner().invoke(cli, [command, "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 5


def test_an_error_is_told_in_words():
    result = _run("status", PIPELINES_ENVIRONMENT="staging")
    assert result.returncode == 1
    assert "PIPELINES_ENVIRONMENT is 'staging'" in result.stderr
    assert "Traceback" not in result.stderr


def test_debug_shows_where_an_error_came_from():
    result = _run("--debug", "status", PIPELINES_ENVIRONMENT="staging")
    assert "Traceback" in result.stderr
    assert "UnknownEnvironmentError" in result.stderr


def test_an_unknown_command_is_a_usage_error():
    result = _run("deploy")
    assert result.returncode == 2
    assert "No such command 'deploy'" in result.stderr


def test_sql_prints_rows_and_csv(home: Path):
    query = "SELECT 1 AS flights, 'c[172]' AS type, CAST(NULL AS STRING) AS remark"
    printed = CliRunner().invoke(cli, ["sql", query])
    assert printed.exit_code == 0
    assert "c[172]" in printed.output
    assert "null" in printed.output
    as_csv = CliRunner().invoke(cli, ["sql", "--csv", query + ";"])
    assert as_csv.output == "flights,type,remark\n1,c[172],\n"


def test_sql_says_when_it_shows_only_the_first_rows(home: Path):
    result = CliRunner().invoke(cli, ["sql", "--limit", "2", "SELECT * FROM range(5)"])
    assert "more than 2 rows, the first 2 shown" in result.output


def test_one_row_is_counted_as_one(home: Path):
    assert "\n1 row\n" in CliRunner().invoke(cli, ["sql", "SELECT 1"]).output
    assert "\n2 rows\n" in CliRunner().invoke(cli, ["sql", "SELECT * FROM range(2)"]).output


@pytest.mark.parametrize(
    "arguments",
    [["sql", "--limit", "0", "SELECT 1"], ["sql", "--limit", "-3", "SELECT 1"], ["simulate", "--seed", "-1"],
     ["simulate", "--count", "0"], ["dev", "--port", "99999"], ["dev", "--port", "0"]],
)  # fmt: skip
def test_a_number_out_of_range_is_refused_before_anything_is_done(home: Path, arguments: list[str]):
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert f"Invalid value for '{arguments[1]}': {arguments[2]} is not in the range" in result.output
    assert not home.exists()


@pytest.mark.parametrize("statement", ["DELETE FROM main.gold.sessions", "drop table main.gold.sessions", "  update x"])
def test_sql_changes_nothing_unless_told_to(home: Path, statement: str):
    result = CliRunner().invoke(cli, ["sql", statement])
    assert result.exit_code == 2
    assert "--write" in result.output
    assert not home.exists()


def test_an_empty_folder_is_refused(home: Path, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".hidden").write_text("x")
    result = CliRunner().invoke(cli, ["ingest", str(tmp_path / "empty")])
    assert result.exit_code == 2
    assert "holds no file" in result.output


@pytest.mark.parametrize("command", ["simulate", "ingest"])
@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("yesterday", "'yesterday' is no day: write it as 2026-01-31."),
        ("2024-12-31", "2024-12-31 is before the first upload day, 2025-01-01"),
        ("2099-01-01", "2099-01-01 is in the future"),
    ],
)
def test_a_day_that_nothing_is_uploaded_on_is_refused(home: Path, command: str, day: str, words: str):
    result = CliRunner().invoke(cli, [command, "--day", day])
    assert result.exit_code == 2
    assert words in result.output
    assert not home.exists()


def test_days_from_the_first_upload_day_to_today_are_taken_as_there_are_partitions(monkeypatch: pytest.MonkeyPatch):
    assert UPLOAD_DAYS.get_last_partition_key() == today().isoformat()
    for day in (UPLOAD_DAYS.get_first_partition_key(), UPLOAD_DAYS.get_last_partition_key()):
        assert UPLOAD_DAY.convert(day, None, None) == date.fromisoformat(str(day))
    with pytest.raises(click.BadParameter, match="in the future"):
        UPLOAD_DAY.convert((today() + timedelta(days=1)).isoformat(), None, None)
    monkeypatch.setenv("PIPELINES_FIRST_UPLOAD_DAY", "2020-01-01")
    assert UPLOAD_DAY.convert("2020-01-01", None, None) == date(2020, 1, 1)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("ingest", "reads the gold of main and makes none of its own"),
        ("demo", "reads the gold of main and makes none of its own"),
        ("cost --update", "has no report of its own"),
    ],
)
def test_a_branch_of_ones_own_is_no_place_for_mains_jobs(
    home: Path, monkeypatch: pytest.MonkeyPatch, command: str, why: str
):
    monkeypatch.setenv("PIPELINES_BRANCH", "ana")
    result = CliRunner().invoke(cli, command.split())
    assert result.exit_code == 2
    assert f"Branch ana {why}: run `pipelines {command}` without --branch" in result.output
    assert not home.exists()


@pytest.mark.parametrize("command", [["ingest"], ["simulate", "--count", "1"], ["up"], ["train"]])
def test_a_home_that_cannot_be_made_is_told_with_the_variable_to_set(tmp_path: Path, command: list[str]):
    (tmp_path / "file").touch()
    result = _run(*command, PIPELINES_HOME=str(tmp_path / "file" / "home"))
    assert result.returncode == 1
    assert f"{tmp_path}/file/home, the folder of this environment, cannot be made" in result.stderr
    assert "set PIPELINES_HOME to one that you may write to." in result.stderr


def test_a_setting_that_cannot_be_understood_is_told_in_words(tmp_path: Path):
    result = _run("status", PIPELINES_HOME=str(tmp_path / "home"), PIPELINES_START_DELAYS="job=soon")
    assert result.returncode == 1
    assert result.stderr.startswith("Error: PIPELINES_START_DELAYS: 'soon' is no number of seconds.\n")
    assert "Traceback" not in result.stderr


def test_an_error_about_another_file_is_not_blamed_on_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PIPELINES_HOME", str(tmp_path / "home"))
    assert _about_home(FileNotFoundError(2, "No such file or directory", "/elsewhere/log.csv")) is None
    assert _about_home(FileNotFoundError(2, "No such file or directory", str(tmp_path / "home" / "log.csv"))) is None
    assert _about_home(ValueError("PIPELINES_HOME")) is None


def test_status_of_an_empty_environment_says_what_to_do(home: Path):
    result = CliRunner().invoke(cli, ["status"])
    assert result.exit_code == 0, result.output
    assert "No tables yet" in result.output
