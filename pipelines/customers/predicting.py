"""One registered version applied to a customer's sessions, by the same path as every prediction.

A model that fails for one session keeps none of the others from being judged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.customers.findings import findings
from pipelines.customers.given_tables import GivenTables
from pipelines.customers.serving import Serving
from pipelines.models.manifest import Manifest
from pipelines.models.protocol import load_model_code
from pipelines.tables.selecting import in_list
from pipelines.training.digests import features_digest
from pipelines.training.inference import predictions_of
from pipelines.training.judging import Judgement
from pipelines.training.registry import FEATURES_TAG

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


JUDGED, NOT_JUDGED, FAILED = "judged", "not_judged", "failed"
_CLASS = re.compile(r"\b([A-Za-z_.]*(?:Error|Exception|Warning)): *(.*)")
_LONGEST_REASON = 300


@dataclass(frozen=True)
class Judged:
    """What one version made of one session."""

    status: str
    reason: str | None
    rows: list[dict[str, Any]]
    """Columns of `analysis` that tell what was found; empty unless judged."""
    needs: str | None = None
    """The release by whose code it could be judged, where the running code cannot."""


def judge_sessions(
    serving: Serving,
    model: str,
    version: int,
    session_ids: Sequence[str],
    given: GivenTables,
    can_judge: Mapping[str, Sequence[Judgement]],
) -> dict[str, Judged]:
    """What the version finds in each of the sessions, which are among those of `given`.

    `can_judge` says by name of the model whether it can judge them at all.
    """
    manifest = serving.manifests.get(model)
    if (unfit := _unfit(serving, manifest, model, version)) is not None:
        return dict.fromkeys(session_ids, unfit)
    assert manifest is not None
    reasons = {one.session_id: one.reason for one in can_judge[model]}
    asked = [session_id for session_id in session_ids if session_id in reasons]
    found = {one: Judged(NOT_JUDGED, reason, []) for one in asked if (reason := reasons[one]) is not None}
    usable = [session_id for session_id in asked if session_id not in found]
    if usable:
        saved = serving.saved(model, version)
        found |= _predicted(manifest, given, usable, saved)
    return found


def _unfit(serving: Serving, manifest: Manifest | None, model: str, version: int) -> Judged | None:
    """Why the running code cannot apply the version; None if it can."""
    tags = serving.tags(model, version)
    if tags is None:
        return Judged(FAILED, f"The registry has no version {version} of {model}.", [])
    if manifest is None or tags.get(FEATURES_TAG) != features_digest(manifest):
        release = tags.get("commit")
        made_by = f"release {release[:12]}" if release else "another release"
        words = (
            f"Version {version} of {model} was made by {made_by} with other features than the code that ran has, so it "
            "could not be applied."
        )
        return Judged(FAILED, words, [], needs=release)
    return None


def _predicted(manifest: Manifest, given: GivenTables, session_ids: list[str], saved: bytes) -> dict[str, Judged]:
    """All at once; if that fails, each half by itself, until what fails is alone.

    An outage of the engine or of its tables is raised: the step is tried again, and nothing is held against a model.
    """
    these = in_list("session_id", session_ids)
    chosen = {name: rows.where(these) for name, rows in given.of(manifest).items()}
    try:
        features = load_model_code(manifest.name).features(chosen, manifest.parameters)
        rows = predictions_of(manifest, features, saved).toArrow().to_pylist()
        by_session = findings(manifest, rows, given.approach_starts)
    except Exception as error:
        if len(session_ids) == 1:
            _require_readable(chosen)
            return {session_ids[0]: Judged(FAILED, f"{manifest.name} failed: {_words(error)}", [])}
        half = len(session_ids) // 2
        return {
            **_predicted(manifest, given, session_ids[:half], saved),
            **_predicted(manifest, given, session_ids[half:], saved),
        }
    return {session_id: Judged(JUDGED, None, by_session.get(session_id, [])) for session_id in session_ids}


def _require_readable(tables: Mapping[str, DataFrame]) -> None:
    """Raise if what the model was given cannot be read without it either: then the failure is not the model's."""
    for rows in tables.values():
        rows.toArrow()


def _words(error: Exception) -> str:
    """The innermost error in a line, without stack traces and places of this machine."""
    told = [found for line in str(error).splitlines() if (found := _CLASS.search(line))]
    if told:
        return f"{told[-1][1].rsplit('.', 1)[-1]}: {told[-1][2]}"[:_LONGEST_REASON]
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:_LONGEST_REASON]
