"""From the results of every gate of every model to what the release as a whole may do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.models.manifest import Manifest
from pipelines.releases.gates.result import GateResult


@dataclass(frozen=True)
class Verdict:
    """What becomes of the set. `promoted` and `kept` are empty where it is stopped."""

    passed: bool
    sentence: str
    promoted: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    """Models that failed and keep their champion, as their manifests say."""
    awaiting: tuple[str, ...] = ()
    """Models that a person must approve first."""


def verdict(
    manifests: Mapping[str, Manifest],
    results: Mapping[str, Sequence[GateResult]],
    champions: Mapping[str, int] | None = None,
    approvals: Mapping[str, str] | None = None,
) -> Verdict:
    """A failed gate stops the whole set, unless the model's manifest says to keep its champion.

    Args:
        results: by model; a model of `manifests` without results has not passed.
        champions: version by model that serves now; who has none cannot keep it.
        approvals: who approved, by model, for the models whose manifest asks for a person.
    """
    missing = [f"{model}: it was not judged" for model in manifests if not results.get(model)]
    failing = {
        model: [result for result in results.get(model, ()) if not result.passed]
        for model in manifests
        if any(not result.passed for result in results.get(model, ()))
    }
    kept = tuple(
        model
        for model in sorted(failing)
        if manifests[model].gates.on_failure == "keep_champion" and model in (champions or {})
    )
    stopping = [
        f"{model}, {result.gate}: {result.sentence}"
        for model in sorted(failing)
        if model not in kept
        for result in failing[model]
    ]
    if stopping or missing:
        return Verdict(False, " ".join([*stopping, *(f"{one}." for one in missing)]))
    promoted = tuple(model for model in sorted(manifests) if model not in kept)
    if not promoted:
        return Verdict(False, "no model passed its gates, so there is nothing to release.", kept=kept)
    awaiting = tuple(
        model for model in promoted if manifests[model].gates.approval == "person" and model not in (approvals or {})
    )
    if awaiting:
        return Verdict(
            False,
            f"{', '.join(awaiting)} passed and must be approved by a person (`pipelines release approve`).",
            awaiting=awaiting,
        )
    keeping = f"; {', '.join(kept)} failed and keep their champions" if kept else ""
    return Verdict(True, f"{', '.join(promoted)} passed every gate{keeping}.", promoted, kept)
