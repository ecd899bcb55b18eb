"""What a location runs, since when, from which commit and data, and what is on its way: for one screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipelines.releases.plan import State
from pipelines.releases.record import Record
from pipelines.releases.registry import Version


@dataclass(frozen=True)
class ModelStatus:
    """One model. `gold_versions` are those that its champion was trained on, empty where that is unknown."""

    model: str
    state: State
    champion: int | None
    release: str | None
    trained_for: str | None
    """The commit that the champion was trained for: an older one than `release` where it was kept."""
    since: datetime
    gold_versions: Mapping[str, int]
    previous: int | None


@dataclass(frozen=True)
class Event:
    """A move as a line: who did what with which release, and why."""

    sequence: int
    at: datetime
    what: str
    release: str
    models: tuple[str, ...]
    actor: str
    reason: str


@dataclass(frozen=True)
class Status:
    """The whole location."""

    release: str | None
    on_its_way: str | None
    quarantined: tuple[str, ...]
    models: tuple[ModelStatus, ...]
    events: tuple[Event, ...]
    """The newest moves, the newest first."""


def status_of(record: Record, versions: Mapping[str, Sequence[Version]], events: int = 10) -> Status:
    """The status that the record gives, with what the registry knows of the champions (by model)."""
    models = []
    for model, plan in sorted(record.plans.items()):
        known = {one.version: one for one in versions.get(model, ())}
        champion = known.get(plan.champion) if plan.champion is not None else None
        models.append(
            ModelStatus(
                model=model,
                state=plan.state,
                champion=plan.champion,
                release=plan.release,
                trained_for=champion.release if champion else None,
                since=record.since[model],
                gold_versions=champion.gold_versions if champion else {},
                previous=plan.previous,
            )
        )
    return Status(
        release=record.current_release,
        on_its_way=record.on_its_way,
        quarantined=tuple(sorted(record.quarantined)),
        models=tuple(models),
        events=tuple(_events(record)[:events]),
    )


def _events(record: Record) -> list[Event]:
    moves: dict[tuple[int, str], Event] = {}
    for entry in record.entries:
        key = (entry.sequence, entry.transition)
        before = moves[key].models if key in moves else ()
        moves[key] = Event(
            sequence=entry.sequence,
            at=entry.recorded_at,
            what=entry.transition,
            release=entry.release,
            models=(*before, entry.model),
            actor=entry.by.actor,
            reason=entry.by.reason,
        )
    return sorted(moves.values(), key=lambda event: -event.sequence)
