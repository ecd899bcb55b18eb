"""The upset detector's scores by session: upsets, those found, false alarms, hours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pipelines.models.upset_detector.events import Event, Tally, flown_hours, labelled_events, tally

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.models.protocol import Parameters
    from pipelines.models.session_scoring import Counts


def session_counts(examples: pd.DataFrame, predictions: pd.DataFrame, parameters: Parameters) -> dict[str, Counts]:
    """The tally of each labelled session at the threshold that the estimator carries."""
    labelled = examples.loc[examples["is_upset"].notna().to_numpy()]
    counts = {}
    for session_id, rows in labelled.groupby("session_id"):
        mine = predictions.loc[(predictions["session_id"] == session_id).to_numpy(dtype=bool)]
        alarms = mine.loc[mine["is_alarm"].to_numpy(dtype=bool)]
        events = [
            Event(int(start), int(end), int(start), 1.0)
            for start, end in zip(alarms["start_second"], alarms["end_second"], strict=True)
        ]
        upsets = labelled_events(rows["second"].to_numpy(dtype=np.int64), rows["is_upset"].to_numpy(dtype=bool))
        one = tally(upsets, events, flown_hours(rows["airspeed_kt"].to_numpy(dtype=np.float64)))
        counts[str(session_id)] = {
            "upsets": one.upsets,
            "found": one.found,
            "false_alarms": one.false_alarms,
            "hours": one.hours,
        }
    return counts


def metrics_of(counts: Sequence[Counts]) -> dict[str, float]:
    """Recall of upsets, and false alarms per hour flown."""
    total = Tally()
    for one in counts:
        total = total + Tally(one["upsets"], one["found"], one["false_alarms"], one["hours"])
    return {"upset_recall": total.recall, "false_alarms_per_hour": total.false_alarms_per_hour}
