"""Snapshots of code: what they hold, what they are called, and what they leave alone."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from pipelines.databricks.code import CodeError, CodeSource
from pipelines_tests.databricks.shipped_project import commit, git, make_repository


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "code")


def source(folder: Path, revision: str | None = None, allow_dirty: bool = True) -> CodeSource:
    return CodeSource(folder, revision, paths=("shipped", "requirements"), allow_dirty=allow_dirty)


def contents(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def test_the_same_files_give_the_same_bytes_anywhere(folder: Path, tmp_path: Path) -> None:
    first = source(folder).snapshot()
    other = make_repository(tmp_path / "elsewhere")
    for path in other.rglob("*.py"):
        os.utime(path, (1, 1))
    commit(other, "nothing new") if git(other, "status", "--porcelain") else None
    again = source(other).snapshot()
    assert first.archive == again.archive
    assert first.digest == again.digest == hashlib.sha256(first.archive).hexdigest()
    assert not first.dirty


def test_only_the_chosen_paths_are_shipped_and_ignored_files_are_not(folder: Path) -> None:
    (folder / "secrets.txt").write_text("not shipped")
    (folder / "shipped" / "new.py").write_text("NEW = 1\n")
    (folder / "shipped" / "__pycache__").mkdir()
    (folder / "shipped" / "__pycache__" / "new.pyc").write_bytes(b"ignored")
    found = source(folder).snapshot()
    assert found.dirty
    assert set(contents(found.archive)) == {
        f"shipped/{name}.py" for name in ("__init__", "jobs", "late", "new", "what")
    }


def test_a_change_elsewhere_is_no_change_of_the_code(folder: Path) -> None:
    clean = source(folder).snapshot()
    (folder / "notes.txt").write_text("a thought")
    found = source(folder, allow_dirty=False).snapshot()
    assert (found.dirty, found.digest) == (False, clean.digest)


def test_the_users_index_and_files_are_left_alone(folder: Path) -> None:
    (folder / "shipped" / "what.py").write_text('WHAT = "staged"\n')
    git(folder, "add", "shipped/what.py")
    (folder / "shipped" / "what.py").write_text('WHAT = "changed again"\n')
    (folder / "shipped" / "new.py").write_text("NEW = 1\n")
    status, index = git(folder, "status", "--porcelain"), git(folder, "diff", "--cached")
    found = source(folder).snapshot()
    assert contents(found.archive)["shipped/what.py"] == b'WHAT = "changed again"\n'
    assert (git(folder, "status", "--porcelain"), git(folder, "diff", "--cached")) == (status, index)


def test_a_deleted_file_is_not_shipped(folder: Path) -> None:
    (folder / "shipped" / "late.py").unlink()
    assert "shipped/late.py" not in contents(source(folder).snapshot().archive)


def test_a_revision_is_that_commit(folder: Path) -> None:
    first = git(folder, "rev-parse", "HEAD")
    before = source(folder).snapshot()
    (folder / "shipped" / "what.py").write_text('WHAT = "second"\n')
    second = commit(folder, "second")
    assert source(folder, first).snapshot() == before
    assert source(folder, "main").snapshot().commit == second


def test_dirty_code_is_refused_by_name(folder: Path) -> None:
    (folder / "shipped" / "what.py").write_text("")
    with pytest.raises(CodeError, match=r"shipped/what\.py.*commit them"):
        source(folder, allow_dirty=False).snapshot()


@pytest.mark.parametrize("revision", ["no-such-branch", "--output=/tmp/x", "HEAD~5"])
def test_an_unknown_revision_is_named(folder: Path, revision: str) -> None:
    with pytest.raises(CodeError, match="has no commit"):
        source(folder, revision).snapshot()


def test_what_is_no_repository_is_told(tmp_path: Path) -> None:
    with pytest.raises(CodeError, match="not a git repository"):
        source(tmp_path).snapshot()


def test_nothing_to_ship_is_told(folder: Path) -> None:
    shutil.rmtree(folder / "shipped")
    (folder / "other.txt").write_text("something")
    commit(folder, "no code left")
    with pytest.raises(CodeError, match="none of the paths"):
        source(folder).snapshot()


def test_a_symbolic_link_is_refused(folder: Path) -> None:
    (folder / "shipped" / "link.py").symlink_to("/etc/passwd")
    with pytest.raises(CodeError, match=r"link\.py is a symbolic link"):
        source(folder).snapshot()


def test_a_hooks_variables_do_not_lead_elsewhere(folder: Path, tmp_path: Path, monkeypatch) -> None:
    other = tmp_path / "other"
    subprocess.run(["git", "init", "--quiet", str(other)], check=True)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert source(folder).snapshot().commit
