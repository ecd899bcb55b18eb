"""The upset detector: what the protocol asks for, on windows around each second."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipelines.flight.upset_rules import kind_of_upset, upset_by_rule
from pipelines.models.upset_detector.estimator import TREE_TYPES, fit_estimator
from pipelines.models.upset_detector.events import Event, events_of
from pipelines.models.upset_detector.members import score_of
from pipelines.models.upset_detector.scores import evaluate
from pipelines.models.upset_detector.windows import FEATURE_GROUPS, FEATURES, upset_windows

if TYPE_CHECKING:
    from numpy.typing import NDArray
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

LABEL = "is_upset"
EXAMPLE_KEY = ("second",)
SKOPS_TRUSTED_TYPES = TREE_TYPES


def features(gold: Mapping[str, DataFrame], parameters: Parameters) -> DataFrame:
    """One row per session and second with a sample."""
    return upset_windows(gold["sessions"], gold["flight_samples"])


def fit(examples: DataFrame, parameters: Parameters) -> Any:
    """Members fitted on Spark's workers, combined into one classifier with its threshold."""
    return fit_estimator(examples, parameters)


def predict(estimator: Any, features: pd.DataFrame, parameters: Parameters) -> pd.DataFrame:
    """The session's events: alarms, and below the threshold the suspicions that come nearest to one."""
    return _rows(features, score_of(estimator, features), float(estimator.threshold), float(parameters["suspicion"]))


def baseline(features: pd.DataFrame, parameters: Parameters) -> pd.DataFrame:
    """Events by the instructor's rules; a rule is sure of itself, so its score is 1."""
    if not len(features):
        return _rows(features, np.zeros(0), 1.0, 1.0)
    aircraft_type = features["aircraft_type"].iloc[0]
    marked = upset_by_rule(features, aircraft_type if isinstance(aircraft_type, str) else None)
    return _rows(features, marked.astype(np.float64), 1.0, 1.0)


def _rows(features: pd.DataFrame, score: NDArray[np.float64], threshold: float, suspicion: float) -> pd.DataFrame:
    second = features["second"].to_numpy(dtype=np.int64)
    alarms = events_of(second, score, threshold)
    covered = np.zeros(len(second), dtype=bool)
    for alarm in alarms:
        covered |= (second >= alarm.start) & (second <= alarm.end)
    suspicions = events_of(second[~covered], score[~covered], suspicion)
    events = sorted([(event, True) for event in alarms] + [(event, False) for event in suspicions], key=_by_start)
    pitch = features["pitch_deg"].to_numpy(dtype=np.float64)
    bank = features["bank_size_deg"].to_numpy(dtype=np.float64)
    rows = []
    for number, (event, is_alarm) in enumerate(events, start=1):
        inside = (second >= event.start) & (second <= event.end)
        kind = kind_of_upset(pitch[inside], bank[inside])
        rows.append((number, event.start, event.end, event.peak, kind, round(event.score, 6), is_alarm))
    columns = ("event", "start_second", "end_second", "peak_second", "kind", "score", "is_alarm")
    return pd.DataFrame({name: [row[place] for row in rows] for place, name in enumerate(columns)})


def _by_start(event_and_alarm: tuple[Event, bool]) -> tuple[int, bool]:
    return event_and_alarm[0].start, event_and_alarm[1]
