"""How good segments are, second by second, against the instructors' labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipelines.flight.maneuvers import MANEUVERS
from pipelines.models.maneuver_classifier.decoder import maneuver_by_second
from pipelines.models.protocol import Evaluation, Parameters

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def evaluate(examples: pd.DataFrame, predictions: pd.DataFrame, parameters: Parameters) -> Evaluation:
    """Macro F1 over the maneuvers that occur in the labels, accuracy, and F1 of each, per labelled second.

    A second that no segment covers counts as wrong.
    """
    labelled = examples.loc[examples["maneuver"].notna()]
    truth = labelled["maneuver"].to_numpy(dtype=object)
    seconds, owners = labelled["second"].to_numpy(), labelled["session_id"].to_numpy()
    guess = np.full(len(labelled), None, dtype=object)
    for session_id in np.unique(owners.astype(str)):
        mine = owners == session_id
        segments = predictions.loc[predictions["session_id"] == session_id]
        guess[mine] = maneuver_by_second(seconds[mine], segments)
    confusion = confusion_of(truth, guess)
    scores = f1_by_maneuver(confusion)
    metrics = {
        "macro_f1": float(np.mean(list(scores.values()))) if scores else float("nan"),
        "accuracy": float((truth == guess).mean()) if len(truth) else float("nan"),
        "labelled_seconds": float(len(truth)),
        **{f"f1_{maneuver}": score for maneuver, score in scores.items()},
    }
    return Evaluation(metrics, {"confusion_matrix": lambda: confusion_figure(confusion)})


def confusion_of(truth: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """Seconds [true maneuver, found maneuver], in the order of MANEUVERS; the last column is "none found"."""
    position = {maneuver: number for number, maneuver in enumerate(MANEUVERS)}
    counts = np.zeros((len(MANEUVERS), len(MANEUVERS) + 1), dtype=np.int64)
    rows = [position[maneuver] for maneuver in truth]
    columns = [position.get(maneuver, len(MANEUVERS)) for maneuver in guess]
    np.add.at(counts, (rows, columns), 1)
    return counts


def f1_by_maneuver(confusion: np.ndarray) -> dict[str, float]:
    """F1 of each maneuver that occurs in the labels."""
    scores = {}
    for number, maneuver in enumerate(MANEUVERS):
        labelled, found = confusion[number].sum(), confusion[:, number].sum()
        if labelled:
            scores[maneuver] = float(2 * confusion[number, number] / (labelled + found))
    return scores


def confusion_figure(confusion: np.ndarray) -> Figure:
    """The confusion matrix, each row as shares of that maneuver's labelled seconds."""
    from matplotlib.figure import Figure

    totals = confusion.sum(axis=1, keepdims=True)
    shares = confusion / np.maximum(totals, 1)
    figure = Figure(figsize=(9, 7.5), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row in range(shares.shape[0]):
        for column in range(shares.shape[1]):
            if shares[row, column] >= 0.005:
                color = "white" if shares[row, column] > 0.5 else "black"
                axes.text(column, row, f"{shares[row, column]:.0%}", ha="center", va="center", fontsize=7, color=color)
    names = [maneuver.replace("_", " ") for maneuver in MANEUVERS]
    axes.set_xticks(range(len(names) + 1), [*names, "none"], rotation=45, ha="right")
    axes.set_yticks(
        range(len(names)), [f"{name} ({total:,} s)" for name, total in zip(names, totals[:, 0], strict=True)]
    )
    axes.set_xlabel("found")
    axes.set_ylabel("labelled by the instructor")
    axes.set_title("Share of each maneuver's labelled seconds")
    return figure
