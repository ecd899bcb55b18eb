"""Which features matter: how much worse probabilities become when a group of them is shuffled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

SAMPLE_SIZE = 1000
_SHOWN = 20


def permutation_importance(
    estimator: Any, examples: pd.DataFrame, label: str, groups: Mapping[str, Sequence[str]], features: Sequence[str]
) -> dict[str, float]:
    """Rise of the log loss per group when its columns are shuffled together, largest first.

    Windows of one signal say nearly the same, so shuffling one of them alone would show nothing.
    A fixed sample of at most SAMPLE_SIZE labelled examples is used.
    """
    random = np.random.default_rng(0)
    sample = examples.sample(n=min(SAMPLE_SIZE, len(examples)), random_state=0)
    known = {value: position for position, value in enumerate(estimator.classes_)}
    truth = np.array([known.get(value, -1) for value in sample[label]])
    table = sample.loc[truth >= 0, list(features)].astype("float64").reset_index(drop=True)
    truth = truth[truth >= 0]
    if not len(truth):
        return {}
    unshuffled = _log_loss(estimator, table, truth)
    rises = {}
    for group, names in groups.items():
        order = random.permutation(len(table))
        shuffled = table.copy()
        shuffled[list(names)] = table[list(names)].to_numpy()[order]
        rises[group] = _log_loss(estimator, shuffled, truth) - unshuffled
    return dict(sorted(rises.items(), key=lambda item: -item[1]))


def importance_figure(rises: Mapping[str, float]) -> Figure:
    """A bar for each of the most important groups."""
    from matplotlib.figure import Figure

    shown = list(rises.items())[:_SHOWN][::-1]
    figure = Figure(figsize=(8, 0.3 * len(shown) + 1.2), layout="constrained")
    axes = figure.subplots()
    axes.barh([name.replace("_", " ") for name, _ in shown], [rise for _, rise in shown], color="#4477aa")
    axes.set_xlabel("rise of the log loss when shuffled (held-out seconds or approaches)")
    axes.set_title("Permutation importance")
    return figure


def _log_loss(estimator: Any, table: pd.DataFrame, truth: np.ndarray) -> float:
    probabilities = estimator.predict_proba(table)[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(probabilities, 1e-6)).mean())
