"""The one screen: what runs, since when, from what, and what is on its way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from pipelines.releases.entry import By
from pipelines.releases.registry import Version
from pipelines.releases.status import status_of
from pipelines_tests.releases.memory import NOW, releases_in_memory

A, B, C = "a" * 40, "b" * 40, "c" * 40
BY = By("run", "release")


def test_it_says_what_runs_from_what_and_what_comes() -> None:
    releases, journal, _ = releases_in_memory()
    releases.request(A, ["x", "y"], BY)
    releases.promote(A, {"x": 1, "y": 1}, BY)
    later = replace(releases, now=lambda: NOW + timedelta(hours=2))
    later.request(B, ["x", "y"], BY)
    later.promote(B, {"x": 2}, BY, kept=["y"])
    later.request(C, ["x", "y"], By("sensor", "pushed by Ana"))
    versions = {
        "x": [Version(2, B, {"main.gold.sessions": 9}, {})],
        "y": [Version(1, A, {"main.gold.sessions": 4}, {})],
    }
    status = status_of(journal.read(), versions, events=3)
    assert (status.release, status.on_its_way, status.quarantined) == (B, C, ())
    assert [(one.model, one.champion, one.release, one.trained_for, one.previous) for one in status.models] == [
        ("x", 2, B, B, 1),
        ("y", 1, B, A, 1),
    ]
    assert status.models[0].gold_versions == {"main.gold.sessions": 9}
    assert status.models[0].since == NOW + timedelta(hours=2)
    assert [(event.what, event.release, event.models) for event in status.events] == [
        ("requested", C, ("x", "y")),
        ("promoted", B, ("x",)),
        ("kept", B, ("y",)),
    ]
    assert status.events[0].reason == "pushed by Ana"


def test_a_rollback_shows_the_quarantine_and_nothing_on_its_way() -> None:
    releases, journal, _ = releases_in_memory()
    assert status_of(journal.read(), {}).models == ()
    for number, release in enumerate((A, B), start=1):
        releases.request(release, ["x"], BY)
        releases.promote(release, {"x": number}, BY)
    releases.rollback(By("Ana", "wrong"))
    status = status_of(journal.read(), {})
    assert (status.release, status.on_its_way, status.quarantined) == (A, None, (B,))
    assert (status.models[0].champion, status.models[0].trained_for) == (1, None)
