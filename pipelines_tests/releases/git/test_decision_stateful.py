"""A world in which people push, rewind, force, quarantine and crash things at random, and a watcher that decides.

The world keeps what Dagster and the registry would keep; the watcher is `decide`, with a cursor that may be lost.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pipelines.releases.git.cursor import Cursor
from pipelines.releases.git.decision import Release, Rollback
from pipelines.releases.git.head import Head
from pipelines.releases.git.problem import Problem
from pipelines_tests.releases.git.world import World

AWAY = Problem("unreachable", "No answer.", "Wait.")


class Machine(World, RuleBasedStateMachine):
    # People

    @initialize()
    def first_push(self) -> None:
        self.push_on_top()

    @rule()
    def push_on_top(self) -> None:
        self.head = self._new(self.head)

    @precondition(lambda self: self.head is not None)
    @rule()
    def push_two(self) -> None:
        self.push_on_top()
        self.push_on_top()

    @precondition(lambda self: len(self.parents) > 1)
    @rule(data=st.data())
    def force(self, data: st.DataObject) -> None:
        self.head = self._new(data.draw(st.sampled_from(sorted(self.parents))))

    @precondition(lambda self: len(self.parents) > 1)
    @rule(data=st.data())
    def move_the_branch(self, data: st.DataObject) -> None:
        self.head = data.draw(st.sampled_from(sorted(self.parents)))

    @rule()
    def delete_the_branch(self) -> None:
        self.head = None

    @precondition(lambda self: self.record.current is not None)
    @rule(data=st.data())
    def roll_back_by_command(self, data: st.DataObject) -> None:
        current = self.record.current
        others = sorted(self.record.released - {current} - set(self.record.quarantined))
        if others and current:
            to = data.draw(st.sampled_from(others))
            self.record = replace(
                self.record, current=to, quarantined={**self.record.quarantined, current: "a person took it back."}
            )
            self.moves.append((current, to, "person"))

    @rule(data=st.data())
    def quarantine_or_lift(self, data: st.DataObject) -> None:
        commit = data.draw(st.sampled_from(sorted(self.parents)))
        held = dict(self.record.quarantined)
        if commit in held:
            del held[commit]
        elif commit != self.record.current:
            held[commit] = "bad."
        self.record = replace(self.record, quarantined=held)

    @precondition(lambda self: self.record.attempts)
    @rule(data=st.data())
    def ask_again(self, data: st.DataObject) -> None:
        commit = data.draw(st.sampled_from(sorted(self.record.attempts)))
        number = self.record.attempts[commit].number
        self.record = replace(self.record, asked_again={**self.record.asked_again, commit: number})

    @precondition(lambda self: self.head is not None)
    @rule()
    def accept(self) -> None:
        self.record = replace(self.record, accepted=self.record.accepted | {str(self.head)})

    # Machines

    @rule(seconds=st.sampled_from([1.0, 15.0, 30.0, 600.0, 7200.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.record.in_flight is not None)
    @rule(outcome=st.sampled_from(["success", "success", "infrastructure", "gate", "refused", "stopped"]))
    def run_ends(self, outcome) -> None:
        self._end(outcome)

    @rule()
    def cursor_is_lost(self) -> None:
        self.cursor = Cursor.load("garbage")

    @rule(outcomes=st.lists(st.sampled_from(["success", "success", "success", "infrastructure", "gate"]), max_size=3))
    def a_quiet_hour(self, outcomes: list[str]) -> None:
        for outcome in [*outcomes, None]:
            self.tick()
            self.now += 30
            self.tick()
            if outcome and self.record.in_flight:
                self._end(outcome)
            self.now += 900

    @rule(
        crash=st.sampled_from(["no", "no", "no", "before acting", "after acting"]),
        away=st.sampled_from([False, False, False, True]),
    )
    def tick(self, crash: str = "no", away: bool = False) -> None:
        head = AWAY if away or self.head is None else Head(self.head)
        cursor = self.cursor if isinstance(head, Problem) else self.cursor.seen(head.commit, self.now)
        step = self._decided(head, cursor)
        if crash == "before acting":
            return
        self._act(step)
        if crash == "no":
            self.cursor = Cursor.load(cursor.dump())

    # What must hold

    @invariant()
    def nothing_is_released_twice(self) -> None:
        assert all(count == 1 for count in self.trainings.values())

    @invariant()
    def nothing_goes_backwards_by_itself(self) -> None:
        for before, after, by in self.moves:
            if by == "release" and before is not None and after in self._ancestors(before):
                # Only a person's word lets an older, never released commit follow.
                assert after in self.record.accepted

    @invariant()
    def nothing_in_quarantine_is_started(self) -> None:
        step = self._decided(Head(self.head), self.cursor) if self.head else None
        assert not isinstance(step, Release) or step.commit not in self.record.quarantined
        assert not isinstance(step, Rollback) or step.to not in self.record.quarantined

    def teardown(self) -> None:
        """When people stop and machines work, what the branch is at is what customers get."""
        if self.head is None or self.head in self.record.quarantined:
            return
        self.record = replace(self.record, accepted=self.record.accepted | {self.head})
        if attempt := self.record.attempts.get(self.head):
            self.record = replace(self.record, asked_again={self.head: attempt.number})
        before = self.trainings.get(self.head, 0)
        for _ in range(6):
            self.tick()
            self.now += 15
            if self.record.in_flight and self.record.in_flight.commit == self.head:
                self._end("success")
        assert self.record.current == self.head
        assert self.record.in_flight is None
        assert self.trainings[self.head] == max(before, 1)
        moves = len(self.moves)
        for number in range(6):
            if number == 3:
                self.cursor = Cursor()
            self.tick()
            self.now += 3600
        assert len(self.moves) == moves, "it is at rest"


Machine.TestCase.settings = settings(
    max_examples=200, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestMachine = pytest.mark.slow(Machine.TestCase)
