from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.releases.git.head import Head
from pipelines.releases.git.mirror import Mirror
from pipelines.releases.git.problem import Problem
from pipelines.releases.git.remote import remote_from
from pipelines_tests.releases.git.http_remote import HttpRemote
from pipelines_tests.releases.git.origin import Origin


def test_the_branch_comes_with_its_history(origin: Origin, mirror: Mirror):
    first = origin.head()
    assert mirror.fetch(30) == Head(first)
    second = origin.commit()
    assert not mirror.repository.has(second)
    assert mirror.fetch(30) == Head(second)
    assert mirror.repository.has(first)
    assert mirror.repository.read("rev-list", "--count", second).strip() == b"2"


def test_only_the_branch_is_fetched(origin: Origin, mirror: Mirror):
    origin.git("tag", "v1")
    origin.git("push", "-q", "--tags")
    other = origin.commit(push=False)
    origin.push(branch="other")
    mirror.fetch(30)
    assert not mirror.repository.has(other)
    assert mirror.repository.read("for-each-ref", "--format=%(refname)").split() == [b"refs/watched/release"]


def test_one_mirror_serves_several_branches(origin: Origin, mirror: Mirror):
    released = origin.head()
    developed = origin.commit(push=False)
    origin.push(branch="main")
    main = replace(mirror, remote=remote_from(mirror.remote.url, "main"))
    assert (mirror.fetch(30), main.fetch(30)) == (Head(released), Head(developed))
    assert mirror.folder == main.folder


def test_a_forced_push_is_followed_and_what_was_kept_stays(origin: Origin, mirror: Mirror):
    first = origin.head()
    kept, lost = origin.commit(), origin.commit()
    mirror.fetch(30)
    mirror.keep(kept)
    origin.back_to(first)
    assert mirror.fetch(30) == Head(first)
    mirror.repository.read("gc", "--prune=now", "--quiet")
    assert mirror.repository.has(kept)
    assert not mirror.repository.has(lost)


def test_a_commit_beside_the_branch_can_be_brought_too(origin: Origin, mirror: Mirror):
    first, second = origin.head(), origin.commit()
    origin.back_to(first)
    subprocess.run(["git", "-C", origin.bare, "config", "uploadpack.allowAnySHA1InWant", "true"], check=True)
    assert mirror.fetch(30, also=second) == Head(first)
    assert mirror.repository.has(second)
    assert mirror.fetch(30, also="0" * 40) == Head(first)


def test_a_deleted_branch_a_missing_repository_and_wrong_credentials(
    origin: Origin, mirror: Mirror, http_remote: HttpRemote, tmp_path: Path
):
    origin.delete()
    assert _kind(mirror) == "branch_missing"
    assert _kind(Mirror(tmp_path / "m", remote_from(f"file://{tmp_path}/none.git", "release"))) == "not_found"
    http_remote.credentials = "a:b"
    assert _kind(Mirror(tmp_path / "m", remote_from(f"{http_remote.url}/origin.git", "release"))) == "authentication"


def _kind(mirror: Mirror) -> str:
    found = mirror.fetch(30)
    assert isinstance(found, Problem)
    return found.kind


def test_packs_are_put_together_now_and_then(mirror: Mirror, origin: Origin, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pipelines.releases.git.mirror._MOST_PACKS", 4)
    commits = []
    for _ in range(6):
        commits.append(origin.commit())
        assert mirror.fetch(30) == Head(commits[-1])
    assert len(list(mirror.repository.folder.glob("objects/pack/*.pack"))) < 4
    assert all(mirror.repository.has(commit) for commit in commits)
