"""How well upsets are found, event by event, against the instructor's labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipelines.models.protocol import Evaluation, Parameters
from pipelines.models.upset_detector.events import Event, Tally, flown_hours, labelled_events, tally

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def evaluate(examples: pd.DataFrame, predictions: pd.DataFrame, parameters: Parameters) -> Evaluation:
    """Recall of upset events and false alarms per hour flown, at the threshold that the estimator carries.

    `alarm_seconds_per_upset_second` shows whether recall was bought with long alarms. Sessions without labels are
    left out; a labelled session without any event counts with its hours.
    """
    found_in: dict[Any, pd.DataFrame] = dict(list(predictions.groupby("session_id")))
    sessions: list[tuple[list[Event], pd.DataFrame, float]] = []
    marked = alarmed = 0
    labelled = examples.loc[examples["is_upset"].notna().to_numpy()]
    for session_id, rows in labelled.groupby("session_id"):
        second = rows["second"].to_numpy(dtype=np.int64)
        is_upset = rows["is_upset"].to_numpy(dtype=bool)
        found = found_in[session_id] if session_id in found_in else predictions.iloc[:0]
        alarms = found.loc[found["is_alarm"].to_numpy(dtype=bool)]
        marked += int(is_upset.sum())
        alarmed += int((alarms["end_second"] - alarms["start_second"] + 1).sum())
        hours = flown_hours(rows["airspeed_kt"].to_numpy(dtype=np.float64))
        sessions.append((labelled_events(second, is_upset), found, hours))
    total = _total(sessions, None)
    metrics = {
        "upset_recall": total.recall,
        "false_alarms_per_hour": total.false_alarms_per_hour,
        "upsets": float(total.upsets),
        "found_upsets": float(total.found),
        "false_alarms": float(total.false_alarms),
        "hours_flown": total.hours,
        "alarm_seconds_per_upset_second": alarmed / marked if marked else float("nan"),
        "average_precision": _average_precision(_curve(sessions)),
    }
    return Evaluation(metrics, {"precision_recall": lambda: recall_figure(_curve(sessions), total)})


def _total(sessions: list[tuple[list[Event], pd.DataFrame, float]], threshold: float | None) -> Tally:
    """At a threshold of the events' scores, or (None) of what the model calls alarms."""
    total = Tally()
    for labelled, found, hours in sessions:
        chosen = found[found["is_alarm"].astype(bool)] if threshold is None else found[found["score"] >= threshold]
        events = [
            Event(int(start), int(end), int(start), 1.0)
            for start, end in zip(chosen["start_second"], chosen["end_second"], strict=True)
        ]
        total = total + tally(labelled, events, hours)
    return total


def _curve(sessions: list[tuple[list[Event], pd.DataFrame, float]]) -> list[Tally]:
    scores = sorted({float(score) for _, found, _ in sessions for score in found["score"]}, reverse=True)
    return [_total(sessions, threshold) for threshold in scores]


def _average_precision(curve: list[Tally]) -> float:
    """Area below precision over recall of events, as far down as suspicions reach."""
    if not curve or not curve[0].upsets:
        return float("nan")
    area = before = 0.0
    for one in curve:
        area += (one.recall - before) * _precision(one)
        before = one.recall
    return area


def _precision(one: Tally) -> float:
    return one.found / (one.found + one.false_alarms) if one.found + one.false_alarms else 1.0


def recall_figure(curve: list[Tally], chosen: Tally) -> Figure:
    """Precision over recall, and recall over false alarms per hour, with the chosen threshold marked."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.step([one.recall for one in curve], [_precision(one) for one in curve], where="post", color="#4477aa")
    left.plot([chosen.recall], [_precision(chosen)], "o", color="#cc3311", label="chosen threshold")
    left.set(xlabel="recall of upsets", ylabel="precision of events", xlim=(0, 1.03), ylim=(0, 1.05))
    left.legend(loc="lower left")
    right.step(
        [one.false_alarms_per_hour for one in curve], [one.recall for one in curve], where="post", color="#4477aa"
    )
    right.plot([chosen.false_alarms_per_hour], [chosen.recall], "o", color="#cc3311")
    right.axvline(1.0, color="gray", linestyle="--", linewidth=1)
    right.set(xlabel="false alarms per hour flown", ylabel="recall of upsets", xlim=(0, None), ylim=(0, 1.05))
    figure.suptitle(
        f"{chosen.found} of {chosen.upsets} upsets found, {chosen.false_alarms} false alarms in {chosen.hours:.1f} h"
    )
    return figure
