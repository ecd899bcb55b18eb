"""The end of a release: its candidates become champions together, or the release is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from pipelines.models.manifest import Manifest
from pipelines.releases.candidates import judged, rival
from pipelines.releases.decisions import SupersededError
from pipelines.releases.entry import By
from pipelines.releases.gates.result import GateResult
from pipelines.releases.gates.verdict import Verdict, verdict
from pipelines.releases.moves import Releases
from pipelines.releases.plan import Plan
from pipelines.releases.record import Record
from pipelines.releases.registry import MlflowRegistry
from pipelines.releases.request import request_of
from pipelines.training.identity import identity_of

Outcome = Literal["promoted", "refused", "awaits_approval", "superseded", "served_before"]


@dataclass(frozen=True)
class Rollout:
    """What became of a release, and the record after it."""

    outcome: Outcome
    sentence: str
    record: Record
    versions: Mapping[str, int]


def roll_out(
    release: str,
    manifests: Mapping[str, Manifest],
    releases: Releases,
    registry: MlflowRegistry,
    engine: str,
    by: By,
) -> Rollout:
    """Promote the release's set of versions if every gate and every person asked for lets it pass.

    Doing it again changes nothing. What serves stays as it is in every other case.

    Args:
        manifests: of the release's own code.
        engine: name of the engine, which is part of what identifies a version.
        by: the run that does it.
    """
    record = releases.journal.read()
    if release in record.sets and release != record.current_release:
        sentence = f"release {release[:12]} served before: its versions are there, and a rollback brings them back."
        return Rollout("served_before", sentence, record, record.sets[release])
    versions = _versions(release, manifests, record, registry, engine)
    champions = {model: record.plans.get(model, Plan()).champion for model in manifests}
    results = {model: _results(registry, manifests[model], version, champions[model])
               for model, version in versions.items()}  # fmt: skip
    approvals = record.approvals(release)
    found = verdict(manifests, results, {m: v for m, v in champions.items() if v is not None}, approvals)
    evidence = {"gates": {model: [asdict(one) for one in each] for model, each in results.items()}}
    try:
        return _settled(_Judged(release, versions, found, approvals, evidence), record, releases, registry, by)
    except SupersededError as error:
        return Rollout("superseded", str(error), releases.journal.read(), versions)


@dataclass(frozen=True)
class _Judged:
    """A release of which everything is known that decides about it."""

    commit: str
    versions: Mapping[str, int]
    verdict: Verdict
    approvals: Mapping[str, str]
    evidence: Mapping[str, object]


def _settled(release: _Judged, record: Record, releases: Releases, registry: MlflowRegistry, by: By) -> Rollout:
    found, versions = release.verdict, release.versions
    if found.awaiting:
        return Rollout("awaits_approval", found.sentence, record, versions)
    if not found.passed:
        if record.newest_requested == release.commit and record.on_its_way == release.commit:
            refused = By(by.actor, found.sentence)
            record = releases.refuse(release.commit, sorted(versions) or ["-"], refused, release.evidence)
        return Rollout("refused", found.sentence, record, versions)
    promoted = {model: versions[model] for model in found.promoted}
    for model, version in promoted.items():
        registry.approve(model, version, release.approvals.get(model, f"gates, {by.actor}"))
    record = releases.promote(release.commit, promoted, By(by.actor, found.sentence), found.kept, release.evidence)
    return Rollout("promoted", found.sentence, record, versions)


def _versions(
    release: str, manifests: Mapping[str, Manifest], record: Record, registry: MlflowRegistry, engine: str
) -> dict[str, int]:
    pinned = request_of(record, release).gold_versions
    versions = {}
    for model, manifest in manifests.items():
        read = {table: pinned[table] for table in manifest.gold_tables}
        found = registry.version_of(model, identity_of(manifest, engine, read, release).digest)
        if found is not None:
            versions[model] = found
    return versions


def _results(registry: MlflowRegistry, manifest: Manifest, version: int, champion: int | None) -> list[GateResult]:
    against = rival(champion, version)
    return registry.results(manifest.name, version, against) or judged(registry, manifest, version, against)
