"""The decision, case by case."""

from __future__ import annotations

import pytest

from pipelines.releases.git.decision import (
    Examine,
    Nothing,
    Refuse,
    Release,
    Rollback,
    Rules,
    Wait,
    decide,
)
from pipelines.releases.git.history import Course
from pipelines.releases.git.problem import Kind, Problem
from pipelines.releases.git.record import Attempt, InFlight, Outcome, Record
from pipelines.releases.git.retry import RetryPolicy
from pipelines_tests.releases.git.deciding import NOW, RULES, A, B, C, decided, examined


def test_the_very_first_commit_is_examined_and_released():
    assert decided(Record()) == Examine(B)
    assert decided(Record(), examined(B, None, "first")) == Release(B, 1)


def test_a_new_commit_is_released_once_it_was_examined():
    record = Record(current=A, tip=A, released=frozenset({A}))
    assert decided(record) == Examine(B)
    assert decided(record, examined(B, A)) == Release(B, 1)
    assert Release(B, 1).run_key == f"{B}_1"


def test_an_examination_of_something_else_does_not_count():
    record = Record(current=A, tip=A, released=frozenset({A}))
    assert decided(record, examined(C, A)) == Examine(B), "another commit"
    assert decided(record, examined(B, C)) == Examine(B), "measured from another commit"


def test_what_runs_already_is_left_alone():
    assert isinstance(decided(Record(current=B, tip=B, released=frozenset({B}))), Nothing)


def test_what_is_being_released_is_left_alone():
    found = decided(Record(current=A, tip=B, released=frozenset({A}), in_flight=InFlight(B, 2)))
    assert isinstance(found, Nothing)
    assert "attempt 2" in found.why


def test_a_newer_commit_supersedes_the_one_under_way():
    record = Record(current=A, tip=B, released=frozenset({A}), in_flight=InFlight(B, 1))
    assert decided(record, examined(C, B), C) == Release(C, 1, supersedes=B)


def test_a_refused_commit_ends_nothing():
    record = Record(current=A, tip=B, released=frozenset({A}), in_flight=InFlight(B, 1))
    refused = decided(record, examined(C, B, "forward", Problem("signature", "Not signed.", "Sign.")), C)
    assert refused == Refuse("Not signed.", "Sign.")
    rewritten = decided(record, examined(C, B, "rewritten"), C)
    assert isinstance(rewritten, Refuse)
    assert rewritten.supersedes is None


def test_going_back_to_what_runs_ends_the_one_under_way():
    record = Record(current=A, tip=B, released=frozenset({A}), in_flight=InFlight(B, 1))
    found = decided(record, head=A)
    assert isinstance(found, Nothing)
    assert found.supersedes == B


def test_rewinding_to_a_released_commit_rolls_back_once_it_is_sure():
    record = Record(current=B, tip=B, released=frozenset({A, B}))
    unsure = decided(record, head=A, since=NOW - 5)
    assert isinstance(unsure, Wait)
    assert unsure.until == NOW + 15
    assert decided(record, head=A, since=NOW - 20) == Rollback(A)
    assert decided(record, head=A, since=NOW + 1e6) == Rollback(A), "a clock that was set back must not hold it up"
    under_way = Record(current=B, tip=C, released=frozenset({A, B}), in_flight=InFlight(C, 1))
    assert decided(under_way, head=A, since=0) == Rollback(A, supersedes=C)


def test_quarantine_comes_before_everything_else():
    held = {B: "its scores drifted."}
    for record in (
        Record(current=A, tip=B, released=frozenset({A, B}), quarantined=held),
        Record(current=B, tip=B, released=frozenset({A, B}), quarantined=held),
        Record(quarantined=held, asked_again={B: 1}, accepted=frozenset({B})),
    ):
        found = decided(record, examined(B, record.tip))
        assert isinstance(found, Refuse)
        assert "quarantine: its scores drifted." in found.why
    found = decided(Record(in_flight=InFlight(B, 1), quarantined=held))
    assert isinstance(found, Refuse)
    assert found.supersedes == B


def test_after_a_rollback_by_command_the_lifted_commit_comes_back_without_training():
    record = Record(current=A, tip=B, released=frozenset({A, B}))
    assert decided(record) == Rollback(B)


