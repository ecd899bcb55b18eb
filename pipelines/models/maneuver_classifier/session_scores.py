"""The classifier's scores by session: labelled, found and hit seconds of each maneuver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pipelines.flight.maneuvers import MANEUVERS
from pipelines.models.maneuver_classifier.decoder import maneuver_by_second
from pipelines.models.maneuver_classifier.scores import confusion_of

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.models.protocol import Parameters
    from pipelines.models.session_scoring import Counts


def session_counts(examples: pd.DataFrame, predictions: pd.DataFrame, parameters: Parameters) -> dict[str, Counts]:
    """Seconds by maneuver, in the order of MANEUVERS."""
    labelled = examples.loc[examples["maneuver"].notna()]
    found = {}
    for session_id, rows in labelled.groupby("session_id"):
        segments = predictions.loc[predictions["session_id"] == session_id]
        guess = maneuver_by_second(rows["second"].to_numpy(), segments)
        confusion = confusion_of(rows["maneuver"].to_numpy(dtype=object), guess)
        found[str(session_id)] = {
            "labelled": confusion.sum(axis=1).tolist(),
            "found": confusion.sum(axis=0)[: len(MANEUVERS)].tolist(),
            "hit": np.diagonal(confusion).tolist(),
        }
    return found


def metrics_of(counts: Sequence[Counts]) -> dict[str, float]:
    """Macro F1 over the maneuvers that occur in the labels, and accuracy."""
    totals = {
        name: np.array([one[name] for one in counts], dtype=np.int64).reshape(-1, len(MANEUVERS)).sum(axis=0)
        for name in ("labelled", "found", "hit")
    }
    labelled, found, hit = totals["labelled"], totals["found"], totals["hit"]
    occurring = labelled > 0
    if not occurring.any():
        return {"macro_f1": float("nan"), "accuracy": float("nan")}
    scores = 2 * hit[occurring] / (labelled[occurring] + found[occurring])
    return {"macro_f1": float(np.mean(scores)), "accuracy": float(hit.sum() / labelled.sum())}
