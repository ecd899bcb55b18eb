"""Pins in the record: they touch neither plans nor the registry, and a quarantine is stronger than they are."""

from __future__ import annotations

import pytest

from pipelines.releases.entry import By
from pipelines.releases.moves import Releases
from pipelines.releases.pins import Pin, held_at
from pipelines.releases.transitions import TransitionRefusedError
from pipelines_tests.releases.memory import MemoryJournal, MemoryRegistry, releases_in_memory

A, B = "a" * 40, "b" * 40
BY, ANA = By("run 7", "release"), By("Ana", "examinations until May")


@pytest.fixture
def two() -> tuple[Releases, MemoryJournal, MemoryRegistry]:
    """Releases A and B of one model, B serves."""
    releases, journal, registry = releases_in_memory()
    for number, release in enumerate((A, B), start=1):
        releases.request(release, ["x"], BY)
        releases.promote(release, {"x": number}, BY)
    return releases, journal, registry


def test_a_pin_is_kept_until_it_is_taken_back(two: tuple[Releases, MemoryJournal, MemoryRegistry]) -> None:
    releases, journal, registry = two
    plans, registered = journal.read().plans, registry.registered("x")
    assert releases.pin("acme", "x", 1, A, ANA).pins == {"x": {"acme": Pin(1, A, ANA)}}
    count = len(journal.entries)
    releases.pin("acme", "x", 1, A, By("Bo", "again"))
    assert len(journal.entries) == count, "it was pinned there already"
    releases.pin("birch", "x", 2, B, ANA)
    assert held_at(releases.pin("acme", "x", 2, B, ANA), "x") == {"acme": 2, "birch": 2}
    record = releases.unpin("acme", "x", ANA)
    assert held_at(record, "x") == {"birch": 2}
    assert releases.unpin("birch", "x", ANA).pins == {}
    with pytest.raises(TransitionRefusedError, match="birch has no pin of x"):
        releases.unpin("birch", "x", ANA)
    after = journal.read()
    assert (after.plans, registry.registered("x")) == (plans, registered)
    assert (after.current_release, after.newest_requested, after.on_its_way) == (B, B, None)


def test_a_release_in_quarantine_holds_nobody_until_it_is_lifted(
    two: tuple[Releases, MemoryJournal, MemoryRegistry],
) -> None:
    releases, _, _ = two
    releases.pin("acme", "x", 2, B, ANA)
    record = releases.rollback(By("Ana", "wrong"))
    assert record.quarantined == {B}
    assert (held_at(record, "x"), record.pins["x"]["acme"].version) == ({}, 2)
    assert held_at(releases.lift(B, ANA), "x") == {"acme": 2}
