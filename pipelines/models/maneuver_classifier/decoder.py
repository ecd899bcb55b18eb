"""From probabilities per second to the most likely course of the flight, in segments.

A pilot does not change the maneuver every second, and an aircraft does not cruise on the runway. The
course with the highest total log-probability is found by the Viterbi algorithm, where changing costs
a penalty, and a change that a flight cannot make costs a larger one (never infinite: a session may
start in the air, and a recorder may have paused).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipelines.flight.maneuvers import MANEUVERS, Maneuver

_FLOOR = 1e-4
_ON_GROUND = frozenset({Maneuver.GROUND})
_TO_GROUND = frozenset({Maneuver.GROUND, Maneuver.LANDING, Maneuver.TAKEOFF})
_TO_TAKEOFF = frozenset({Maneuver.GROUND, Maneuver.LANDING})
_TO_LANDING = frozenset({Maneuver.APPROACH, Maneuver.DESCENT, Maneuver.TURN, Maneuver.GO_AROUND, Maneuver.TAKEOFF})
_FROM_TAKEOFF = frozenset({Maneuver.CLIMB, Maneuver.LANDING, Maneuver.GROUND, Maneuver.TURN, Maneuver.GO_AROUND})
_TO_GO_AROUND = frozenset({Maneuver.APPROACH, Maneuver.LANDING, Maneuver.DESCENT, Maneuver.TURN})


def possible(before: str, after: str) -> bool:
    """Whether a flight can go from one maneuver straight to the other."""
    if before == after:
        return True
    sources = {
        Maneuver.GROUND: _TO_GROUND,
        Maneuver.TAKEOFF: _TO_TAKEOFF,
        Maneuver.LANDING: _TO_LANDING,
        Maneuver.GO_AROUND: _TO_GO_AROUND,
    }
    if after in sources:
        return before in sources[Maneuver(after)]
    if before in _ON_GROUND:
        return False
    return before != Maneuver.TAKEOFF or after in _FROM_TAKEOFF


def change_costs(change_penalty: float, impossible_penalty: float) -> np.ndarray:
    """Costs [before, after] in nats, in the order of MANEUVERS; zero for staying."""
    return np.array(
        [
            [0.0 if a == b else change_penalty if possible(a, b) else impossible_penalty for b in MANEUVERS]
            for a in MANEUVERS
        ]
    )


def most_likely_course(probabilities: np.ndarray, restarts: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """Index into MANEUVERS per second.

    Args:
        probabilities: [seconds, maneuvers], rows that sum to one.
        restarts: [seconds], true where the recording starts anew: any maneuver may follow any other.
        costs: `change_costs`.
    """
    if len(probabilities) == 0:
        return np.zeros(0, dtype=np.int64)
    scores = np.log(np.maximum(probabilities, _FLOOR))
    # Rounded so that the last digits of another machine's logarithm cannot choose another course.
    scores = np.round(scores, 6)
    best = scores[0].copy()
    source = np.zeros(scores.shape, dtype=np.int64)
    columns = np.arange(scores.shape[1])
    for second in range(1, len(scores)):
        if restarts[second]:
            source[second] = int(np.argmax(best))
            best = best.max() + scores[second]
            continue
        arrivals = best[:, None] - costs
        source[second] = np.argmax(arrivals, axis=0)
        best = arrivals[source[second], columns] + scores[second]
    course = np.zeros(len(scores), dtype=np.int64)
    course[-1] = int(np.argmax(best))
    for second in range(len(scores) - 1, 0, -1):
        course[second - 1] = source[second, course[second]]
    return course


def segments_of(
    seconds: np.ndarray, maneuvers: np.ndarray, confidence: np.ndarray, longest_hole_s: int
) -> pd.DataFrame:
    """Segments of equal maneuver: segment, maneuver, start_second, end_second (inclusive), confidence.

    A segment spans holes of up to `longest_hole_s` seconds without a sample; a longer one ends it.
    """
    columns = ["segment", "maneuver", "start_second", "end_second", "confidence"]
    if len(seconds) == 0:
        return pd.DataFrame({name: [] for name in columns}).astype(
            {
                "segment": "int64",
                "maneuver": "str",
                "start_second": "int64",
                "end_second": "int64",
                "confidence": "float64",
            }
        )
    starts = np.ones(len(seconds), dtype=bool)
    starts[1:] = (maneuvers[1:] != maneuvers[:-1]) | (np.diff(seconds) > longest_hole_s + 1)
    number = np.cumsum(starts)
    grouped = pd.DataFrame({"segment": number, "maneuver": maneuvers, "second": seconds, "confidence": confidence})
    table = grouped.groupby("segment", as_index=False).agg(
        maneuver=("maneuver", "first"),
        start_second=("second", "min"),
        end_second=("second", "max"),
        confidence=("confidence", "mean"),
    )
    return table[columns]  # type: ignore[return-value]


def maneuver_by_second(seconds: np.ndarray, segments: pd.DataFrame) -> np.ndarray:
    """The maneuver of the segment that covers each second, as objects; None where no segment does."""
    found = np.full(len(seconds), None, dtype=object)
    for row in segments.to_dict("records"):
        found[(seconds >= row["start_second"]) & (seconds <= row["end_second"])] = row["maneuver"]
    return found
