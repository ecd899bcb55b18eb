"""`pipelines validate` before it starts a run: which models, which branch."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import cli, validate


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, taken for the project's."""
    folder = tmp_path / "checkout"
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for arguments in (["init", "-q", "-b", "main"], [*identity, "commit", "-q", "--allow-empty", "-m", "first"]):
        folder.mkdir(exist_ok=True)
        subprocess.run(["git", "-C", str(folder), *arguments], check=True)
    monkeypatch.setattr(validate, "PROJECT", folder)
    monkeypatch.setenv("PIPELINES_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PIPELINES_BRANCH", "")  # so that what the command sets is undone
    return folder


def test_an_unknown_model_is_refused_with_the_names_of_those_that_exist(checkout: Path) -> None:
    result = CliRunner().invoke(cli, ["--branch", "you", "validate", "approach_stability", "aproach_stability"])
    assert result.exit_code == 2
    assert "No such model: aproach_stability. There are approach_stability, maneuver_classifier" in result.output


@pytest.mark.parametrize("branch", ["main", "release"])
def test_on_a_branch_of_everyone_a_name_is_asked_for(checkout: Path, branch: str) -> None:
    subprocess.run(["git", "-C", str(checkout), "checkout", "-q", "-B", branch], check=True)
    result = CliRunner().invoke(cli, ["validate"])
    assert result.exit_code == 2
    assert f"{branch} is checked out, whose models everyone shares" in result.output
    assert "pipelines --branch NAME validate" in result.output


def test_without_a_branch_a_name_is_asked_for(checkout: Path) -> None:
    subprocess.run(["git", "-C", str(checkout), "checkout", "-q", "--detach"], check=True)
    result = CliRunner().invoke(cli, ["validate"])
    assert result.exit_code == 2
    assert "No branch is checked out" in result.output


def test_the_checked_out_branch_is_taken_unless_another_is_named(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "-C", str(checkout), "checkout", "-q", "-b", "stalls"], check=True)
    assert validate.branch_settings().model_schema == "dev.dev_stalls"
    monkeypatch.setenv("PIPELINES_BRANCH", "you")
    assert validate.branch_settings().model_schema == "dev.dev_you"
