"""All gates of one version, in the order in which a person asks."""

from __future__ import annotations

from pipelines.models.manifest import Manifest
from pipelines.models.session_scoring import SessionScoring
from pipelines.releases.gates import champion as champion_gate
from pipelines.releases.gates import latency, signature, size, slices, smoke, thresholds
from pipelines.releases.gates.candidate import Candidate
from pipelines.releases.gates.clean_process import Smoke, SmokeFailedError
from pipelines.releases.gates.clean_process import smoke as run_smoke
from pipelines.releases.gates.result import GateResult

GATES = (
    thresholds.GATE,
    champion_gate.GATE,
    slices.GATE,
    signature.GATE,
    size.GATE,
    smoke.GATE,
    latency.GATE,
)
"""Names of all gates, for the checks of the asset graph."""


def judge(
    manifest: Manifest, scoring: SessionScoring | None, candidate: Candidate, champion: Candidate | None
) -> list[GateResult]:
    """Every gate's result; none is left out because another failed, so that all is known at once."""
    answer = _smoke(candidate)
    return [
        thresholds.judge(manifest, candidate),
        champion_gate.judge(manifest, scoring, candidate, champion),
        slices.judge(manifest, scoring, candidate, champion),
        signature.judge(manifest, candidate, champion),
        size.judge(manifest, candidate),
        smoke.judge(candidate, answer),
        latency.judge(manifest, answer),
    ]


def _smoke(candidate: Candidate) -> Smoke | str:
    if candidate.folder is None:
        return f"version {candidate.version} has no artifact in the registry."
    try:
        return run_smoke(candidate.folder)
    except SmokeFailedError as error:
        return str(error)
