"""How well stability is foreseen: ranking, calibration, and the naming of the criteria that fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipelines.flight.approach_criteria import CRITERIA
from pipelines.models.protocol import Evaluation, Parameters

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_BINS = 5
_DRAWS = 200


def evaluate(examples: pd.DataFrame, predictions: pd.DataFrame, parameters: Parameters) -> Evaluation:
    """AUROC of `stable_probability`, Brier score, expected calibration error, and F1 of the named criteria.

    Only approaches whose speed, sink and bank could all be judged afterwards count, and only those that were
    foreseen; `foreseen_share` says how many that are.
    """
    labels = ["is_stable", *(f"{name}_stable" for name in CRITERIA)]
    known = examples.dropna(subset=labels)
    columns = ["session_id", "approach", "stable_probability", "expected_failures", *(f"{n}_risk" for n in CRITERIA)]
    rows = known[["session_id", "approach", *labels]].merge(
        predictions[columns], on=["session_id", "approach"], how="left"
    )
    foreseen = rows.dropna(subset=["stable_probability"])
    held = foreseen["is_stable"].to_numpy(dtype=bool)
    probability = foreseen["stable_probability"].to_numpy(dtype=np.float64)
    failed = np.array([~foreseen[f"{name}_stable"].to_numpy(dtype=bool) for name in CRITERIA]).reshape(
        len(CRITERIA), -1
    )
    named = np.array([[name in row for row in foreseen["expected_failures"]] for name in CRITERIA], dtype=bool)
    named = named.reshape(len(CRITERIA), -1)
    metrics = {
        "auroc": area_under_roc(held, probability),
        "brier": float(np.mean((probability - held) ** 2)) if len(held) else float("nan"),
        "brier_of_share": float(held.mean() * (1.0 - held.mean())) if len(held) else float("nan"),
        "expected_calibration_error": calibration_error(held, probability),
        "excess_calibration_error": excess_calibration_error(held, probability),
        "accuracy": float(np.mean((probability >= 0.5) == held)) if len(held) else float("nan"),
        "criteria_f1": _f1(failed, named),
        "approaches": float(len(held)),
        "stable_share": float(held.mean()) if len(held) else float("nan"),
        "foreseen_share": len(foreseen) / len(rows) if len(rows) else float("nan"),
    }
    for number, name in enumerate(CRITERIA):
        metrics[f"{name}_f1"] = _f1(failed[number], named[number])
        metrics[f"{name}_auroc"] = area_under_roc(failed[number], foreseen[f"{name}_risk"].to_numpy(dtype=np.float64))
    figures = {
        "calibration": lambda: calibration_figure(held, probability),
        "precision_recall": lambda: precision_recall_figure(held, probability),
    }
    return Evaluation(metrics, figures)


def area_under_roc(truth: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    """Probability that a true one ranks above a false one, ties half; NaN unless there are both."""
    above = score[truth][:, None] - score[~truth][None, :]
    return float(np.mean((above > 0) + 0.5 * (above == 0))) if above.size else float("nan")


def calibration_bins(held: NDArray[np.bool_], probability: NDArray[np.float64]) -> list[tuple[float, float, int]]:
    """Mean probability, share that held and number, in groups of equal size by probability."""
    if not len(probability):
        return []
    order = np.argsort(probability, kind="stable")
    starts, sizes = _groups(len(order))
    means = np.add.reduceat(probability[order], starts) / sizes
    shares = np.add.reduceat(held[order].astype(np.float64), starts) / sizes
    return list(zip(means.tolist(), shares.tolist(), sizes.tolist(), strict=True))


def calibration_error(held: NDArray[np.bool_], probability: NDArray[np.float64]) -> float:
    """Expected calibration error over groups of equal size; NaN without examples."""
    if not len(held):
        return float("nan")
    order = np.argsort(probability, kind="stable")
    return float(_calibration_errors(held[None, order], probability[order])[0])


def excess_calibration_error(held: NDArray[np.bool_], probability: NDArray[np.float64]) -> float:
    """What of `calibration_error` is more than chance: 0 or above; NaN without examples.

    A perfectly calibrated forecast has an error, too, since each group holds few approaches: with twenty of them about
    0.15. That much, the mean over outcomes drawn from the probabilities themselves, is taken off (Bröcker and Smith,
    "Increasing the reliability of reliability diagrams", 2007, judge diagrams so).
    """
    if not len(held):
        return float("nan")
    order = np.argsort(probability, kind="stable")
    ordered = probability[order]  # so that the draws do not depend on the order of the sessions
    drawn = np.random.default_rng(0).random((_DRAWS, len(ordered))) < ordered
    # All draws at once, since the gates ask for this thousands of times.
    observed, *by_chance = _calibration_errors(np.vstack([held[order], drawn]), ordered)
    return max(0.0, float(observed - np.mean(by_chance)))


def _calibration_errors(outcomes: NDArray[np.bool_], ordered: NDArray[np.float64]) -> NDArray[np.float64]:
    """The error of each row of `outcomes` [rows, examples] under the ascending probabilities of the examples."""
    starts, _ = _groups(len(ordered))
    gaps = np.add.reduceat(ordered - outcomes, starts, axis=1)
    return np.abs(gaps).sum(axis=1) / len(ordered)


def _groups(number: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First places and sizes of the groups of so many examples: at most _BINS, five examples or more in each."""
    groups = min(_BINS, max(1, number // 5))
    sizes = np.full(groups, number // groups)
    sizes[: number % groups] += 1
    return np.cumsum(sizes) - sizes, sizes


def calibration_figure(held: NDArray[np.bool_], probability: NDArray[np.float64]) -> Figure:
    """Foreseen probability against the share of approaches that were stable."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 5.5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="gray", linewidth=1, linestyle="--", label="perfectly calibrated")
    bins = calibration_bins(held, probability)
    axes.plot([b[0] for b in bins], [b[1] for b in bins], marker="o", color="#4477aa", label="model")
    for mean, share, number in bins:
        axes.annotate(f"n={number}", (mean, share), textcoords="offset points", xytext=(6, -10), fontsize=8)
    axes.plot(probability, np.where(held, 1.03, -0.03), "|", color="black", alpha=0.5)
    axes.set(
        xlabel="probability of a stable approach, before the gate", ylabel="share that was stable", title="Calibration"
    )
    axes.legend(loc="upper left")
    return figure


def precision_recall_figure(held: NDArray[np.bool_], probability: NDArray[np.float64]) -> Figure:
    """Precision and recall of unstable approaches, by threshold."""
    from matplotlib.figure import Figure

    order = np.argsort(probability, kind="stable")
    unstable = ~held[order]
    found = np.cumsum(unstable)
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    if unstable.any():
        axes.step(found / unstable.sum(), found / np.arange(1, len(found) + 1), where="post", color="#4477aa")
    axes.set(xlabel="recall of unstable approaches", ylabel="precision", ylim=(0, 1.05), xlim=(0, 1.02))
    axes.set_title("Unstable approaches foreseen before the gate")
    return figure


def _f1(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> float:
    """F1 of the true entries; NaN where there are none to find."""
    return float(2 * np.sum(truth & found) / (np.sum(truth) + np.sum(found))) if truth.any() else float("nan")
