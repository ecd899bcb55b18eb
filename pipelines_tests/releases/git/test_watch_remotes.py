"""Looks at remotes that are away, hang or refuse."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pipelines.releases.git import command
from pipelines.releases.git.decision import Nothing, Refuse, Release, Wait
from pipelines.releases.git.mirror import Mirror
from pipelines.releases.git.remote import Remote, remote_from
from pipelines_tests.releases.git.http_remote import HttpRemote
from pipelines_tests.releases.git.origin import Origin
from pipelines_tests.releases.git.watcher import Watcher


def test_a_deleted_branch_keeps_what_runs_and_coming_back_is_nothing_new(origin: Origin, watcher: Watcher):
    head = origin.head()
    watcher.release()
    origin.delete()
    found = watcher.look()
    assert isinstance(found.decision, Refuse)
    assert "no branch" in found.decision.why
    origin.push(head)
    assert isinstance(watcher.look().decision, Nothing)


def test_a_remote_that_is_away_is_asked_less_and_less_often_and_nothing_is_lost(
    origin: Origin, http_remote: HttpRemote, by_http: Remote, tmp_path: Path
):
    watcher = Watcher(Mirror(tmp_path / "mirrors", by_http))
    watcher.release()
    commit = origin.commit()
    http_remote.answer = 503
    waits = []
    for _ in range(8):
        found = watcher.look(0)
        assert isinstance(found.decision, Wait)
        assert "503" in found.decision.why
        asked = len(http_remote.requests)
        between = watcher.look((found.decision.until - watcher.now) / 2)
        assert isinstance(between.decision, Wait)
        assert len(http_remote.requests) == asked
        waits.append(found.decision.until - watcher.now)
        watcher.now = found.decision.until
    assert waits[0] < waits[2] < waits[4]
    assert waits[-1] <= 360
    http_remote.answer = None
    found = watcher.look(0)
    assert found.decision == Release(commit, 1)
    assert (found.cursor.failures, found.cursor.not_before) == (0, 0.0)


def test_a_remote_that_hangs_only_for_the_fetch_ends_the_look_in_time(
    origin: Origin, http_remote: HttpRemote, by_http: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pipelines.releases.git.watch.TICK_SECONDS", 2.5)
    monkeypatch.setattr("pipelines.releases.git.watch.LOOK_SECONDS", 1.0)
    watcher = Watcher(Mirror(tmp_path / "mirrors", by_http))
    watcher.release()
    commit = origin.commit()
    popen = command.subprocess.Popen

    def hang_once_fetching(arguments, *rest, **named):
        if "fetch" in arguments:
            http_remote.hang_at = "git-upload-pack"
        return popen(arguments, *rest, **named)

    monkeypatch.setattr(command.subprocess, "Popen", hang_once_fetching)
    started = time.monotonic()
    found = watcher.look()
    assert isinstance(found.decision, Wait)
    assert "hand over branch 'release'" in found.decision.why
    assert time.monotonic() - started < 5
    monkeypatch.setattr(command.subprocess, "Popen", popen)
    http_remote.hang_at = None
    assert watcher.look(60).decision == Release(commit, 1)


def test_wrong_credentials_are_for_a_person(origin: Origin, http_remote: HttpRemote, tmp_path: Path):
    http_remote.credentials = "amelia:s3cret-t0ken"
    remote = remote_from(f"{http_remote.url}/origin.git", "release", user="amelia", token="expired-t0ken")
    found = Watcher(Mirror(tmp_path / "mirrors", remote)).look()
    assert isinstance(found.decision, Refuse)
    assert "credentials" in found.decision.why
    assert "t0ken" not in found.decision.why + found.decision.remedy + found.cursor.dump()
