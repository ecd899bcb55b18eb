"""Moves of whole sets, told as the stories that they are."""

from __future__ import annotations

import pytest

from pipelines.releases.completion import PlanConflictError
from pipelines.releases.decisions import SupersededError
from pipelines.releases.entry import By
from pipelines.releases.moves import Releases, UnfitVersionError
from pipelines.releases.plan import Plan
from pipelines.releases.transitions import TransitionRefusedError, promote
from pipelines_tests.releases.memory import (
    Killed,
    MemoryJournal,
    MemoryRegistry,
    Mortal,
    MortalJournal,
    MortalRegistry,
    releases_in_memory,
)

A, B, C, D = ("a" * 40, "b" * 40, "c" * 40, "d" * 40)
BY = By("run 7", "release")
PILOT = By("Ana", "wrong on touch and goes")


def released(releases: Releases, release: str, versions: dict[str, int]) -> None:
    releases.request(release, versions, BY)
    releases.promote(release, versions, BY)


@pytest.fixture
def two() -> tuple[Releases, MemoryJournal, MemoryRegistry]:
    """Releases A and B of two models, B serves."""
    releases, journal, registry = releases_in_memory()
    released(releases, A, {"x": 1, "y": 1})
    released(releases, B, {"x": 2, "y": 2})
    return releases, journal, registry


def champions(registry: MemoryRegistry) -> dict[str, int | None]:
    return {model: aliases.get("champion") for model, aliases in registry.aliases.items()}


def test_a_set_is_promoted_with_its_reasons_on_record(two: tuple[Releases, MemoryJournal, MemoryRegistry]) -> None:
    releases, journal, registry = two
    assert registry.aliases == {"x": {"champion": 2, "previous": 1}, "y": {"champion": 2, "previous": 1}}
    entries = journal.read().entries
    assert [(entry.sequence, entry.transition, entry.model, entry.release[0]) for entry in entries] == [
        (1, "requested", "x", "a"), (1, "requested", "y", "a"), (2, "promoted", "x", "a"), (2, "promoted", "y", "a"),
        (3, "requested", "x", "b"), (3, "requested", "y", "b"), (4, "promoted", "x", "b"), (4, "promoted", "y", "b"),
    ]  # fmt: skip
    assert (entries[-1].by, entries[-1].before, entries[-1].revision) == (BY, promote(Plan(), 1, A), 2)
    releases.promote(B, {"x": 2, "y": 2}, BY)
    assert len(journal.entries) == 8


def test_a_rollback_moves_the_set_and_the_bad_release_stays_out(
    two: tuple[Releases, MemoryJournal, MemoryRegistry],
) -> None:
    releases, journal, registry = two
    record = releases.rollback(PILOT)
    assert registry.aliases == {"x": {"champion": 1}, "y": {"champion": 1}}
    assert (record.current_release, record.quarantined) == (A, {B})
    assert journal.entries[-1].by.reason == "wrong on touch and goes"
    for attempt in (
        lambda: releases.promote(B, {"x": 2, "y": 2}, BY),
        lambda: releases.rollback(PILOT, B),
        lambda: releases.request(B, ["x", "y"], BY),
        lambda: releases.rollback(PILOT),  # there is nothing before A
    ):
        with pytest.raises(TransitionRefusedError):
            attempt()
    released(releases, C, {"x": 3, "y": 3})
    assert champions(registry) == {"x": 3, "y": 3}


def test_a_person_lifts_a_quarantine_and_goes_forward_again(
    two: tuple[Releases, MemoryJournal, MemoryRegistry],
) -> None:
    releases, journal, registry = two
    releases.rollback(PILOT)
    releases.lift(B, PILOT)
    record = releases.rollback(By("Ana", "it was the other simulator"), B)
    assert champions(registry) == {"x": 2, "y": 2}
    assert record.quarantined == frozenset()
    assert {entry.transition for entry in journal.entries if entry.sequence == 7} == {"restored"}


