"""Gate: every metric is within the bounds of the manifest."""

from __future__ import annotations

import math

from pipelines.models.manifest import Manifest
from pipelines.releases.gates.candidate import Candidate
from pipelines.releases.gates.result import GateResult, failed, passed

GATE = "meets_thresholds"


def judge(manifest: Manifest, candidate: Candidate) -> GateResult:
    """A metric that was not measured, or is not a number, fails."""
    numbers = {name: candidate.metrics.get(name, math.nan) for name in manifest.thresholds}
    problems = []
    for name, bound in manifest.thresholds.items():
        value = numbers[name]
        if math.isnan(value):
            problems.append(f"{name} was not measured or is not a number")
        elif bound.minimum is not None and value < bound.minimum:
            problems.append(f"{name} is {value:.4g}, {bound.minimum - value:.2g} below the minimum {bound.minimum:g}")
        elif bound.maximum is not None and value > bound.maximum:
            problems.append(f"{name} is {value:.4g}, {value - bound.maximum:.2g} above the maximum {bound.maximum:g}")
    if problems:
        return failed(GATE, f"{'; '.join(problems)}.", numbers)
    shown = ", ".join(f"{name} {value:.4g}" for name, value in numbers.items())
    return passed(GATE, f"all bounds hold: {shown}.", numbers)
