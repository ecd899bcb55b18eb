"""Gate: the registered artifact answers in a clean process, and as it did when it was trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipelines.releases.gates.candidate import Candidate
from pipelines.releases.gates.clean_process import Smoke
from pipelines.releases.gates.result import GateResult, failed, passed

GATE = "answers_in_a_clean_process"
TOLERANCE = 1e-9


def judge(candidate: Candidate, smoke: Smoke | str) -> GateResult:
    """Compare the answers with those of the training. `smoke` is a sentence where the process failed."""
    if isinstance(smoke, str):
        return failed(GATE, f"the registered artifact does not answer in a process of its own: {smoke}")
    if not len(candidate.example_predictions):
        return failed(GATE, "the training logged no predictions of the input example: train the version again.")
    found, expected = _numbers(smoke.predictions), _numbers(candidate.example_predictions)
    if found is None or not np.isfinite(found).all():
        return failed(GATE, "it answers its input example with values that are not finite numbers, such as NaN.")
    if expected is None or found.shape != expected.shape:
        was = "no table of numbers" if expected is None else f"the shape {expected.shape}"
        return failed(GATE, f"its answer has the shape {found.shape}, at the training it had {was}.")
    gap = float(np.max(np.abs(found - expected), initial=0.0))
    numbers = {"largest_difference": gap, "rows": float(len(found))}
    if not gap <= TOLERANCE:
        return failed(
            GATE,
            f"its answer differs by up to {gap:.3g} from that of the training ({TOLERANCE:g} is allowed).",
            numbers,
        )
    return passed(GATE, f"{len(found)} rows of the input example are answered as at the training.", numbers)


def _numbers(values: Sequence[Any]) -> np.ndarray | None:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        return None
