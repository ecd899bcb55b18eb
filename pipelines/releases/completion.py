"""Bringing the registry to what the record of releases says: tags first, then aliases, never backwards."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pipelines.releases.plan import ALIASES, Alias, Plan, aliases_of
from pipelines.releases.record import Record


@dataclass(frozen=True)
class Registered:
    """What the registry says of one model. `plan` is the empty one before the first, None where the tag is no plan."""

    plan: Plan | None
    aliases: Mapping[str, int]
    problem: str = ""


class Registry(Protocol):
    """Tags and aliases of registered models."""

    def registered(self, model: str) -> Registered:
        """The plan and the aliases that the registry holds."""
        ...

    def write_plan(self, model: str, plan: Plan) -> None:
        """Write the tag."""
        ...

    def point_alias(self, model: str, alias: Alias, version: int) -> None:
        """Make the alias name the version."""
        ...

    def drop_alias(self, model: str, alias: Alias) -> None:
        """Remove the alias."""
        ...

    def why_unfit(self, model: str, version: int) -> str | None:
        """Why no alias may name the version; None if it is READY and the one of its release."""
        ...


class PlanConflictError(Exception):
    """A tag says what no move has written: somebody edited it, or the record lost entries."""


def complete(registry: Registry, record: Record, overwritten: Collection[str] = ()) -> list[str]:
    """Write the tags and aliases that lag behind the record; safe at any time, nothing is done twice.

    Args:
        overwritten: models whose tag is replaced although it is no plan at all.

    Returns:
        What could not be done, a sentence each: versions that the record names and that cannot serve.

    Raises:
        PlanConflictError: a tag is ahead of the record or differs from it, and nothing is written; or somebody else
            writes at the same time.
    """
    found = {model: registry.registered(model) for model in sorted(record.plans)}
    _refuse_conflicts(record, {model: state for model, state in found.items() if model not in overwritten})
    lagging = [model for model, state in found.items() if state.plan != record.plans[model]]
    for model in lagging:
        registry.write_plan(model, record.plans[model])
    problems = []
    for model, state in found.items():
        problems += _project(registry, model, record.plans[model], state.aliases)
    _verify(registry, record, lagging)
    return problems


def is_edited(tag: Plan, recorded: Plan) -> bool:
    """Whether no crash explains the difference: a tag may lag behind the record, and nothing else."""
    return tag.revision > recorded.revision or (tag.revision == recorded.revision and tag != recorded)


def _refuse_conflicts(record: Record, found: Mapping[str, Registered]) -> None:
    conflicts = []
    for model, state in found.items():
        plan = record.plans[model]
        if state.plan is None:
            conflicts.append(f"{model}: {state.problem}")
        elif is_edited(state.plan, plan):
            conflicts.append(
                f"{model}: its tag is at revision {state.plan.revision} ({_shown(state.plan)}), the record at "
                f"{plan.revision} ({_shown(plan)})"
            )
    if conflicts:
        raise PlanConflictError(
            f"plans that no move has written: {'; '.join(conflicts)}. Find out who changed them, then "
            "`pipelines release repair` restores what the record says."
        )


def _project(registry: Registry, model: str, plan: Plan, found: Mapping[str, int]) -> list[str]:
    wanted = aliases_of(plan)
    problems = []
    for alias in ALIASES:
        version = wanted.get(alias)
        if found.get(alias) == version:
            continue
        reason = registry.why_unfit(model, version) if version is not None else None
        if version is None:
            registry.drop_alias(model, alias)
        elif reason is None:
            registry.point_alias(model, alias, version)
        else:
            problems.append(f"{model}: alias {alias} cannot name version {version}: {reason}")
    return problems


def _verify(registry: Registry, record: Record, written: Iterable[str]) -> None:
    for model in written:
        state = registry.registered(model)
        if state.plan != record.plans[model]:
            raise PlanConflictError(
                f"{model}: the plan of revision {record.plans[model].revision} was written and "
                f"{_shown(state.plan) if state.plan else state.problem} was read back: somebody else writes it. "
                "Run it again: what the record says is completed."
            )


def _shown(plan: Plan) -> str:
    return f"{plan.state}, champion {plan.champion}"
