"""Releases in random order, with writers that die at any write: what must hold whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from pipelines.releases.audit_findings import contradictions
from pipelines.releases.completion import PlanConflictError, Registry
from pipelines.releases.entry import By
from pipelines.releases.moves import Journal, OtherMoveError, Releases
from pipelines.releases.plan import aliases_of
from pipelines.releases.record import Record
from pipelines.releases.transitions import TransitionRefusedError
from pipelines_tests.releases.memory import NOW, Killed, Mortal, MortalJournal, MortalRegistry

MODELS = ("classifier", "detector", "judge")
BY = By("tester", "because")

# Half of the moves live; the others die at one of their first moments.
fuses = st.one_of(st.none(), st.integers(0, 16))


class OldNews:
    """A record that is read as it was: that of a writer who slept while its lock was lost."""

    def __init__(self, journal: Journal, old: Record) -> None:
        self.journal, self.old = journal, old
        self.write = journal.write

    def read(self) -> Record:
        return self.old


class ReleaseMachine(RuleBasedStateMachine):
    """Subclasses say where record and registry are kept (`begin`) and how versions come to be (`new_version`)."""

    releases_requested = Bundle("releases_requested")

    def __init__(self) -> None:
        super().__init__()
        self.models, self.journal, self.registry = self.begin()
        self.mortal = Mortal()
        self.releases = Releases(
            MortalJournal(self.journal, self.mortal),
            MortalRegistry(self.registry, self.mortal),
            nullcontext,
            lambda: NOW,
        )
        self.sets: dict[str, dict[str, int]] = {}
        self.revisions: dict[str, int] = {}
        self.is_clean = True

    def begin(self) -> tuple[tuple[str, ...], Journal, Registry]:
        raise NotImplementedError

    def new_version(self, model: str, release: str) -> int:
        raise NotImplementedError

    def do(self, move: Callable[[], object], fuse: int | None) -> bool:
        """Whether the move came to its end; a refused one leaves everything as it is, but for what it completed."""
        before = self.journal.read().entries
        self.mortal.arm(fuse)
        try:
            move()
        except Killed:
            self.is_clean = False
            return False
        except TransitionRefusedError:
            assert self.journal.read().entries == before
        finally:
            self.mortal.arm(None)
        self.is_clean = True
        return True

    @rule(
        target=releases_requested,
        fuse=fuses,
        among=st.sets(st.sampled_from(range(len(MODELS))), min_size=1),
    )
    def push(self, fuse: int | None, among: set[int]) -> str:
        release = f"{len(self.sets) + 1:040x}"
        self.sets[release] = {self.models[number]: self.new_version(self.models[number], release) for number in among}
        self.do(lambda: self.releases.request(release, self.sets[release], BY), fuse)
        return release

    @rule(release=releases_requested, fuse=fuses)
    def push_again(self, release: str, fuse: int | None) -> None:
        self.do(lambda: self.releases.request(release, self.sets[release], BY), fuse)

    @rule(release=releases_requested, fuse=fuses)
    def promote(self, release: str, fuse: int | None) -> None:
        before = len(self.journal.read().entries)
        ended = self.do(lambda: self.releases.promote(release, self.sets[release], BY), fuse)
        after = len(self.journal.read().entries)
        if not ended:  # Dagster runs the step again
            self.do(lambda: self.releases.promote(release, self.sets[release], BY), None)
            assert after == before or len(self.journal.read().entries) == after

    @rule(release=releases_requested, fuse=fuses, number=st.integers(0, 2))
    def promote_all_but_one(self, release: str, fuse: int | None, number: int) -> None:
        kept = self.models[number]
        versions = {model: version for model, version in self.sets[release].items() if model != kept}
        self.do(lambda: self.releases.promote(release, versions, BY, kept=[kept]), fuse)

    @rule(fuse=fuses)
    def roll_back(self, fuse: int | None) -> None:
        self.do(lambda: self.releases.rollback(BY), fuse)

    @rule(release=releases_requested, fuse=fuses)
    def roll_back_to(self, release: str, fuse: int | None) -> None:
        self.do(lambda: self.releases.rollback(BY, release), fuse)

    @rule(release=releases_requested, fuse=fuses)
    def lift(self, release: str, fuse: int | None) -> None:
        self.do(lambda: self.releases.lift(release, BY), fuse)

    @rule(release=releases_requested, fuse=fuses)
    def quarantine(self, release: str, fuse: int | None) -> None:
        self.do(lambda: self.releases.quarantine(release, BY), fuse)

    @rule()
    def recover(self) -> None:
        assert self.releases.recover() == []
        self.is_clean = True

    @rule(release=releases_requested, lost=st.integers(1, 3))
    def promote_with_a_lost_lock(self, release: str, lost: int) -> None:
        record = self.journal.read()
        sequences = sorted({entry.sequence for entry in record.entries})
        if len(sequences) <= lost:
            return
        old = Record(tuple(entry for entry in record.entries if entry.sequence <= sequences[-lost - 1]))
        sleeper = replace(self.releases, journal=OldNews(self.journal, old))
        try:
            after = sleeper.promote(release, self.sets[release], BY)
            assert after == old  # there was nothing to do
        except (OtherMoveError, PlanConflictError, TransitionRefusedError):
            pass
        assert self.journal.read() == record
        self.is_clean = False

    @invariant()
    def nothing_goes_backwards(self) -> None:
        record = self.journal.read()
        assert contradictions(record) == []
        moves = [(entry.model, entry.revision) for entry in record.entries if entry.after is not None]
        assert len(moves) == len(set(moves))
        for model in self.models:
            plan = self.registry.registered(model).plan
            assert plan is not None
            assert plan.revision >= self.revisions.get(model, 0)
            self.revisions[model] = plan.revision
        requested: dict[str, int] = {}
        newest = 0
        for entry in record.entries:
            if entry.transition == "requested":
                requested[entry.release] = entry.sequence
            elif entry.transition == "promoted":
                assert requested[entry.release] == max(requested.values())
                assert requested[entry.release] >= newest
                newest = requested[entry.release]

    @invariant()
    def the_record_has_whole_sets(self) -> None:
        record = self.journal.read()
        assert len({plan.release for plan in record.serving.values()}) <= 1
        for plan in record.serving.values():
            assert plan.release == record.current_release
            assert plan.release not in record.quarantined

    @invariant()
    def the_registry_agrees_once_a_move_came_to_its_end(self) -> None:
        if not self.is_clean:
            return
        for model, plan in self.journal.read().plans.items():
            found = self.registry.registered(model)
            assert found.plan == plan
            assert dict(found.aliases) == aliases_of(plan)

    def teardown(self) -> None:
        self.releases.recover()
        self.is_clean = True
        self.the_registry_agrees_once_a_move_came_to_its_end()
        self.the_record_has_whole_sets()