@pytest.mark.parametrize("kind", ["unreachable", "timed_out", "busy", "git"])
def test_a_remote_that_is_away_is_waited_for(kind: Kind):
    record = Record(current=A, tip=B, in_flight=InFlight(B, 1))
    found = decide(Problem(kind, "No answer.", "Wait."), NOW, record, RULES, NOW)
    assert isinstance(found, Wait)
    assert NOW < found.until < NOW + 3600
    assert found.why == "No answer. Wait."
    assert found.supersedes is None


@pytest.mark.parametrize("kind", ["branch_missing", "not_found", "authentication", "too_large", "contents"])
def test_what_a_person_must_mend_is_refused(kind: Kind):
    found = decide(Problem(kind, "No.", "Do this."), NOW, Record(in_flight=InFlight(B, 1)), RULES, NOW)
    assert found == Refuse("No.", "Do this.")


@pytest.mark.parametrize("course", ["rewound", "rewritten", "unrelated"])
def test_broken_history_is_refused_loudly_unless_it_is_accepted(course: Course):
    record = Record(current=A, tip=A, released=frozenset({A}))
    found = decided(record, examined(B, A, course))
    assert isinstance(found, Refuse)
    assert A[:12] in found.why
    assert B[:12] in found.why
    assert "accept commit" in found.remedy
    accepted = Record(current=A, tip=A, released=frozenset({A}), accepted=frozenset({B}))
    assert decided(accepted, examined(B, A, course)) == Release(B, 1)
    free = Rules(rewritten="accept")
    assert decided(record, examined(B, A, course), rules=free) == Release(B, 1)


def test_all_that_is_wrong_with_a_commit_is_told_at_once():
    problems = [Problem("contents", f"{number}.", "Mend.") for number in range(3)]
    found = decided(Record(current=A, tip=A), examined(B, A, "forward", *problems))
    assert found == Refuse("0. 1. 2.", "Mend.")


def _after(outcome: Outcome, number: int = 1, ended_ago: float = 0.0, **more) -> Record:
    attempt = Attempt(number, outcome, NOW - ended_ago, "It broke.")
    return Record(current=A, tip=B, released=frozenset({A}), attempts={B: attempt}, **more)


SAME = examined(B, B, "same")


@pytest.mark.parametrize("outcome", ["gate", "refused", "gold", "stopped"])
def test_what_is_wrong_with_the_commit_or_gold_is_not_tried_again(outcome: Outcome):
    for ago in (0.0, 1e9):
        found = decided(_after(outcome, ended_ago=ago), SAME)
        assert isinstance(found, Refuse)
        assert "It broke." in found.why
        assert "newer commit" in found.remedy
    assert decided(_after(outcome, asked_again={B: 1}), SAME) == Release(B, 2)
    assert isinstance(decided(_after(outcome, number=2, asked_again={B: 1}), SAME), Refuse), "that wish was granted"
    assert isinstance(decided(_after(outcome, asked_again={C: 1}), SAME), Refuse), "of another commit"
    newer = decided(_after(outcome), examined(C, B), C)
    assert newer == Release(C, 1)


def test_what_the_infrastructure_broke_is_tried_again_later_and_not_for_ever():
    first = decided(_after("infrastructure"), SAME)
    assert isinstance(first, Wait)
    assert first.until == NOW + 60
    assert decided(_after("infrastructure", ended_ago=60), SAME) == Release(B, 2)
    assert isinstance(decided(_after("infrastructure", 2, 179), SAME), Wait)
    assert decided(_after("infrastructure", 2, 180), SAME) == Release(B, 3)
    last = decided(_after("infrastructure", 3, 1e9), SAME)
    assert isinstance(last, Refuse)
    assert "the last of 3" in last.why
    assert decided(_after("infrastructure", 3, asked_again={B: 3}), SAME) == Release(B, 4)
    assert decided(_after("infrastructure", 1, -1e6), SAME) == Release(B, 2), "a clock that was set back"


def test_a_superseded_commit_that_the_branch_comes_back_to_is_released():
    assert decided(_after("superseded"), SAME) == Release(B, 2)


def test_delays_grow_to_a_bound_and_vary_by_commit():
    policy = RetryPolicy()
    delays = [policy.delay_seconds(A, number) for number in range(1, 100)]
    assert all(0.8 * 60 <= delay <= 1.2 * 1800 for delay in delays)
    assert delays[0] < delays[1] < delays[2]
    assert delays == [policy.delay_seconds(A, number) for number in range(1, 100)]
    assert len({round(policy.delay_seconds(str(number), 1)) for number in range(50)}) > 10
