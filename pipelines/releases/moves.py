"""Moves: how the plans of a whole set change, so that a crash anywhere is made good by whoever comes next.

The registry can neither write several models' tags at once nor compare before it writes. So a move is
1. one commit to the record that holds every model's plan before and after: from here on it has happened;
2. the tags; 3. the aliases.
Steps 2 and 3 bring the registry to what the record says and are the same for a move and after a crash, so they are
also the first thing that every move does: what a dead one left undone is rolled forward, never back. The record takes
a number only once, so of two writers whose lock failed them one is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol
from uuid import uuid4

from pipelines.releases import decisions
from pipelines.releases.completion import Registry, complete, is_edited
from pipelines.releases.decisions import Change
from pipelines.releases.entry import By, Entry
from pipelines.releases.pins import pin_evidence
from pipelines.releases.plan import aliases_of
from pipelines.releases.record import Record


class Journal(Protocol):
    """The record, as it is kept."""

    def read(self) -> Record:
        """Every entry."""
        ...

    def write(self, entries: Sequence[Entry]) -> bool:
        """Add the entries of one move in one commit, all or none; False if its number is taken."""
        ...


class UnfitVersionError(Exception):
    """A version that may not serve: it does not exist, is not READY, or is a leftover of a registration that died."""


class OtherMoveError(Exception):
    """Another move was recorded in between: read the state anew and decide again."""


@dataclass(frozen=True)
class Releases:
    """The moves. `lock` gives a lock over the record and all plans, which dies with its holder."""

    journal: Journal
    registry: Registry
    lock: Callable[[], AbstractContextManager[Any]]
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def request(
        self,
        release: str,
        models: Iterable[str],
        by: By,
        evidence: Mapping[str, Any] | None = None,
        anew: bool = False,
    ) -> Record:
        """Say that a release is on its way; older ones that are still on theirs are superseded by it.

        `anew` trains the release that serves once more, on what `evidence` says.
        """
        return self._move(lambda record: decisions.requested(record, release, models, anew), by, evidence)

    def refuse(self, release: str, models: Iterable[str], by: By, evidence: Mapping[str, Any] | None = None) -> Record:
        """Say that a release did not pass; `by.reason` tells why. The champions stay."""
        return self._move(lambda record: decisions.event(record, "refused", release, models), by, evidence)

    def approve(self, release: str, models: Iterable[str], by: By) -> Record:
        """Say that a person approves of these models of a release."""
        return self._move(lambda record: decisions.event(record, "approved", release, models), by, None)

    def promote(
        self,
        release: str,
        versions: Mapping[str, int],
        by: By,
        kept: Collection[str] = (),
        evidence: Mapping[str, Any] | None = None,
    ) -> Record:
        """Make the versions of a release champion, all of them or none; doing it again changes nothing.

        Args:
            kept: models that keep the champion they have.
            evidence: results of the gates and the like, for the record.

        Raises:
            SupersededError: a newer release was requested; TransitionRefusedError: see `decisions.promoted`.
            UnfitVersionError: a version may not serve. PlanConflictError: a tag was edited.
        """
        return self._move(lambda record: decisions.promoted(record, release, versions, kept), by, evidence)

    def rollback(self, by: By, target: str | None = None, evidence: Mapping[str, Any] | None = None) -> Record:
        """Go back to an earlier release, by default the one before, and quarantine the one that is left."""
        return self._move(lambda record: decisions.rolled_back(record, target), by, evidence)

    def quarantine(self, release: str, by: By) -> Record:
        """Keep a release that does not serve from being promoted."""
        return self._move(lambda record: decisions.quarantined(record, release), by, None)

    def lift(self, release: str, by: By) -> Record:
        """End the quarantine of a release."""
        return self._move(lambda record: decisions.lifted(record, release), by, None)

    def pin(self, customer: str, model: str, version: int, release: str, by: By) -> Record:
        """Hold a customer at a version of a model, which is of `release`; doing it again changes nothing."""
        decide = partial(decisions.pinned, customer=customer, model=model, version=version, release=release)
        return self._move(decide, by, pin_evidence(customer, version))

    def unpin(self, customer: str, model: str, by: By) -> Record:
        """Let the release plan choose again for the customer."""
        decide = partial(decisions.unpinned, customer=customer, model=model)
        return self._move(decide, by, {"customer": customer})

    def recover(self) -> list[str]:
        """Bring the registry to what the record says; safe at any time, nothing is done twice.

        Returns:
            What could not be done, a sentence each: versions that the record names and that cannot serve.
        """
        with self.lock():
            return complete(self.registry, self.journal.read())

    def repair(self, by: By, *, keep_tags: bool = False) -> Record:
        """End conflicts between tags and record: as the record says or, with `keep_tags`, as the tags do."""
        with self.lock():
            record = self.journal.read()
            changes = []
            for model, plan in record.plans.items():
                tag = self.registry.registered(model).plan
                if tag is None or is_edited(tag, plan):
                    chosen = tag if keep_tags and tag is not None else plan
                    revision = max(plan.revision, tag.revision if tag else 0) + 1
                    release = chosen.release or plan.release or ""
                    changes.append(Change(model, "repaired", release, plan, replace(chosen, revision=revision)))
            return self._record(record, changes, by, None, {change.model for change in changes})

    def _move(self, decide: Callable[[Record], list[Change]], by: By, evidence: Mapping[str, Any] | None) -> Record:
        with self.lock():
            record = self.journal.read()
            complete(self.registry, record)
            return self._record(record, decide(record), by, evidence)

    def _record(
        self,
        record: Record,
        changes: Sequence[Change],
        by: By,
        evidence: Mapping[str, Any] | None,
        overwritten: Collection[str] = (),
    ) -> Record:
        if not changes:
            return record
        self._require_fit(changes)
        move_id, now = uuid4().hex, self.now()
        entries = [
            Entry(
                sequence=record.next_sequence,
                move_id=move_id,
                transition=change.transition,
                model=change.model,
                release=change.release,
                revision=change.after.revision,
                by=by,
                before=change.before if change.after != change.before else None,
                after=change.after if change.after != change.before else None,
                recorded_at=now,
                evidence=evidence or {},
            )
            for change in changes
        ]
        if not self.journal.write(entries):
            raise OtherMoveError(
                f"move {record.next_sequence} was recorded by somebody else although this one held the lock: nothing "
                "was changed. Look at `pipelines release status` and decide again."
            )
        moved = Record.of((*record.entries, *entries))
        complete(self.registry, moved, overwritten)
        return moved

    def _require_fit(self, changes: Iterable[Change]) -> None:
        unfit = []
        for change in changes:
            new = set(aliases_of(change.after).items()) - set(aliases_of(change.before).items())
            for version in sorted({version for alias, version in new if alias != "previous"}):
                reason = self.registry.why_unfit(change.model, version)
                unfit += [f"{change.model} version {version}: {reason}"] if reason else []
        if unfit:
            raise UnfitVersionError(f"nothing was changed, since not all of the set can serve: {'; '.join(unfit)}.")
