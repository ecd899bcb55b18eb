"""The plan: what it says, what it refuses to say, and how one follows from another."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.releases import transitions
from pipelines.releases.plan import (
    LONGEST_TAG,
    MOST_QUARANTINED,
    InvalidPlanError,
    Plan,
    aliases_of,
    plan_from_json,
)
from pipelines.releases.transitions import Served, TransitionRefusedError

A, B, C = "a" * 40, "b" * 40, "c" * 40
SERVING = Plan("steady", 4, A, champion=7, previous=5, previous_release=B)

commits = st.integers(0, 12).map(lambda number: f"{number:040x}")
versions = st.integers(1, 10**9)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("promote"), versions, commits),
        st.tuples(st.just("keep"), commits),
        st.tuples(st.just("rollback"), st.builds(Served, versions, commits), st.none(), commits),
        st.tuples(st.just("retire"), commits),
        st.tuples(st.just("quarantine"), commits),
        st.tuples(st.just("lift"), commits),
        st.tuples(st.just("start_canary"), versions, commits, st.integers(1, 10_000), st.just("salt-1")),
        st.tuples(st.just("widen_canary"), st.integers(1, 10_000)),
        st.tuples(st.just("abort_canary")),
    ),
    max_size=25,
)


@given(steps)
def test_every_way_leads_to_valid_plans_whose_revision_grows_by_one(ways: list[tuple[Any, ...]]) -> None:
    plan = Plan()
    for name, *arguments in ways:
        try:
            after = getattr(transitions, name)(plan, *arguments)
        except (TransitionRefusedError, InvalidPlanError):
            continue
        assert after == plan or after.revision == plan.revision + 1
        assert plan_from_json(after.to_json()) == after
        assert len(after.to_json()) <= LONGEST_TAG
        assert after.release not in after.quarantined
        assert aliases_of(after).get("champion") == after.champion
        plan = after


def test_the_longest_plan_fits_the_tag() -> None:
    longest = Plan(
        state="canary",
        revision=10**9,
        release="f" * 64,
        champion=10**9,
        previous=10**9,
        previous_release="e" * 64,
        canary=10**9 + 1,
        canary_release="d" * 64,
        basis_points=10_000,
        salt="s" * 32,
        quarantined=tuple(f"{number:064x}" for number in range(MOST_QUARANTINED)),
    )
    assert len(longest.to_json()) <= LONGEST_TAG
    with pytest.raises(InvalidPlanError, match=r"takes \d+ characters, a tag holds 1000"):
        replace(longest, revision=10**400).to_json()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"state": "great"}, "state is 'great'"),
        ({"champion": None}, "state is steady, and champion is None"),
        ({"champion": "7"}, "champion is '7', no version number"),
        ({"champion": True}, "champion is True, no version number"),
        ({"release": None}, "release is None"),
        ({"release": "main"}, "release is 'main', no commit"),
        ({"revision": -1}, "revision is -1"),
        ({"revision": 1.0}, "no whole number"),
        ({"previous": None}, "previous and previous_release"),
        ({"canary": 8}, "does not go with canary 8"),
        ({"basis_points": 5}, "basis_points is 5 without a canary"),
        ({"quarantined": (A,)}, "serves and is quarantined"),
        ({"quarantined": (C, C)}, "holds a release twice"),
        ({"salt": "a b"}, "salt is 'a b'"),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused_with_the_reason(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidPlanError, match=r"revision .*: ") as raised:
        replace(SERVING, **changes)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no JSON"),
        ("[1]", "is no JSON object"),
        ("{}", "layout is None"),
        ('{"layout":2}', "layout is 2, this code reads 1"),
        ('{"layout":1,"state":"empty"}', "keys revision are missing"),
        ('{"layout":1,"state":"empty","revision":0,"colour":"red"}', "keys colour are unknown"),
        ('{"layout":1,"state":"empty","revision":0,"champion":3}', "state is empty, and champion is 3"),
        ('{"layout":1,"state":"empty","revision":0,"quarantined":"abcdef1"}', "no list of commits"),
        ('{"layout":1,"state":["empty"],"revision":0}', "state is ['empty']"),
    ],
)
def test_a_tag_that_is_no_plan_is_refused_with_the_remedy(text: str, words: str) -> None:
    with pytest.raises(InvalidPlanError) as raised:
        plan_from_json(text)
    assert words in str(raised.value)


def test_absent_values_are_not_written() -> None:
    assert json.loads(SERVING.to_json()) == {
        "layout": 1, "state": "steady", "revision": 4, "release": A,
        "champion": 7, "previous": 5, "previous_release": B, "basis_points": 0,
    }  # fmt: skip


def test_promotion_remembers_what_it_replaces() -> None:
    after = transitions.promote(SERVING, 9, C)
    assert (after.champion, after.release, after.previous, after.previous_release) == (9, C, 7, A)
    assert aliases_of(after) == {"champion": 9, "previous": 7}
    assert transitions.promote(after, 9, C) == after


def test_rollback_quarantines_what_it_leaves_until_it_is_lifted() -> None:
    bad = transitions.promote(SERVING, 9, C)
    back = transitions.rollback(bad, Served(7, A), Served(5, B), C)
    assert (back.champion, back.release, back.quarantined) == (7, A, (C,))
    assert aliases_of(back) == {"champion": 7, "previous": 5}
    with pytest.raises(TransitionRefusedError, match="is quarantined: push a newer commit, or lift it"):
        transitions.promote(back, 9, C)
    assert transitions.promote(transitions.lift(back, C), 9, C).champion == 9


def test_retiring_keeps_the_way_back() -> None:
    gone = transitions.retire(SERVING, C)
    assert (gone.state, gone.champion, aliases_of(gone)) == ("retired", None, {"previous": 7})
    assert transitions.promote(gone, 9, B).previous == 7


def test_a_canary_only_grows_and_ends_with_a_quarantine() -> None:
    canary = transitions.start_canary(SERVING, 9, C, 100, "x")
    assert aliases_of(canary) == {"champion": 7, "canary": 9, "previous": 5}
    wider = transitions.widen_canary(canary, 500)
    with pytest.raises(TransitionRefusedError, match="would shrink to 100"):
        transitions.widen_canary(wider, 100)
    ended = transitions.abort_canary(wider)
    assert (ended.champion, ended.canary, ended.basis_points, ended.quarantined) == (7, None, 0, (C,))
    assert transitions.promote(wider, 9, C).state == "steady"
    with pytest.raises(TransitionRefusedError, match="1 to 10000"):
        transitions.start_canary(SERVING, 9, C, 0, "x")


def test_a_release_that_serves_is_not_quarantined_but_rolled_back() -> None:
    with pytest.raises(TransitionRefusedError, match="roll it back"):
        transitions.quarantine(SERVING, A)
    many = SERVING
    for number in range(MOST_QUARANTINED + 3):
        many = transitions.quarantine(many, f"{number:040x}")
    assert many.quarantined == tuple(f"{number:040x}" for number in range(3, MOST_QUARANTINED + 3))


def test_nothing_is_kept_where_nothing_serves() -> None:
    with pytest.raises(TransitionRefusedError, match="no champion to keep"):
        transitions.keep(Plan(), A)
    kept = transitions.keep(SERVING, C)
    assert (kept.champion, kept.release, kept.previous_release) == (7, C, A)
