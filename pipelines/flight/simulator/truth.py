"""The instructor's view of a flown session: which maneuver was flown when, and where it was an upset.

What the pilot meant to fly is only the starting point: each second must also look like the maneuver (a climb
climbs, a turn banks, a stall exceeds the critical angle of attack). What does not is left unlabelled, and so
are the edges of every maneuver, where two instructors would not agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.flight.maneuvers import Maneuver
from pipelines.flight.simulator.aircraft import TRAINER_MODELS, TrainerModel
from pipelines.flight.simulator.cockpit import CONTROL_STEP_S
from pipelines.flight.simulator.session import FlownSession
from pipelines.flight.upsets import upset_intervals

UPSET = "upset"
"""The overlay value of annotation rows that mark upsets; such rows may overlap maneuver rows."""

_RATE = round(1.0 / CONTROL_STEP_S)
_EDGE_S: dict[Maneuver, tuple[float, float]] = {
    Maneuver.GROUND: (0.0, 1.0),
    Maneuver.TAKEOFF: (1.0, 0.0),
    Maneuver.APPROACH: (0.0, 0.0),
    Maneuver.LANDING: (0.0, 0.0),
    Maneuver.GO_AROUND: (1.0, 0.0),
    Maneuver.CLIMB: (2.0, 2.0),
    Maneuver.DESCENT: (2.0, 2.0),
}
"""Seconds cut from the start and end of a maneuver; two and one where nothing is said."""

_SHORTEST_S = 4.0
_EVEN_IF_UPSET = (Maneuver.STALL, Maneuver.APPROACH, Maneuver.LANDING, Maneuver.GO_AROUND)
_STALL_ENTRY_S = 5.0
"""A stall is taken to begin this long before the break."""


@dataclass(frozen=True)
class Annotation:
    """One row of an instructor's annotations, seconds since the session's first sample."""

    start_s: float
    end_s: float
    maneuver: str
    comment: str = ""


def critical_aoa(model: TrainerModel, flaps_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """The critical angle of attack for the flaps at each moment, in degrees."""
    share = np.clip(flaps_deg / model.full_flaps_deg, 0.0, 1.0)
    return model.critical_aoa_deg + (model.critical_aoa_flaps_deg - model.critical_aoa_deg) * share


def annotate(flown: FlownSession) -> list[Annotation]:
    """All annotations of a session in order of time: maneuvers that do not overlap, and upsets over them."""
    upsets = _upsets(flown)
    rows = [Annotation(_up(start), _down(end), maneuver.value, comment)
            for start, end, maneuver, comment in _maneuvers(flown, upsets)]  # fmt: skip
    rows = [row for row in rows if row.end_s - row.start_s >= _SHORTEST_S or row.maneuver == Maneuver.STALL]
    rows += [Annotation(round(start, 1), round(end, 1), UPSET, comment) for start, end, comment in upsets]
    return sorted(rows, key=lambda row: (row.start_s, row.maneuver))


def _up(seconds: float) -> float:
    return math.ceil(seconds * 2.0 - 1e-6) / 2.0


def _down(seconds: float) -> float:
    return math.floor(seconds * 2.0 + 1e-6) / 2.0


def _upsets(flown: FlownSession) -> list[tuple[float, float, str]]:
    record = flown.record
    model = TRAINER_MODELS[flown.plan.aircraft_type]
    critical = critical_aoa(model, record["flaps"])
    airborne = record["height"] > 30.0
    found = upset_intervals(record["time"], record["aoa"], critical, record["roll"], record["pitch"], airborne)
    named = []
    for start, end in found:
        inside = slice(round(start * _RATE), round(end * _RATE) + 1)
        stalled = bool(np.any(record["aoa"][inside] > critical[inside]))
        remark = next((remark for remark in flown.remarks[inside] if remark), "")
        named.append((start, end, remark or ("stall" if stalled else "unusual attitude")))
    return named


def _smooth(values: NDArray[np.float64], seconds: float) -> NDArray[np.float64]:
    """Moving average, shortened at both ends."""
    width = max(round(seconds * _RATE), 1) | 1
    if len(values) < width:
        return np.full(len(values), values.mean() if len(values) else 0.0)
    padded = np.pad(values, width // 2, mode="edge")
    sums = np.concatenate(([0.0], np.cumsum(padded)))
    return (sums[width:] - sums[:-width]) / width


def _looks_like(flown: FlownSession) -> dict[Maneuver, NDArray[np.bool_]]:
    """For each maneuver, where the flight looks like it (the criteria of `Maneuver`, with some tolerance)."""
    record = flown.record
    model = TRAINER_MODELS[flown.plan.aircraft_type]
    climb = _smooth(record["climb_fps"] * 60.0, 4.0)
    bank = np.abs(_smooth(record["roll"], 2.0))
    knots = np.hypot(record["north_fps"], record["east_fps"]) / 1.687810
    wheels = (record["wheel_left"] > 0.5) | (record["wheel_right"] > 0.5)
    flying = ~wheels & (_smooth(record["aoa"], 0.5) < critical_aoa(model, record["flaps"]) - 0.5)
    share = np.clip(record["flaps"] / model.full_flaps_deg, 0.0, 1.0)
    stall_kt = model.stall_kt + (model.stall_flaps_kt - model.stall_kt) * share
    slow = _smooth(record["airspeed"], 3.0) < 1.32 * stall_kt + 2.0
    level = np.abs(climb) < 350.0
    return {
        Maneuver.GROUND: wheels & (knots < 26.0),
        Maneuver.TAKEOFF: np.ones(len(climb), dtype=bool),
        Maneuver.CLIMB: flying & (climb > 200.0) & (bank < 18.0),
        Maneuver.CRUISE: flying & level & (bank < 8.0) & ~slow,
        Maneuver.TURN: flying & (np.abs(climb) < 600.0) & (bank >= 10.0) & (bank <= 36.0),
        Maneuver.STEEP_TURN: flying & (np.abs(climb) < 1300.0) & (bank > 36.0) & (bank < 58.0),
        Maneuver.SLOW_FLIGHT: flying & (np.abs(climb) < 500.0) & (bank < 20.0) & slow,
        Maneuver.STALL: np.ones(len(climb), dtype=bool),
        Maneuver.DESCENT: flying & (climb < -200.0) & (bank < 18.0),
        Maneuver.APPROACH: np.ones(len(climb), dtype=bool),
        Maneuver.LANDING: np.ones(len(climb), dtype=bool),
        Maneuver.GO_AROUND: ~wheels,
    }


def _maneuvers(flown: FlownSession, upsets: list[tuple[float, float, str]]) -> list[tuple[float, float, Maneuver, str]]:
    """Maneuvers as (start_s, end_s, maneuver, comment), in order, not overlapping."""
    time = flown.record["time"]
    looks = _looks_like(flown)
    for start, end, _ in upsets:
        # What is upset is not also a well-flown turn or climb; the wings recover before the label returns.
        around = (time >= start - 2.0) & (time <= end + 2.0)
        for maneuver, flags in looks.items():
            if maneuver not in _EVEN_IF_UPSET:
                flags[around] = False
    found: list[tuple[float, float, Maneuver, str]] = []
    intents = flown.intents
    begin = 0
    for index in range(1, len(intents) + 1):
        if index < len(intents) and intents[index] is intents[begin]:
            continue
        maneuver = intents[begin]
        if maneuver is Maneuver.STALL:
            found += _stall(flown, begin, index, found[-1][1] if found else 0.0)
        elif maneuver is not None:
            cut_start, cut_end = _EDGE_S.get(maneuver, (2.0, 1.0))
            first, last = begin + round(cut_start * _RATE), index - 1 - round(cut_end * _RATE)
            found += [(float(time[a]), float(time[b]), maneuver, flown.remarks[begin])
                      for a, b in _runs_within(looks[maneuver], first, last)]  # fmt: skip
        begin = index
    return found


def _runs_within(flags: NDArray[np.bool_], first: int, last: int) -> list[tuple[int, int]]:
    """Runs of true values inside first..last, bridging gaps of less than a second."""
    runs: list[tuple[int, int]] = []
    index = first
    while index <= last:
        if not flags[index]:
            index += 1
            continue
        end = index
        while end + 1 <= last and flags[end + 1]:
            end += 1
        if runs and index - runs[-1][1] < _RATE:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((index, end))
        index = end + 1
    return [run for run in runs if run[1] - run[0] >= _SHORTEST_S * _RATE]


def _stall(flown: FlownSession, begin: int, end: int, not_before_s: float) -> list[tuple[float, float, Maneuver, str]]:
    """The stall in an attempt at one: from the last seconds before the break to flying speed. None if none broke."""
    record = flown.record
    model = TRAINER_MODELS[flown.plan.aircraft_type]
    window = slice(begin, end)
    excess = _smooth(record["aoa"], 0.2)[window] - critical_aoa(model, record["flaps"])[window]
    broken = np.flatnonzero(excess > 0.0)
    if len(broken) < 0.4 * _RATE:
        return []
    share = np.clip(record["flaps"][window] / model.full_flaps_deg, 0.0, 1.0)
    flying_kt = 1.12 * (model.stall_kt + (model.stall_flaps_kt - model.stall_kt) * share)
    flies = (record["airspeed"][window] > flying_kt) & (excess < -4.0) & (record["climb_fps"][window] > -20.0)
    after = np.flatnonzero(flies[broken[-1] :])
    last = begin + (int(broken[-1] + after[0]) if len(after) else end - begin - 1)
    time = record["time"]
    start_s = max(float(time[begin]), float(time[begin + int(broken[0])]) - _STALL_ENTRY_S, not_before_s)
    return [(start_s, float(time[last]), Maneuver.STALL, flown.remarks[begin])]