def test_an_older_release_that_ends_late_does_not_become_champion() -> None:
    releases, _, registry = releases_in_memory()
    releases.request(A, ["x"], BY)
    releases.request(B, ["x"], BY)
    with pytest.raises(SupersededError, match=f"{A[:12]} was superseded by {B[:12]}"):
        releases.promote(A, {"x": 1}, BY)
    releases.promote(B, {"x": 2}, BY)
    with pytest.raises(SupersededError):
        releases.promote(A, {"x": 1}, BY)
    with pytest.raises(SupersededError, match="never requested"):
        releases_in_memory()[0].promote(A, {"x": 1}, BY)
    assert champions(registry) == {"x": 2}


def test_the_release_that_serves_may_be_trained_anew_unless_a_newer_one_is_on_its_way(
    two: tuple[Releases, MemoryJournal, MemoryRegistry],
) -> None:
    releases, journal, registry = two
    assert journal.read().on_its_way is None
    releases.request(C, ["x", "y"], BY)
    assert journal.read().on_its_way == C
    with pytest.raises(TransitionRefusedError, match=f"{C[:12]} is on its way"):
        releases.request(B, ["x", "y"], BY)
    releases.refuse(C, ["x"], By("run 8", "x: recall is 0.8, 0.15 below the minimum 0.95"))
    assert journal.read().on_its_way is None
    releases.request(B, ["x", "y"], By("schedule", "gold has grown by 20 %"))
    releases.promote(B, {"x": 5, "y": 5}, BY)
    assert champions(registry) == {"x": 5, "y": 5}
    assert {plan.previous for plan in journal.read().plans.values()} == {2}
    with pytest.raises(TransitionRefusedError, match="has served already: going back to it is a rollback"):
        releases.request(A, ["x", "y"], BY)


def test_models_that_come_and_go_follow_the_set() -> None:
    releases, journal, registry = releases_in_memory()
    released(releases, A, {"x": 1, "old": 1})
    released(releases, B, {"x": 2, "new": 1})
    assert champions(registry) == {"x": 2, "old": None, "new": 1}
    assert journal.read().plans["old"].state == "retired"
    assert registry.aliases["old"] == {"previous": 1}
    releases.rollback(PILOT)
    assert champions(registry) == {"x": 1, "old": 1, "new": None}
    released(releases, C, {"x": 3, "new": 2})
    assert champions(registry) == {"x": 3, "old": None, "new": 2}
    releases.rollback(PILOT)
    assert champions(registry) == {"x": 1, "old": 1, "new": None}
    assert journal.read().quarantined == {B, C}


def test_a_model_may_keep_its_champion_and_comes_back_by_itself() -> None:
    releases, journal, registry = releases_in_memory()
    released(releases, A, {"x": 1, "y": 1})
    releases.request(B, ["x", "y"], BY)
    releases.promote(B, {"x": 2}, BY, kept=["y"])
    assert champions(registry) == {"x": 2, "y": 1}
    assert {plan.release for plan in journal.read().plans.values()} == {B}
    releases.promote(B, {"x": 2, "y": 2}, BY)  # the model was trained again and passed
    assert champions(registry) == {"x": 2, "y": 2}
    releases.rollback(PILOT)
    assert champions(registry) == {"x": 1, "y": 1}
    releases.request(C, ["x", "z"], BY)
    with pytest.raises(TransitionRefusedError, match="no champion to keep"):
        releases.promote(C, {"x": 3}, BY, kept=["z"])


def test_one_unfit_version_stops_the_whole_set(two: tuple[Releases, MemoryJournal, MemoryRegistry]) -> None:
    releases, journal, registry = two
    releases.request(C, ["x", "y"], BY)
    registry.unfit.add(("y", 3))
    count = len(journal.entries)
    with pytest.raises(UnfitVersionError, match=r"nothing was changed.*y version 3: it is not READY"):
        releases.promote(C, {"x": 3, "y": 3}, BY)
    assert (champions(registry), len(journal.entries)) == ({"x": 2, "y": 2}, count)


