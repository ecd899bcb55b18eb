"""What holds of a decision in every state that the world can be in."""

from __future__ import annotations

import itertools

from pipelines.releases.git.decision import (
    Decision,
    Examine,
    Nothing,
    Refuse,
    Release,
    Rollback,
    Wait,
)
from pipelines.releases.git.history import Course
from pipelines.releases.git.problem import Problem
from pipelines.releases.git.record import Attempt, InFlight, Outcome, Record
from pipelines_tests.releases.git.deciding import NOW, RULES, A, B, C, decided, examined

OUTCOMES: tuple[Outcome, ...] = ("infrastructure", "gate", "refused", "stopped", "superseded")
COURSES: tuple[Course, ...] = ("forward", "rewritten", "same")


def _worlds():
    """Everything that may bear on head B, each in all its states, with all the others."""
    attempts: list[Attempt | None] = [
        None,
        *(Attempt(n, o, t, "x") for n in (1, 3) for o in OUTCOMES for t in (NOW, 0.0)),
    ]
    yield from itertools.product(
        (None, A, B),  # current
        (frozenset(), frozenset({A}), frozenset({A, B})),  # released
        (None, InFlight(B, 1), InFlight(C, 1)),
        attempts,
        (False, True),  # quarantined
        (False, True),  # asked again
        (False, True),  # accepted
        (NOW, 0.0),  # since
        (None, *COURSES),  # examined
        (False, True),  # a problem in the commit
    )


def test_rules_that_hold_in_every_world():
    seen: set[type[Decision] | type[Examine]] = set()
    for current, released, flight, attempt, held, again, accepted, since, course, flawed in _worlds():
        record = Record(
            current=current,
            tip=A,
            released=released,
            in_flight=flight,
            attempts={B: attempt} if attempt else {},
            quarantined={B: "bad"} if held else {},
            asked_again={B: attempt.number} if again and attempt else {},
            accepted=frozenset({B}) if accepted else frozenset(),
        )
        problems = [Problem("contents", "No.", "Mend.")] if flawed else []
        found = decided(record, examined(B, A, course, *problems) if course else None, since=since)
        seen.add(type(found))
        if isinstance(found, Release):
            assert found.commit == B
            assert B not in released
            assert not held
            assert current != B
            assert flight is None or flight.commit != B
            assert not flawed
            assert course == "same" or course == "forward" or accepted
            assert found.attempt == (attempt.number + 1 if attempt else 1)
            retried = attempt is None or attempt.outcome in ("infrastructure", "superseded") or again
            assert retried
            assert found.supersedes == (C if flight else None)
        if isinstance(found, Rollback):
            assert found.to == B
            assert B in released
            assert not held
            assert current != B
        if isinstance(found, Wait):
            assert NOW < found.until <= NOW + 2 * RULES.retries.longest_delay_seconds
        if isinstance(found, Refuse):
            assert found.why
            assert found.remedy
        if isinstance(found, Nothing):
            assert (flight and flight.commit == B) or current == B
    assert seen == {Release, Rollback, Wait, Refuse, Nothing, Examine}
