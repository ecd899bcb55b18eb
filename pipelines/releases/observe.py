"""What the releases of a location look like now: gathered for `pipelines.releases.drift`, and completed before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.releases.audit import AuditTable
from pipelines.releases.audit_findings import contradictions, edits
from pipelines.releases.completion import PlanConflictError
from pipelines.releases.drift import Observed
from pipelines.releases.gold_state import GoldState, gold_state
from pipelines.releases.registry import MlflowRegistry
from pipelines.releases.site import audit_contract, open_releases
from pipelines.settings import Settings
from pipelines.tables.contract import TableName

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine


@dataclass(frozen=True)
class Completed:
    """What was left undone by a move that was cut off, and is done now."""

    models: tuple[str, ...]
    """Models whose plan or aliases lagged behind the record."""
    problems: tuple[str, ...]
    """What could not be done, a sentence each."""


def complete_moves(engine: Engine, settings: Settings) -> Completed:
    """Bring the registry to what the record says. A tag that somebody edited is left alone: drift tells of it."""
    releases, registry = open_releases(engine, settings), MlflowRegistry(settings)
    models = list(releases.journal.read().plans)
    before = {model: registry.registered(model) for model in models}
    try:
        problems = releases.recover()
    except PlanConflictError:
        return Completed((), ())
    after = {model: registry.registered(model) for model in models}
    return Completed(tuple(sorted(model for model in models if before[model] != after[model])), tuple(problems))


def observe(engine: Engine, settings: Settings, head: str | None, models_at_head: Iterable[str] | None) -> Observed:
    """Everything that drift compares. What git says is given, since a step in a workspace does not reach it."""
    releases, registry = open_releases(engine, settings), MlflowRegistry(settings)
    record = releases.journal.read()
    versions = {model: registry.versions(model) for model in record.plans}
    tables = {table for each in versions.values() for one in each for table in one.gold_versions}
    return Observed(
        record=record,
        registered={model: registry.registered(model) for model in record.plans},
        versions=versions,
        gold=_gold(engine, tables),
        head=head,
        models_at_head=None if models_at_head is None else frozenset(models_at_head),
        record_problems=(*edits(AuditTable(engine, audit_contract(settings))), *contradictions(record)),
    )


def _gold(engine: Engine, tables: Iterable[str]) -> dict[str, GoldState]:
    there = [table for table in sorted(tables) if engine.exists(TableName.of(table))]
    # Of a table that is gone, every version has vanished.
    return {**dict.fromkeys(tables, GoldState(-1, {})), **gold_state(engine, there)}
