"""The record of releases, read as what it says about now: plans, what was requested, what served together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from pipelines.releases.entry import Entry
from pipelines.releases.pins import Pin, pins_of
from pipelines.releases.plan import Plan


@dataclass(frozen=True)
class Record:
    """Every entry so far, in order of moves."""

    entries: tuple[Entry, ...]

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Record:
        """The record of these entries, whatever their order."""
        return cls(tuple(sorted(entries, key=lambda entry: (entry.sequence, entry.model))))

    @property
    def next_sequence(self) -> int:
        """The number of the move to come."""
        return self.entries[-1].sequence + 1 if self.entries else 1

    @cached_property
    def plans(self) -> dict[str, Plan]:
        """The plan of every model that was ever part of a release."""
        return {entry.model: entry.after for entry in self.entries if entry.after is not None}

    @cached_property
    def since(self) -> dict[str, datetime]:
        """When each model's plan became what it is."""
        return {entry.model: entry.recorded_at for entry in self.entries if entry.after is not None}

    @cached_property
    def newest_requested(self) -> str | None:
        """The release that was asked for last: it alone may be promoted."""
        requests = [entry.release for entry in self.entries if entry.transition == "requested"]
        return requests[-1] if requests else None

    @cached_property
    def on_its_way(self) -> str | None:
        """The release that was requested last, if it has neither served nor been refused since."""
        newest = self.newest_requested
        for entry in reversed(self.entries):
            if entry.release == newest and entry.transition in ("refused", "promoted", "kept"):
                return None
            if entry.release == newest and entry.transition == "requested":
                return newest
        return None

    @cached_property
    def quarantined(self) -> frozenset[str]:
        """Releases that some plan holds in quarantine."""
        return frozenset(release for plan in self.plans.values() for release in plan.quarantined)

    @cached_property
    def serving(self) -> dict[str, Plan]:
        """The plans of models that have a champion."""
        return {model: plan for model, plan in self.plans.items() if plan.champion is not None}

    @cached_property
    def pins(self) -> dict[str, dict[str, Pin]]:
        """Customers who are held at a version: by model, then by customer."""
        return pins_of(self.entries)

    @cached_property
    def current_release(self) -> str | None:
        """The release whose set serves; None before the first."""
        moved = [entry.after.release for entry in self.entries if entry.after is not None and entry.after.champion]
        return moved[-1] if moved and self.serving else None

    @cached_property
    def sets(self) -> Mapping[str, dict[str, int]]:
        """Champion by model of every release that ever served, in the order in which they first did."""
        sets: dict[str, dict[str, int]] = {}
        for entry in self.entries:
            plan = entry.after
            if plan is not None and plan.champion is not None and plan.release is not None:
                sets.setdefault(plan.release, {})[entry.model] = plan.champion
        return sets

    def before(self, release: str) -> list[str]:
        """Releases that first served before `release` did and are not in quarantine, the newest first."""
        order = list(self.sets)
        earlier = order[: order.index(release)] if release in order else []
        return [one for one in reversed(earlier) if one not in self.quarantined]

    def named(self, beginning: str) -> str:
        """The release whose commit begins so.

        Raises:
            ValueError: none does, or several do.
        """
        found = sorted({entry.release for entry in self.entries if entry.release.startswith(beginning)})
        if len(found) != 1:
            known = ", ".join(one[:12] for one in found) or "none"
            raise ValueError(
                f"which release is {beginning!r}? It fits {known}: give the commit's first 7 to 40 digits."
            )
        return found[0]

    def approvals(self, release: str) -> dict[str, str]:
        """Who approved `release`, by model."""
        return {
            entry.model: entry.by.actor
            for entry in self.entries
            if entry.transition == "approved" and entry.release == release
        }
