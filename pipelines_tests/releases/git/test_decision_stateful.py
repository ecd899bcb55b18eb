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
from pipelines.releases.git.decision import Examine, Examined, Nothing, Release, Rollback, Rules, Step, decide
from pipelines.releases.git.head import Head
from pipelines.releases.git.history import Relation
from pipelines.releases.git.problem import Problem
from pipelines.releases.git.record import Attempt, InFlight, Record

RULES = Rules()
AWAY = Problem("unreachable", "No answer.", "Wait.")


class World(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000_000.0
        self.parents: dict[str, str | None] = {}
        self.head: str | None = None
        self.record = Record()
        self.cursor = Cursor()
        self.requested: set[str] = set()
        """Keys of runs that were ever started: Dagster starts none twice."""
        self.trainings: dict[str, int] = {}
        """Successful trainings by commit."""
        self.moves: list[tuple[str | None, str, str]] = []
        """What customers got before and after each move, and what moved it."""

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

    # How the world works

    def _new(self, parent: str | None) -> str:
        commit = f"{len(self.parents):040x}"
        self.parents[commit] = parent
        return commit

    def _ancestors(self, commit: str | None) -> list[str]:
        found = []
        while commit is not None:
            found.append(commit)
            commit = self.parents[commit]
        return found

    def _relation(self, head: str) -> Relation:
        tip = self.record.tip
        if tip is None:
            return Relation("first", head, None)
        if head == tip:
            return Relation("same", head, tip)
        if tip in self._ancestors(head):
            return Relation("forward", head, tip)
        return Relation("rewound" if head in self._ancestors(tip) else "rewritten", head, tip)

    def _decided(self, head: Head | Problem, cursor: Cursor) -> Step:
        step = decide(head, cursor.since, self.record, RULES, self.now)
        if isinstance(step, Examine):
            step = decide(head, cursor.since, self.record, RULES, self.now, Examined(self._relation(step.commit)))
            assert not isinstance(step, Examine)
        return step

    def _act(self, step: Step) -> None:
        assert not isinstance(step, Examine)
        if step.supersedes:
            assert self.record.in_flight is not None
            assert self.record.in_flight.commit == step.supersedes
            self._end("superseded")
        if isinstance(step, Release | Rollback | Nothing):
            flight = self.record.in_flight
            assert flight is None or flight.commit == self.head, "what the branch left can still become champion"
        if isinstance(step, Release):
            self._start(step)
        if isinstance(step, Rollback):
            assert step.to == self.head
            assert step.to != self.record.current
            assert step.to in self.record.released
            self.moves.append((self.record.current, step.to, "branch"))
            self.record = replace(self.record, current=step.to, tip=step.to)

    def _start(self, release: Release) -> None:
        commit, record = release.commit, self.record
        assert commit == self.head
        assert record.in_flight is None, "two releases under way"
        assert release.run_key not in self.requested, "this attempt was made before, so its run would not start"
        assert commit not in record.released
        assert commit not in record.quarantined
        earlier = record.attempts.get(commit)
        if earlier and earlier.outcome != "superseded" and record.asked_again.get(commit) != earlier.number:
            assert earlier.outcome == "infrastructure", "nobody wanted it tried again"
            assert earlier.number < RULES.retries.most_attempts
            assert self.now - earlier.ended_at >= RULES.retries.delay_seconds(commit, earlier.number)
        if commit not in record.accepted:
            assert record.tip is None or record.tip in self._ancestors(commit), "history was rewritten"
        self.requested.add(release.run_key)
        self.record = replace(record, in_flight=InFlight(commit, release.attempt), tip=commit)

    def _end(self, outcome) -> None:
        flight = self.record.in_flight
        assert flight is not None
        self.record = replace(self.record, in_flight=None)
        if outcome == "success" and flight.commit not in self.record.quarantined:
            self.trainings[flight.commit] = self.trainings.get(flight.commit, 0) + 1
            self.moves.append((self.record.current, flight.commit, "release"))
            attempts = {commit: a for commit, a in self.record.attempts.items() if commit != flight.commit}
            self.record = replace(
                self.record,
                current=flight.commit,
                released=self.record.released | {flight.commit},
                attempts=attempts,
            )
        else:
            ended = Attempt(flight.attempt, "stopped" if outcome == "success" else outcome, self.now, "it ended.")
            self.record = replace(self.record, attempts={**self.record.attempts, flight.commit: ended})

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


World.TestCase.settings = settings(
    max_examples=200, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestWorld = pytest.mark.slow(World.TestCase)
