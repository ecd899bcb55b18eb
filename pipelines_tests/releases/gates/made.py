"""Versions as the gates see them, with scores by session that can be worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.models.gate_rules import Gates
from pipelines.models.manifest import Manifest, load_manifests
from pipelines.models.session_scoring import SessionScoring, load_session_scoring
from pipelines.releases.gates.candidate import Candidate

MODEL = "upset_detector"
FULL_METRICS = {"known_upset_recall": 0.97, "known_false_alarms_per_hour": 0.4}


def scoring() -> SessionScoring:
    """The upset detector's: recall is found upsets of all upsets."""
    found = load_session_scoring(MODEL)
    assert found is not None
    return found


def manifest(**gates: Any) -> Manifest:
    """The upset detector's manifest with these gates."""
    return load_manifests()[MODEL].model_copy(update={"gates": Gates.model_validate(gates)})


def session(number: int, found: int, upsets: int = 10, digest: str = "d", **facts: Any) -> dict[str, Any]:
    """A held-out session in which `found` of `upsets` upsets were found."""
    counts = {"upsets": upsets, "found": found, "false_alarms": 0, "hours": 1.0}
    return {"part": "known", "session_id": f"s{number:03}", "source_digest": digest, **facts, "counts": counts}


def version(
    sessions: Sequence[Mapping[str, Any]] = (),
    number: int = 2,
    metrics: Mapping[str, float] | None = None,
    signature: Mapping[str, Any] | None = None,
    folder: Path | None = None,
    example_predictions: Sequence[Any] = (),
) -> Candidate:
    """A version of the upset detector."""
    columns = {"inputs": [{"type": "double", "name": "x", "required": True}], "outputs": [_tensor(2)]}
    return Candidate(
        MODEL, number, metrics or FULL_METRICS, sessions, signature or columns, folder, example_predictions
    )


def _tensor(classes: int) -> dict[str, Any]:
    return {"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, classes]}}
