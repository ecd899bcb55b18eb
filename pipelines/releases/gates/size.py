"""Gate: the registered artifact is no larger than its budget."""

from __future__ import annotations

from pipelines.models.manifest import Manifest
from pipelines.releases.gates.candidate import Candidate
from pipelines.releases.gates.result import GateResult, failed, passed

GATE = "within_size_budget"


def judge(manifest: Manifest, candidate: Candidate) -> GateResult:
    """All files of the artifact together, in megabytes of a million bytes."""
    if candidate.folder is None or not candidate.folder.is_dir():
        return failed(GATE, f"version {candidate.version} has no artifact in the registry: train it again.")
    size = sum(file.stat().st_size for file in candidate.folder.rglob("*") if file.is_file()) / 1e6
    budget = manifest.gates.budgets.size_megabytes
    if size > budget:
        return failed(
            GATE,
            f"the artifact has {size:.1f} MB, {size - budget:.1f} MB above its budget of {budget:g} MB.",
            {"megabytes": size},
        )
    return passed(GATE, f"the artifact has {size:.2f} MB of {budget:g} MB.", {"megabytes": size})