def test_a_version_that_vanished_is_told_and_does_not_bar_the_rollback(
    two: tuple[Releases, MemoryJournal, MemoryRegistry],
) -> None:
    releases, _, registry = two
    registry.unfit.add(("x", 2))
    del registry.aliases["x"]["champion"]  # as deleting a version does
    assert releases.recover() == ["x: alias champion cannot name version 2: it is not READY"]
    releases.rollback(PILOT)
    assert champions(registry) == {"x": 1, "y": 1}
    assert releases.recover() == []


def test_a_death_after_the_record_is_completed_by_whoever_comes_next(
    two: tuple[Releases, MemoryJournal, MemoryRegistry],
) -> None:
    releases, journal, registry = two
    mortal = Mortal()
    dying = Releases(MortalJournal(journal, mortal), MortalRegistry(registry, mortal), releases.lock)
    mortal.arm(3)  # after the record and one tag
    with pytest.raises(Killed):
        dying.rollback(PILOT)
    assert {model: registry.registered(model).plan.champion for model in "xy"} == {"x": 1, "y": 2}  # type: ignore
    releases.approve(A, ["x"], PILOT)
    assert champions(registry) == {"x": 1, "y": 1}
    assert journal.read().approvals(A) == {"x": "Ana"}


def test_an_edited_tag_is_refused_and_repaired(two: tuple[Releases, MemoryJournal, MemoryRegistry]) -> None:
    releases, journal, registry = two
    registry.write_plan("x", promote(Plan("steady", 1, A, champion=1), 1, B))  # revision 2, another champion
    with pytest.raises(PlanConflictError, match=r"x: its tag is at revision 2 \(steady, champion 1\), the record at 2"):
        releases.rollback(PILOT)
    assert champions(registry) == {"x": 2, "y": 2}
    record = releases.repair(PILOT)
    assert (registry.registered("x").plan, record.plans["x"].revision) == (record.plans["x"], 3)
    assert record.plans["x"].champion == 2
    assert journal.entries[-1].transition == "repaired"
    assert releases.repair(PILOT) == record


def test_a_tag_that_is_no_plan_is_told_and_repaired(two: tuple[Releases, MemoryJournal, MemoryRegistry]) -> None:
    from pipelines.releases.completion import Registered
    from pipelines.releases.plan import InvalidPlanError, plan_from_json

    class Strict(MemoryRegistry):
        def registered(self, model: str) -> Registered:
            try:
                return super().registered(model)
            except InvalidPlanError as error:
                return Registered(None, dict(self.aliases[model]), str(error))

    releases, journal, memory = two
    registry = Strict()
    registry.tags, registry.aliases = {**memory.tags, "x": "nonsense"}, memory.aliases
    releases = Releases(journal, registry, releases.lock)
    with pytest.raises(PlanConflictError, match="x: 'nonsense' is no JSON"):
        releases.recover()
    releases.repair(PILOT)
    assert plan_from_json(registry.tags["x"]).champion == 2


def test_a_record_that_lost_moves_is_not_believed_unless_a_person_says_so(
    two: tuple[Releases, MemoryJournal, MemoryRegistry],
) -> None:
    releases, journal, registry = two
    journal.entries = [entry for entry in journal.entries if entry.sequence <= 2]
    with pytest.raises(PlanConflictError, match="its tag is at revision 2"):
        releases.request(C, ["x"], BY)
    releases.repair(By("Ana", "the table was restored to Monday"), keep_tags=True)
    assert champions(registry) == {"x": 2, "y": 2}
    assert releases.recover() == []
    assert journal.read().plans["x"].revision == 3


def test_every_move_needs_a_name_and_a_reason() -> None:
    for actor, reason in (("", "why"), ("who", " ")):
        with pytest.raises(ValueError, match="actor and a reason"):
            By(actor, reason)
