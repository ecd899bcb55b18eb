"""The command line as a person uses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import cli
from pipelines.cli.simulate import _ranges, simulated_day


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


def test_ranges_of_missing_seeds():
    assert list(_ranges([3, 4, 5, 9, 11, 12])) == [(3, 3), (9, 1), (11, 2)]
    assert list(_ranges([])) == []


def test_the_day_of_a_simulated_session_is_found(tmp_path: Path):
    landing = tmp_path / "landing"
    folder = landing / "sessions" / "2026-03-04"
    folder.mkdir(parents=True)
    (folder / "ftd_20260304T1000_020000.csv").touch()
    (folder / "log_260304_100000_S20001.csv").touch()
    assert str(simulated_day(landing, 20_000)) == "2026-03-04"
    assert str(simulated_day(landing, 20_001)) == "2026-03-04"
    assert simulated_day(landing, 2_000) is None


def test_sessions_are_flown_into_the_day_that_is_named(tmp_path: Path):
    command = ["simulate", "--count", "1", "--seed", "7", "--format", "csv", "--day", "2026-03-04", "--into"]
    files = []
    for folder in ("one", "other"):
        result = CliRunner().invoke(cli, [*command, str(tmp_path / folder)])
        assert result.exit_code == 0, result.output
        files.append(next((tmp_path / folder / "sessions" / "2026-03-04").iterdir()))
    assert files[0].name == files[1].name
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("command", ["simulate", "ingest"])
def test_a_day_that_is_none_is_refused(home: Path, command: str):
    result = CliRunner().invoke(cli, [command, "--day", "yesterday"])
    assert result.exit_code == 2
    assert "'yesterday' is no day: write it as 2026-01-31." in result.output
    assert not home.exists()


def test_status_of_an_empty_environment_says_what_to_do(home: Path):
    result = CliRunner().invoke(cli, ["status"])
    assert result.exit_code == 0, result.output
    assert "No tables yet" in result.output
