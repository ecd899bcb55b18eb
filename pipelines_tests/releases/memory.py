"""A record and a registry in memory that keep what the real ones promise, and die where they are told to.

For properties that need thousands of moves. The same tests also run on the Delta table and on MLflow.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime

from pipelines.releases.completion import Registered, Registry
from pipelines.releases.entry import Entry
from pipelines.releases.moves import Journal, Releases
from pipelines.releases.plan import Alias, Plan, plan_from_json
from pipelines.releases.record import Record

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class MemoryJournal:
    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def read(self) -> Record:
        return Record.of(self.entries)

    def write(self, entries: Sequence[Entry]) -> bool:
        if any(entry.sequence == entries[0].sequence for entry in self.entries):
            return False
        self.entries += entries
        return True


class MemoryRegistry:
    """Tags as texts, so that what is read went through JSON; versions in `unfit` are not READY."""

    def __init__(self) -> None:
        self.tags: dict[str, str] = {}
        self.aliases: dict[str, dict[str, int]] = {}
        self.unfit: set[tuple[str, int]] = set()

    def registered(self, model: str) -> Registered:
        text = self.tags.get(model)
        return Registered(plan_from_json(text) if text else Plan(), dict(self.aliases.get(model, {})))

    def write_plan(self, model: str, plan: Plan) -> None:
        self.tags[model] = plan.to_json()

    def point_alias(self, model: str, alias: Alias, version: int) -> None:
        self.aliases.setdefault(model, {})[alias] = version

    def drop_alias(self, model: str, alias: Alias) -> None:
        del self.aliases[model][alias]

    def why_unfit(self, model: str, version: int) -> str | None:
        return "it is not READY" if (model, version) in self.unfit else None


class Killed(BaseException):
    """The process dies here."""


class Mortal:
    """Dies at a chosen moment: `fuse` counts moments, one before and one after each write."""

    def __init__(self) -> None:
        self.fuse: int | None = None

    def arm(self, fuse: int | None) -> None:
        self.fuse = fuse

    def burn(self) -> None:
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                self.fuse = None
                raise Killed


class MortalJournal:
    def __init__(self, journal: Journal, mortal: Mortal) -> None:
        self.journal, self.mortal = journal, mortal

    def read(self) -> Record:
        return self.journal.read()

    def write(self, entries: Sequence[Entry]) -> bool:
        self.mortal.burn()
        done = self.journal.write(entries)
        self.mortal.burn()
        return done


class MortalRegistry:
    def __init__(self, registry: Registry, mortal: Mortal) -> None:
        self.registry, self.mortal = registry, mortal

    def registered(self, model: str) -> Registered:
        return self.registry.registered(model)

    def why_unfit(self, model: str, version: int) -> str | None:
        return self.registry.why_unfit(model, version)

    def write_plan(self, model: str, plan: Plan) -> None:
        self.mortal.burn()
        self.registry.write_plan(model, plan)
        self.mortal.burn()

    def point_alias(self, model: str, alias: Alias, version: int) -> None:
        self.mortal.burn()
        self.registry.point_alias(model, alias, version)
        self.mortal.burn()

    def drop_alias(self, model: str, alias: Alias) -> None:
        self.mortal.burn()
        self.registry.drop_alias(model, alias)
        self.mortal.burn()


def releases_in_memory() -> tuple[Releases, MemoryJournal, MemoryRegistry]:
    """Moves over an empty record and registry in memory."""
    journal, registry = MemoryJournal(), MemoryRegistry()
    return Releases(journal, registry, nullcontext, lambda: NOW), journal, registry
