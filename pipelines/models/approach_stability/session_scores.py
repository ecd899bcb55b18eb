"""The approach model's scores by session: what was foreseen of each approach, and how it went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pipelines.flight.approach_criteria import CRITERIA
from pipelines.models.approach_stability.scores import area_under_roc, calibration_error, excess_calibration_error

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.models.protocol import Parameters
    from pipelines.models.session_scoring import Counts


def session_counts(examples: pd.DataFrame, predictions: pd.DataFrame, parameters: Parameters) -> dict[str, Counts]:
    """Probability and outcome of the approaches that could be judged and were foreseen."""
    known = examples.dropna(subset=["is_stable", *(f"{name}_stable" for name in CRITERIA)])
    rows = known[["session_id", "approach", "is_stable"]].merge(
        predictions[["session_id", "approach", "stable_probability"]], on=["session_id", "approach"], how="left"
    )
    found = {}
    for session_id, approaches in rows.groupby("session_id"):
        foreseen = approaches.dropna(subset=["stable_probability"])
        found[str(session_id)] = {
            "approaches": len(approaches),
            "probability": foreseen["stable_probability"].astype(float).tolist(),
            "held": foreseen["is_stable"].astype(bool).tolist(),
        }
    return found


def metrics_of(counts: Sequence[Counts]) -> dict[str, float]:
    """AUROC, Brier score, calibration error, accuracy, and the share that was foreseen."""
    probability = np.array([value for one in counts for value in one["probability"]], dtype=np.float64)
    held = np.array([value for one in counts for value in one["held"]], dtype=bool)
    approaches = sum(one["approaches"] for one in counts)
    return {
        "auroc": area_under_roc(held, probability),
        "brier": float(np.mean((probability - held) ** 2)) if len(held) else float("nan"),
        "expected_calibration_error": calibration_error(held, probability),
        "excess_calibration_error": excess_calibration_error(held, probability),
        "accuracy": float(np.mean((probability >= 0.5) == held)) if len(held) else float("nan"),
        "foreseen_share": len(held) / approaches if approaches else float("nan"),
    }
