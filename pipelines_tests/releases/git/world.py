"""A world in which a branch is released: what Dagster and the registry would keep, and do."""

from __future__ import annotations

from dataclasses import replace

from pipelines.releases.git.cursor import Cursor
from pipelines.releases.git.decision import Examine, Examined, Nothing, Release, Rollback, Rules, Step, decide
from pipelines.releases.git.head import Head
from pipelines.releases.git.history import Relation
from pipelines.releases.git.problem import Problem
from pipelines.releases.git.record import Attempt, InFlight, Record

RULES = Rules()


class World:
    """Whatever is asked of it, it asserts what must never happen."""

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
