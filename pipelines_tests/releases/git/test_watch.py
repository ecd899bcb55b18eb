"""Looks at real branches of real remotes, with the outside record kept by the test."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.releases.git import command
from pipelines.releases.git.cursor import Cursor
from pipelines.releases.git.decision import Nothing, Refuse, Release, Rollback, Rules, Wait
from pipelines.releases.git.mirror import Mirror
from pipelines.releases.git.record import Attempt, InFlight, Record
from pipelines.releases.git.remote import Remote, remote_from
from pipelines.releases.git.signatures import SignaturePolicy
from pipelines.releases.git.watch import Look, Policy, look
from pipelines_tests.releases.git.http_remote import HttpRemote
from pipelines_tests.releases.git.keys import new_ssh_key
from pipelines_tests.releases.git.origin import Origin

NOW = 1_000_000.0


class Watcher:
    """A sensor with its record, moved on as the later stages would move it."""

    def __init__(self, mirror: Mirror, policy: Policy | None = None) -> None:
        self.mirror, self.policy, self.now = mirror, policy or Policy(), NOW
        self.cursor, self.record = Cursor(), Record()

    def look(self, after: float = 15.0) -> Look:
        self.now += after
        found = look(self.mirror, self.policy, self.record, self.cursor, self.now)
        self.cursor = Cursor.load(found.cursor.dump())
        return found

    def started(self, release: Release) -> None:
        self.record = replace(self.record, in_flight=InFlight(release.commit, release.attempt), tip=release.commit)

    def succeeded(self) -> None:
        assert self.record.in_flight
        commit = self.record.in_flight.commit
        self.record = replace(
            self.record, in_flight=None, current=commit, released=self.record.released | {commit}, attempts={}
        )

    def release(self) -> Look:
        found = self.look()
        assert isinstance(found.decision, Release), found.decision
        self.started(found.decision)
        self.succeeded()
        return found


@pytest.fixture
def watcher(mirror: Mirror) -> Watcher:
    return Watcher(mirror)


def test_a_first_release_says_what_it_is_of(origin: Origin, watcher: Watcher):
    found = watcher.look()
    assert found.decision == Release(origin.head(), 1)
    assert found.head == origin.head()
    assert found.candidate
    assert found.candidate.models == ("glider",)
    assert found.candidate.record.subject == "the first model"
    assert found.candidate.record.author == "Amelia <amelia@example.org>"
    assert found.candidate.relation.course == "first"
    assert found.candidate.signer is None


def test_one_push_is_one_release_also_without_a_cursor(origin: Origin, watcher: Watcher):
    first = watcher.look()
    assert isinstance(first.decision, Release)
    watcher.started(first.decision)
    for cursor in (watcher.cursor, Cursor(), Cursor.load("{torn")):
        watcher.cursor = cursor
        assert isinstance(watcher.look().decision, Nothing)
    watcher.succeeded()
    for cursor in (watcher.cursor, Cursor()):
        watcher.cursor = cursor
        assert isinstance(watcher.look().decision, Nothing)


def test_a_look_with_nothing_new_runs_git_once(origin: Origin, watcher: Watcher, monkeypatch: pytest.MonkeyPatch):
    watcher.release()
    commands: list[str] = []
    popen = command.subprocess.Popen

    def counted(arguments, *rest, **named):
        commands.append(" ".join(map(str, arguments)))
        return popen(arguments, *rest, **named)

    monkeypatch.setattr(command.subprocess, "Popen", counted)
    watcher.look()
    assert len(commands) == 1
    assert "ls-remote" in commands[0]


def test_a_refused_commit_is_examined_once(origin: Origin, watcher: Watcher, monkeypatch: pytest.MonkeyPatch):
    watcher.release()
    origin.commit({"pipelines/try.ipynb": "{}"})
    refused = watcher.look()
    assert isinstance(refused.decision, Refuse)
    assert "pipelines/try.ipynb" in refused.decision.why
    assert refused.candidate
    monkeypatch.setattr(Mirror, "fetch", lambda *_, **__: pytest.fail("it was fetched again"))
    again = watcher.look()
    assert again.decision == refused.decision
    assert again.candidate is None


def test_a_refusal_is_looked_at_anew_when_its_ground_changes(origin: Origin, watcher: Watcher):
    watcher.release()
    commit = origin.commit({"pipelines/try.ipynb": "{}"})
    assert isinstance(watcher.look().decision, Refuse)
    limits = replace(watcher.policy.limits, notebooks=True)
    watcher.policy = replace(watcher.policy, limits=limits)
    assert watcher.look().decision == Release(commit, 1)


def test_two_pushes_between_looks_release_the_newest_and_name_the_other(origin: Origin, watcher: Watcher):
    watcher.release()
    passed, newest = origin.commit(), origin.commit()
    found = watcher.look()
    assert found.decision == Release(newest, 1)
    assert found.candidate
    assert found.candidate.relation.passed_over == (passed,)


def test_a_push_during_a_release_supersedes_it(origin: Origin, watcher: Watcher):
    watcher.release()
    older = origin.commit()
    first = watcher.look()
    assert isinstance(first.decision, Release)
    watcher.started(first.decision)
    newer = origin.commit()
    assert watcher.look().decision == Release(newer, 1, supersedes=older)


def test_a_rewind_is_a_rollback_once_the_branch_has_settled(origin: Origin, watcher: Watcher):
    first = origin.head()
    watcher.release()
    origin.commit()
    watcher.release()
    origin.back_to(first)
    assert isinstance(watcher.look().decision, Wait)
    assert isinstance(watcher.look(15).decision, Wait)
    found = watcher.look(15)
    assert found.decision == Rollback(first)
    assert found.candidate is None, "no fetch and no training"


def test_a_forced_push_is_refused_until_a_person_accepts_it(origin: Origin, watcher: Watcher):
    first = origin.head()
    watcher.release()
    released = origin.commit()
    watcher.release()
    origin.git("reset", "-q", "--hard", first)
    forced = origin.commit({"another.txt": "x"})
    found = watcher.look()
    assert isinstance(found.decision, Refuse)
    assert "History was rewritten" in found.decision.why
    assert released[:12] in found.decision.why
    watcher.record = replace(watcher.record, accepted=frozenset({forced}))
    assert watcher.look().decision == Release(forced, 1)


def test_a_forced_push_is_seen_even_by_a_mirror_that_was_lost(origin: Origin, watcher: Watcher, tmp_path: Path):
    first = origin.head()
    watcher.release()
    origin.commit()
    watcher.release()
    origin.git("reset", "-q", "--hard", first)
    origin.commit({"another.txt": "x"})
    watcher.mirror = replace(watcher.mirror, root=tmp_path / "other")
    found = watcher.look()
    assert isinstance(found.decision, Refuse)
    assert "rewritten" in found.decision.why


def test_development_may_accept_forced_pushes(origin: Origin, mirror: Mirror):
    watcher = Watcher(mirror, Policy(Rules(rewritten="accept")))
    watcher.release()
    origin.git("checkout", "-q", "--orphan", "fresh")
    forced = origin.commit({"another.txt": "x"})
    assert watcher.look().decision == Release(forced, 1)


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


def test_a_branch_that_moves_between_look_and_fetch(origin: Origin, watcher: Watcher, monkeypatch: pytest.MonkeyPatch):
    watcher.release()
    seen = origin.commit()
    fetch, made = Mirror.fetch, []

    def fetch_after_a_push(mirror: Mirror, seconds: float, also: str | None = None):
        made.append(origin.commit())
        return fetch(mirror, seconds, also)

    monkeypatch.setattr(Mirror, "fetch", fetch_after_a_push)
    found = watcher.look()
    assert found.decision == Release(made[0], 1)
    assert found.candidate
    assert found.candidate.relation.passed_over == (seen,)
    assert found.cursor.head == made[0]


def test_failures_are_tried_again_by_the_record_alone(origin: Origin, watcher: Watcher):
    found = watcher.look()
    assert isinstance(found.decision, Release)
    head = found.decision.commit
    failed = Attempt(1, "infrastructure", watcher.now, "The cluster was lost.")
    watcher.record = replace(watcher.record, tip=head, attempts={head: failed})
    watcher.cursor = Cursor()
    waiting = watcher.look(1)
    assert isinstance(waiting.decision, Wait)
    assert "The cluster was lost." in waiting.decision.why
    assert watcher.look(100).decision == Release(head, 2)


def test_a_trusted_signer_is_named_and_a_stranger_refused(origin: Origin, mirror: Mirror, tmp_path: Path):
    key, stranger = new_ssh_key(tmp_path, "amelia@example.org"), new_ssh_key(tmp_path, "stranger@example.org")
    signers = tmp_path / "signers"
    signers.write_text(key.allowed())
    watcher = Watcher(mirror, Policy(signatures=SignaturePolicy("range", signers)))
    key.use(origin)
    commit = origin.commit(sign=True)
    found = watcher.release()
    assert found.candidate
    assert found.candidate.signer == f"amelia@example.org ({key.fingerprint})"
    assert found.candidate.record.commit == commit
    stranger.use(origin)
    commit = origin.commit(sign=True)
    assert isinstance(watcher.look().decision, Refuse)
    signers.write_text(key.allowed() + stranger.allowed())
    assert watcher.look().decision == Release(commit, 1)


def test_a_damaged_mirror_is_mended_within_the_look(origin: Origin, watcher: Watcher):
    watcher.release()
    for file in watcher.mirror.repository.folder.glob("objects/pack/*"):
        file.unlink()
    commit = origin.commit()
    assert watcher.look().decision == Release(commit, 1)


def test_a_commit_without_models_is_refused(origin: Origin, watcher: Watcher):
    watcher.release()
    origin.git("rm", "-rq", "pipelines")
    origin.commit()
    found = watcher.look()
    assert isinstance(found.decision, Refuse)
    assert "no model" in found.decision.why
    assert "adding-a-model.md" in found.decision.remedy
