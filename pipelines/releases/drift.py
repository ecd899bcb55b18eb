"""Drift: where git, plans, record, aliases, versions and gold do not agree, told in words. Pure comparison."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pipelines.releases.completion import Registered
from pipelines.releases.gold_state import GoldState
from pipelines.releases.plan import Plan, aliases_of
from pipelines.releases.record import Record
from pipelines.releases.registry import Version

Between = Literal["git", "set", "plan", "alias", "version", "gold", "record"]


@dataclass(frozen=True)
class Finding:
    """One disagreement. `is_serious` means that customers may get something else than was released."""

    between: Between
    model: str | None
    sentence: str
    is_serious: bool


@dataclass(frozen=True)
class Observed:
    """Everything as it was found at about the same time."""

    record: Record
    registered: Mapping[str, Registered]
    """By model, for every model of the record."""
    versions: Mapping[str, Sequence[Version]]
    gold: Mapping[str, GoldState]
    head: str | None = None
    """The newest commit of the branch `release`; None where git could not be asked."""
    models_at_head: frozenset[str] | None = None
    """Models that the head's code has; None if unknown."""
    record_problems: Sequence[str] = field(default=())
    """What `pipelines.releases.audit_findings` says."""


def drift(observed: Observed) -> list[Finding]:
    """Every disagreement, the serious ones first; none where all is as it was released."""
    findings = [
        *(Finding("record", None, sentence, True) for sentence in observed.record_problems),
        *_plans(observed),
        *_sets(observed),
        *_aliases(observed),
        *_versions(observed),
        *_gold(observed),
        *_git(observed),
    ]
    return sorted(findings, key=lambda finding: not finding.is_serious)


def _plans(observed: Observed) -> Iterable[Finding]:
    for model, plan in sorted(observed.record.plans.items()):
        found = observed.registered.get(model, Registered(Plan(), {}))
        if found.plan is None:
            yield Finding("plan", model, f"{model}: its tag is no plan: {found.problem}", True)
        elif found.plan.revision < plan.revision:
            sentence = (
                f"{model}: its plan is at revision {found.plan.revision}, the record at {plan.revision}: a move was "
                "cut off. The next move completes it, or `pipelines release recover`."
            )
            yield Finding("plan", model, sentence, True)
        elif found.plan != plan:
            sentence = (
                f"{model}: its plan (revision {found.plan.revision}, champion {found.plan.champion}) was written by "
                f"no move; the record says revision {plan.revision}, champion {plan.champion}. "
                "`pipelines release repair` restores it."
            )
            yield Finding("plan", model, sentence, True)


def _sets(observed: Observed) -> Iterable[Finding]:
    plans = {model: found.plan for model, found in observed.registered.items() if found.plan and found.plan.champion}
    releases = sorted({str(plan.release) for plan in plans.values()})
    if len(releases) > 1:
        parts = [
            f"{', '.join(sorted(model for model, plan in plans.items() if plan.release == release))} of {release[:12]}"
            for release in releases
        ]
        yield Finding("set", None, f"models of several releases serve: {'; '.join(parts)}.", True)


def _aliases(observed: Observed) -> Iterable[Finding]:
    for model, found in sorted(observed.registered.items()):
        if found.plan is None:
            continue
        wanted = {str(alias): version for alias, version in aliases_of(found.plan).items()}
        for alias in sorted({*wanted, *(name for name in found.aliases if name in ("champion", "canary", "previous"))}):
            have, want = found.aliases.get(alias), wanted.get(alias)
            if have != want:
                sentence = f"{model}: alias {alias} names {_version(have)}, the plan says {_version(want)}."
                yield Finding("alias", model, sentence, alias != "previous")


def _versions(observed: Observed) -> Iterable[Finding]:
    for model, found in sorted(observed.registered.items()):
        known = {one.version: one for one in observed.versions.get(model, ())}
        named = aliases_of(found.plan) if found.plan else {}
        for alias, number in named.items():
            if number not in known:
                sentence = f"{model}: version {number}, its {alias}, is not in the registry any more."
                yield Finding("version", model, sentence, alias != "previous")
            elif known[number].problem:
                sentence = f"{model}: version {number}, its {alias}: {known[number].problem}."
                yield Finding("version", model, sentence, alias != "previous")
        for number, one in sorted(known.items()):
            if one.problem and number not in named.values():
                yield Finding("version", model, f"{model}: version {number} never serves: {one.problem}.", False)


def _gold(observed: Observed) -> Iterable[Finding]:
    for model, versions in sorted(observed.versions.items()):
        found = observed.registered.get(model)
        serving = aliases_of(found.plan) if found and found.plan else {}
        for one in versions:
            gone = [
                f"{table} version {number} (now {observed.gold[table].current})"
                for table, number in sorted(one.gold_versions.items())
                if table in observed.gold and observed.gold[table].vanished(number)
            ]
            if gone:
                names = [alias for alias, number in serving.items() if number == one.version]
                role = f", its {' and '.join(names)}," if names else ""
                sentence = (
                    f"{model}: version {one.version}{role} was trained on data that gold does not hold any more: "
                    f"{', '.join(gone)}. Find out why gold was restored, then release anew."
                )
                yield Finding("gold", model, sentence, "champion" in names or "canary" in names)


def _git(observed: Observed) -> Iterable[Finding]:
    head, record = observed.head, observed.record
    if head is None:
        yield Finding("git", None, "git could not be asked what the head of `release` is.", False)
        return
    current = record.current_release
    if head != current:
        on_its_way = record.newest_requested == head and head not in record.sets
        why = (
            "it is in quarantine"
            if head in record.quarantined
            else "it is on its way or was refused: see its last entry"
            if on_its_way
            else "nobody has requested it"
        )
        serves = f"release {current[:12]}" if current else "no release"
        yield Finding("git", None, f"the head of `release` is {head[:12]}, and {serves} serves: {why}.", False)
    elif observed.models_at_head is not None:
        serving = set(record.serving)
        for model in sorted(observed.models_at_head - serving):
            yield Finding("git", model, f"{model}: release {head[:12]} has it, and no version of it serves.", True)
        for model in sorted(serving - observed.models_at_head):
            yield Finding("git", model, f"{model}: it serves, and release {head[:12]} does not have it.", True)


def _version(number: int | None) -> str:
    return "no version" if number is None else f"version {number}"
