"""Looks at real branches of real remotes, with the outside record kept by the test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.releases.git import command
from pipelines.releases.git.cursor import Cursor
from pipelines.releases.git.decision import Nothing, Refuse, Release, Rollback, Rules, Wait
from pipelines.releases.git.mirror import Mirror
from pipelines.releases.git.record import Attempt, Record
from pipelines.releases.git.signatures import SignaturePolicy
from pipelines.releases.git.watch import RECORD_SECONDS, Look, Policy
from pipelines.releases.git.watch import look as look_at
from pipelines_tests.releases.git.keys import new_ssh_key
from pipelines_tests.releases.git.origin import Origin
from pipelines_tests.releases.git.watcher import Watcher


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


def test_while_nothing_changes_the_record_is_not_read(origin: Origin, watcher: Watcher):
    watcher.release()
    reads: list[str] = []
    change = "run 1 succeeded"

    def look() -> Look:
        def known() -> Record:
            reads.append(change)
            return watcher.record

        found = look_at(watcher.mirror, watcher.policy, known, watcher.cursor, watcher.now, lambda: change)
        watcher.cursor = Cursor.load(found.cursor.dump())
        return found

    first = look()
    again = look()
    assert isinstance(again.decision, Nothing)
    assert again.decision == first.decision
    assert (first.unchanged, again.unchanged, reads) == (False, True, ["run 1 succeeded"])

    # What happened beside the branch is seen in a while, though the branch is where it was.
    watcher.record = replace(watcher.record, quarantined={origin.head(): "it was worse"})
    change = "run 2 succeeded"
    watcher.now += RECORD_SECONDS - 1
    assert look().unchanged
    watcher.now += 1
    assert isinstance(look().decision, Refuse)
    assert isinstance(look().decision, Refuse), "what is refused is looked at each time"

    # And so is a push while nothing else happened.
    watcher.record = replace(watcher.record, quarantined={})
    change = "run 3 succeeded"
    assert isinstance(look().decision, Nothing)
    watcher.now += RECORD_SECONDS
    assert look().unchanged, "asked anew, and nothing has changed"
    pushed = origin.commit()
    assert look().decision == Release(pushed, 1)


def test_while_a_release_goes_on_the_record_is_read_each_time(origin: Origin, watcher: Watcher):
    first = watcher.look()
    assert isinstance(first.decision, Release)
    watcher.started(first.decision)
    for _ in range(2):
        found = look_at(watcher.mirror, watcher.policy, watcher.record, watcher.cursor, watcher.now, lambda: "run 1")
        watcher.cursor = found.cursor
        assert isinstance(found.decision, Nothing)
        assert not found.unchanged
