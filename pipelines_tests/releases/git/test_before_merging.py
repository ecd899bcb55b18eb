"""`python -m pipelines.releases.git`: a pull request is told what the sensor would refuse."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A working tree with one commit that could be released."""
    model = tmp_path / "checkout" / "pipelines" / "models" / "turbulence"
    model.mkdir(parents=True)
    (model / "model.yaml").write_text("name: turbulence\n")
    folder = tmp_path / "checkout"
    git(folder, "init", "-q", "-b", "main")
    commit(folder)
    return folder


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True)


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", "change")


def ask(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipelines.releases.git", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_commit_that_could_be_released(checkout: Path) -> None:
    found = ask(checkout)
    assert (found.returncode, found.stdout) == (0, "Nothing keeps this commit from being released.\n")


def test_a_notebook_below_pipelines_is_refused_by_name_and_elsewhere_is_not(checkout: Path) -> None:
    (checkout / "notebooks").mkdir()
    (checkout / "notebooks" / "mine.ipynb").write_text("{}")
    commit(checkout)
    assert ask(checkout, "HEAD").returncode == 0
    (checkout / "pipelines" / "models" / "turbulence" / "trial.ipynb").write_text("{}")
    commit(checkout)
    found = ask(checkout, "HEAD")
    assert found.returncode == 1
    assert "has notebooks below pipelines/" in found.stdout
    assert "pipelines/models/turbulence/trial.ipynb" in found.stdout
    assert "mine.ipynb" not in found.stdout
    assert ask(checkout, "HEAD~1").returncode == 0


def test_a_commit_that_is_not_here_is_named_and_leaves_no_trace(checkout: Path) -> None:
    before = sorted((checkout / ".git").iterdir())
    found = ask(checkout, "elsewhere")
    assert found.returncode == 1
    assert "has no commit 'elsewhere'" in found.stderr
    assert sorted((checkout / ".git").iterdir()) == before
    outside = ask(checkout.parent)
    assert outside.returncode == 1
    assert "is no checkout of a repository" in outside.stderr
