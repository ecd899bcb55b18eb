"""From scores to events, and events against the instructor's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BRIDGED_S = 3
"""Alarms that are apart by at most this many quiet seconds are one event: one upset and its recovery."""

TOLERANCE_S = 2
"""An event found counts for a labelled one if they overlap, or miss each other by at most this much: the label ends
with the recovery, the score may peak with the break."""

FLYING_KT = 40.0
"""Seconds at or above this airspeed count as flown."""


@dataclass(frozen=True)
class Event:
    """Seconds from `start` to `end`, both inclusive; `peak` is the one with the highest score."""

    start: int
    end: int
    peak: int
    score: float


@dataclass(frozen=True)
class Tally:
    """What a threshold gives on some sessions. Tallies of other sessions can be added."""

    upsets: int = 0
    found: int = 0
    false_alarms: int = 0
    hours: float = 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.upsets + other.upsets,
            self.found + other.found,
            self.false_alarms + other.false_alarms,
            self.hours + other.hours,
        )

    @property
    def recall(self) -> float:
        """Share of the upsets that were found; NaN without any."""
        return self.found / self.upsets if self.upsets else float("nan")

    @property
    def false_alarms_per_hour(self) -> float:
        """False alarms per hour flown; NaN without any flight."""
        return self.false_alarms / self.hours if self.hours else float("nan")


def events_of(second: NDArray[np.int64], score: NDArray[np.float64], threshold: float) -> list[Event]:
    """Runs of scores at or above the threshold, bridged over short breaks; unknown scores (NaN) are below."""
    alarms = np.flatnonzero(score >= threshold)
    if not len(alarms):
        return []
    breaks = np.flatnonzero(np.diff(second[alarms]) > BRIDGED_S + 1) + 1
    found = []
    for run in np.split(alarms, breaks):
        peak = run[int(np.argmax(score[run]))]
        found.append(Event(int(second[run[0]]), int(second[run[-1]]), int(second[peak]), float(score[peak])))
    return found


def labelled_events(second: NDArray[np.int64], is_upset: NDArray[np.bool_]) -> list[Event]:
    """The instructor's upsets of one session."""
    marked = np.flatnonzero(is_upset)
    runs = np.split(marked, np.flatnonzero(np.diff(second[marked]) > 1) + 1) if len(marked) else []
    return [Event(int(second[run[0]]), int(second[run[-1]]), int(second[run[0]]), 1.0) for run in runs]


def tally(labelled: list[Event], found: list[Event], hours: float) -> Tally:
    """One session: labelled upsets that some event meets, and events that meet none."""
    hits = sum(any(_meet(upset, event) for event in found) for upset in labelled)
    false_alarms = sum(not any(_meet(upset, event) for upset in labelled) for event in found)
    return Tally(len(labelled), hits, false_alarms, hours)


def flown_hours(airspeed_kt: NDArray[np.float64]) -> float:
    """Hours in the air, one entry per second."""
    return float(np.sum(airspeed_kt >= FLYING_KT)) / 3600.0


def _meet(one: Event, other: Event) -> bool:
    return one.start <= other.end + TOLERANCE_S and other.start <= one.end + TOLERANCE_S
