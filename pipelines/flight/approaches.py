"""Approaches: descents to a runway that end in a landing or a go-around, found in one session and judged.

A light aircraft's log has no height above the ground and no runway database, so the field's elevation is read
from the flight itself: from the rollout of a landing; for a go-around from the nearest ground that the session has
touched; where it has touched none, from its lowest point, if it came down to it as on an approach. With a height
channel (`altitude_agl_ft`, simulators) that is used instead.

What is not reported: a descent that ends away from any ground the session knows (air work, practised engine
failures), one that starts below the gate, and one that the recording cuts off in the air.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.flight import approach_criteria as criteria
from pipelines.flight.approach_criteria import GATE_HEIGHT_FT, JUDGED_DOWN_TO_FT
from pipelines.flight.ground import GoAroundField, Trace, ground_seconds, touched_ground, turning_points

if TYPE_CHECKING:
    import pandas

_GO_AROUND_ABOVE_FT = -100.0
_GO_AROUND_BELOW_FT = 300.0
"""A go-around is one from below this height; above it the descent may have been for something else. A low point far
below the elevation is that of another, unknown field."""

_DESCENDING_FT = 50.0
_DESCENDING_OVER_S = 20
"""The descent has begun where 50 ft are lost in 20 s (150 ft/min); before that it was level flight."""


@dataclass(frozen=True)
class Approach:
    """One approach, as `main.gold.approaches` holds it; seconds are the session's, criteria null if unknown."""

    approach: int
    start_second: int
    gate_second: int
    end_second: int
    outcome: str
    field_elevation_ft: float
    speed_stable: bool | None
    sink_stable: bool | None
    bank_stable: bool | None
    is_stable: bool | None
    failed_criteria: list[str]


def find_approaches(samples: pandas.DataFrame, aircraft_type: str | None) -> list[Approach]:
    """The approaches of one session, by time.

    `samples` are the session's gold seconds in order: `second` and the canonical channels, null where missing
    (columns may be absent). Without an altitude, or without any channel that shows a touchdown, the list is empty.
    """
    trace = Trace.of(samples)
    if trace.altitude_ft is None:
        return []
    on_ground = ground_seconds(trace)
    reference_kt = criteria.reference_speed_kt(aircraft_type)
    go_around_field = GoAroundField(trace, on_ground, reference_kt)
    found: list[Approach] = []
    for high, low, next_high in turning_points(trace.altitude_ft):
        touch = touched_ground(trace, on_ground, high, low, next_high, reference_kt)
        if touch is not None:
            end, elevation, outcome = touch.second, touch.elevation_ft, "landing"
        else:
            # Only a climb afterwards tells a go-around from a recording that ends on final.
            elevation = go_around_field.elevation_ft(low) if next_high is not None else None
            if elevation is None or not _GO_AROUND_ABOVE_FT < trace.altitude_ft[low] - elevation < _GO_AROUND_BELOW_FT:
                continue
            end, outcome = low, "go_around"
        gate = _gate(trace.altitude_ft - elevation, high, end)
        if gate is not None:
            found.append(_judged(trace, len(found) + 1, high, gate, end, outcome, elevation, reference_kt))
    return found


def judged_seconds(altitude_ft: np.ndarray, gate: int, end: int, elevation_ft: float) -> slice:
    """The part of an approach that the criteria are held against: from the gate down to the flare, or to its end."""
    low = np.flatnonzero(altitude_ft[gate : end + 1] - elevation_ft < JUDGED_DOWN_TO_FT)
    return slice(gate, gate + int(low[0]) if len(low) else end + 1)


def _gate(height_ft: np.ndarray, high: int, end: int) -> int | None:
    """The first second below the gate's height after the last one above it; None if it was never above."""
    above = np.flatnonzero(height_ft[high:end] > GATE_HEIGHT_FT)
    return high + int(above[-1]) + 1 if len(above) else None


def _start(altitude_ft: np.ndarray, high: int, gate: int) -> int:
    """Where the last steady descent through the gate began."""
    start = gate
    while start - _DESCENDING_OVER_S > high:
        if altitude_ft[start - _DESCENDING_OVER_S] - altitude_ft[start] < _DESCENDING_FT:
            return start
        start -= 1
    return high


def _judged(
    trace: Trace,
    number: int,
    high: int,
    gate: int,
    end: int,
    outcome: str,
    elevation_ft: float,
    reference_kt: float | None,
) -> Approach:
    assert trace.altitude_ft is not None
    judged = judged_seconds(trace.altitude_ft, gate, end, elevation_ft)
    bank_limit = criteria.bank_limits_deg(trace.altitude_ft[judged] - elevation_ft, trace.heading_deg[judged])
    exceeded = criteria.exceedances(
        trace.airspeed_kt[judged], trace.vertical_speed_fpm[judged], trace.bank_deg[judged], bank_limit, reference_kt
    )
    held = {name: criteria.holds(seconds) for name, seconds in exceeded.items()}
    is_stable, failed = criteria.verdict(held)
    return Approach(
        approach=number,
        start_second=int(trace.second[_start(trace.altitude_ft, high, gate)]),
        gate_second=int(trace.second[gate]),
        end_second=int(trace.second[end]),
        outcome=outcome,
        field_elevation_ft=float(elevation_ft),
        speed_stable=held["speed"],
        sink_stable=held["sink"],
        bank_stable=held["bank"],
        is_stable=is_stable,
        failed_criteria=failed,
    )
