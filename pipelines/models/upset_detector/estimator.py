"""The ensemble: the best candidate's members, and the threshold from sessions that its scorers had not seen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipelines.models.upset_detector.events import Tally
from pipelines.models.upset_detector.members import THRESHOLDS, fit_members, score_of, tallies_by_threshold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrame

    from pipelines.models.protocol import Parameters

TREE_TYPES = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)
"""What skops is told to trust beside its own list."""


def fit_estimator(examples: DataFrame, parameters: Parameters) -> Any:
    """A soft-voting classifier of the best candidate's members, with the chosen decision threshold.

    `examples` are labelled seconds with `split`; those of `train` are fitted and cross-validated on Spark,
    `validation` adds to the choice of the threshold.
    """
    from pyspark.sql import functions as F
    from sklearn.frozen import FrozenEstimator
    from sklearn.model_selection import FixedThresholdClassifier

    train = examples.where(F.col("split") == "train")
    candidates = parameters["candidates"]
    fitted = fit_members(train, candidates, int(parameters["folds"]), int(parameters["seed"]))
    best = best_candidate(fitted)
    members = fitted[fitted["candidate"] == best]
    ensemble = vote_of(members["member"].tolist())
    tallies = [_sum(column) for column in zip(*map(_tallies, members["tallies"]), strict=True)]
    validation = examples.where((F.col("split") == "validation") & ~F.col("session_id").contains("~")).toPandas()
    if len(validation):
        validation = validation.sort_values(["session_id", "second"], kind="stable").reset_index(drop=True)
        unseen = tallies_by_threshold(validation, score_of(ensemble, validation))
        tallies = [a + b for a, b in zip(tallies, unseen, strict=True)]
    threshold = choose_threshold(
        tallies,
        float(parameters["false_alarms_per_hour"]),
        float(parameters["usual_threshold"]),
        float(parameters["usual_threshold_hours"]),
    )
    chosen = FixedThresholdClassifier(FrozenEstimator(ensemble), threshold=threshold, response_method="predict_proba")  # pyright: ignore[reportArgumentType]
    chosen.fit(np.zeros((2, ensemble.n_features_in_)), [False, True])
    return chosen


def best_candidate(fitted: pd.DataFrame) -> int:
    """The candidate with the highest mean average precision over the folds that hold an upset; the first of equals."""
    means = fitted.groupby("candidate")["average_precision"].mean().fillna(0.0)
    return sorted(set(fitted["candidate"]))[int(np.argmax(means.to_numpy()))]


def vote_of(saved_members: Sequence[bytes]) -> Any:
    """The mean of the members' probabilities, as one classifier."""
    import skops.io
    from sklearn.ensemble import VotingClassifier
    from sklearn.preprocessing import LabelEncoder

    members = [skops.io.loads(saved, trusted=list(TREE_TYPES)) for saved in saved_members]
    ensemble = VotingClassifier([(f"fold_{n}", member) for n, member in enumerate(members)], voting="soft")
    ensemble.estimators_ = members
    ensemble.le_ = LabelEncoder().fit([False, True])
    ensemble.classes_ = ensemble.le_.classes_
    return ensemble


def choose_threshold(tallies: Sequence[Tally], false_alarms_per_hour: float, usual: float, usual_hours: float) -> float:
    """The threshold with the best recall within the allowed false alarms, drawn towards the usual one with few hours.

    The allowance has the standard deviation of a count on top: one alarm more in three hours says nothing. Of
    equals the middle one; where none keeps within the allowance, the one with the fewest false alarms. `usual` weighs
    as much as `usual_hours` of flight: a few upsets alone would choose by chance.
    """
    hours = tallies[0].hours
    counts = np.array([one.false_alarms for one in tallies], dtype=np.float64)
    recalls = np.nan_to_num([one.recall for one in tallies])
    expected = false_alarms_per_hour * hours
    allowed = counts <= max(expected + np.sqrt(expected), float(counts.min()))
    best = np.flatnonzero(allowed & (recalls == recalls[allowed].max()))
    found = THRESHOLDS[int(best[len(best) // 2])]
    return round((hours * found + usual_hours * usual) / (hours + usual_hours), 3)


def _tallies(text: str) -> list[Tally]:
    return [Tally(**one) for one in json.loads(text)]


def _sum(tallies: Sequence[Tally]) -> Tally:
    return sum(tallies, Tally())
