"""The maneuver classifier: boosted trees on windows of signals, settled into segments by a Viterbi course."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipelines.flight.maneuver_rules import maneuvers_by_rule
from pipelines.flight.maneuvers import MANEUVERS
from pipelines.models.maneuver_classifier.decoder import change_costs, most_likely_course, segments_of
from pipelines.models.maneuver_classifier.limits import within_limits
from pipelines.models.maneuver_classifier.scores import evaluate
from pipelines.models.maneuver_classifier.signals import LONG_GAP_S, with_signals
from pipelines.models.maneuver_classifier.windows import FEATURE_GROUPS, FEATURES, with_windows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from pipelines.models.protocol import Parameters

__all__ = [
    "EXAMPLE_KEY",
    "FEATURES",
    "FEATURE_GROUPS",
    "LABEL",
    "SKOPS_TRUSTED_TYPES",
    "baseline",
    "evaluate",
    "features",
    "fit",
    "predict",
]

LABEL = "maneuver"
EXAMPLE_KEY = ("second",)
_MOST_REPEATS = 4
SKOPS_TRUSTED_TYPES = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)


def features(gold: Mapping[str, DataFrame], parameters: Parameters) -> DataFrame:
    """One row per session and second with a sample."""
    return with_windows(with_signals(gold["sessions"], gold["flight_samples"]))


def fit(examples: DataFrame, parameters: Parameters) -> Any:
    """Boosted trees over the labelled seconds, thinned out; rare maneuvers come more than once, up to a bound.

    Nothing is chosen by validation sessions here, so they are learned from as well.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    table = examples.select("session_id", *EXAMPLE_KEY, LABEL, *FEATURES).toPandas()
    table = table.sort_values(["session_id", *EXAMPLE_KEY], kind="stable").reset_index(drop=True)
    table = _thinned(table, int(parameters["seconds_per_maneuver"]))
    counts = table[LABEL].value_counts()
    # Repeated, not weighted: with weights the search for bins takes as long as all trees together.
    repeats = (counts.mean() / counts).round().clip(lower=1, upper=_MOST_REPEATS).astype("int64")
    table = table.loc[table.index.repeat(table[LABEL].map(repeats))].reset_index(drop=True)
    estimator = HistGradientBoostingClassifier(
        max_iter=int(parameters["max_iter"]),
        learning_rate=float(parameters["learning_rate"]),
        max_leaf_nodes=int(parameters["max_leaf_nodes"]),
        min_samples_leaf=int(parameters["min_samples_leaf"]),
        l2_regularization=float(parameters["l2_regularization"]),
        max_features=float(parameters["max_features"]),
        max_bins=int(parameters["max_bins"]),
        early_stopping=False,  # type: ignore[arg-type]
        random_state=int(parameters["seed"]),
    )
    estimator.fit(
        table[list(FEATURES)].astype("float64"),
        table[LABEL].to_numpy(dtype=str),
    )
    return estimator


def _thinned(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most about `most` seconds of each maneuver, evenly spread: neighbouring seconds say nearly the same."""
    position = table.groupby(LABEL).cumcount()
    sizes = np.asarray(table.groupby(LABEL)[LABEL].transform("size"), dtype=float)
    step = np.ceil(sizes / most)
    return table.loc[position % step == 0].reset_index(drop=True)


def predict(estimator: Any, features: pd.DataFrame, parameters: Parameters) -> pd.DataFrame:
    """Segments of the session: maneuver, first and last second, mean probability."""
    seconds = features["second"].to_numpy(dtype=np.int64)
    if len(seconds) == 0:
        return segments_of(seconds, np.zeros(0, dtype=object), np.zeros(0), LONG_GAP_S)
    # A maneuver that training never saw keeps probability zero.
    probabilities = np.zeros((len(seconds), len(MANEUVERS)))
    positions = [MANEUVERS.index(str(name)) for name in estimator.classes_]
    probabilities[:, positions] = estimator.predict_proba(features[list(FEATURES)].astype("float64"))
    probabilities = within_limits(features, np.maximum(probabilities, 1e-9))
    restarts = np.r_[True, np.diff(features["stretch"].to_numpy()) != 0]
    costs = change_costs(float(parameters["change_penalty"]), float(parameters["impossible_penalty"]))
    course = most_likely_course(probabilities, restarts, costs)
    confidence = np.round(probabilities[np.arange(len(course)), course], 6)
    return segments_of(seconds, np.array(MANEUVERS, dtype=object)[course], confidence, LONG_GAP_S)


def baseline(features: pd.DataFrame, parameters: Parameters) -> pd.DataFrame:
    """Segments by the instructor's rules; a rule is sure of itself, so its confidence is 1."""
    seconds = features["second"].to_numpy(dtype=np.int64)
    if len(seconds) == 0:
        return segments_of(seconds, np.zeros(0, dtype=object), np.zeros(0), LONG_GAP_S)
    aircraft_type = features["aircraft_type"].iloc[0]
    maneuvers = maneuvers_by_rule(features, aircraft_type if isinstance(aircraft_type, str) else None)
    return segments_of(seconds, maneuvers.astype(object), np.ones(len(seconds)), LONG_GAP_S)
