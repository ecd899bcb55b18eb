"""Labels agree with the physics of the flight, whatever the pilot meant to fly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pytest

from pipelines.flight.simulator.aircraft import TRAINER_MODELS
from pipelines.flight.simulator.session import FlownSession
from pipelines.flight.simulator.truth import UPSET, Annotation, annotate, critical_aoa

Fly = Callable[..., FlownSession]

_SESSIONS = ((1, "airwork"), (2, "airwork"), (5, "upset_training"), (3, "approaches"), (3, "circuits"))


@pytest.fixture(scope="module")
def segments(fly: Fly) -> list[tuple[FlownSession, Annotation, slice]]:
    """Every annotation of some sessions, with the rows of the record that it covers."""
    return list(_segments(fly))


def _segments(fly: Fly) -> Iterator[tuple[FlownSession, Annotation, slice]]:
    for seed, lesson in _SESSIONS:
        flown = fly(seed, lesson=lesson)
        for row in annotate(flown):
            yield flown, row, slice(round(row.start_s * 20.0), round(row.end_s * 20.0) + 1)


def _of(segments: list[tuple[FlownSession, Annotation, slice]], maneuver: str) -> list[tuple[FlownSession, slice]]:
    found = [(flown, rows) for flown, row, rows in segments if row.maneuver == maneuver]
    assert found, f"no {maneuver} in the sessions tried"
    return found


def test_maneuvers_do_not_overlap_and_lie_within_the_session(fly: Fly) -> None:
    for seed, lesson in _SESSIONS:
        flown = fly(seed, lesson=lesson)
        rows = [row for row in annotate(flown) if row.maneuver != UPSET]

        assert all(0.0 <= row.start_s < row.end_s <= flown.record["time"][-1] for row in rows)
        assert all(first.end_s <= second.start_s for first, second in pairwise(rows))


def test_a_stall_exceeds_the_critical_angle_and_is_an_upset(segments: list) -> None:
    upsets = [(id(flown), row) for flown, row, _ in segments if row.maneuver == UPSET]
    for flown, rows in _of(segments, "stall"):
        record = flown.record
        model = TRAINER_MODELS[flown.plan.aircraft_type]
        beyond = record["aoa"][rows] > critical_aoa(model, record["flaps"][rows])
        start, end = rows.start / 20.0, rows.stop / 20.0

        assert beyond.sum() >= 8
        assert not beyond[:40].all(), "the stall's label must include the entry"
        assert any(key == id(flown) and row.start_s < end and row.end_s > start for key, row in upsets)


def test_an_upset_exceeds_a_limit(segments: list) -> None:
    for flown, rows in _of(segments, UPSET):
        record = flown.record
        model = TRAINER_MODELS[flown.plan.aircraft_type]

        assert (
            (record["aoa"][rows] > critical_aoa(model, record["flaps"][rows]))
            | (np.abs(record["roll"][rows]) > 60.0)
            | (record["pitch"][rows] > 30.0)
            | (record["pitch"][rows] < -20.0)
        ).any()


def test_no_other_airwork_label_holds_a_stalled_wing_or_an_extreme_attitude(segments: list) -> None:
    for maneuver in ("cruise", "climb", "descent", "turn", "steep_turn", "slow_flight"):
        for flown, rows in _of(segments, maneuver):
            record = flown.record
            model = TRAINER_MODELS[flown.plan.aircraft_type]

            assert (record["aoa"][rows] > critical_aoa(model, record["flaps"][rows])).mean() < 0.02
            assert np.abs(record["roll"][rows]).max() < 62.0
            assert record["pitch"][rows].max() < 30.0


def test_climbs_climb_descents_descend_and_turns_bank(segments: list) -> None:
    for flown, rows in _of(segments, "climb"):
        assert flown.record["climb_fps"][rows].mean() * 60.0 > 200.0
    for flown, rows in _of(segments, "descent"):
        assert flown.record["climb_fps"][rows].mean() * 60.0 < -200.0
    for flown, rows in _of(segments, "turn"):
        assert 10.0 <= np.abs(flown.record["roll"][rows]).mean() <= 35.0
    for flown, rows in _of(segments, "steep_turn"):
        assert 40.0 <= np.abs(flown.record["roll"][rows]).mean() <= 55.0
    for flown, rows in _of(segments, "cruise"):
        assert np.abs(flown.record["roll"][rows]).mean() < 5.0


def test_ground_is_on_the_wheels_and_takeoff_ends_at_50_ft(segments: list) -> None:
    for flown, rows in _of(segments, "ground"):
        assert (flown.record["wheel_left"][rows] + flown.record["wheel_right"][rows] > 0).all()
    for flown, rows in _of(segments, "takeoff"):
        assert flown.record["wheel_left"][rows.start] == 1.0
        assert 30.0 < flown.record["height"][rows.stop - 1] - 4.4 < 75.0


def test_approaches_descend_from_1000_ft_to_a_landing_or_a_go_around(segments: list) -> None:
    for flown, rows in _of(segments, "approach"):
        height = flown.record["height"][rows] - 4.4
        assert height[0] <= 1005.0
        assert height[-1] < 330.0
    for flown, rows in _of(segments, "landing"):
        record = flown.record
        assert record["height"][rows.start] - 4.4 < 56.0
        assert ((record["wheel_left"][rows] > 0) & (record["wheel_right"][rows] > 0)).any()
    for flown, rows in _of(segments, "go_around"):
        assert flown.record["height"][rows.stop - 1] > flown.record["height"][rows.start]


def test_good_pilots_hold_the_standard_in_steep_turns(fly: Fly) -> None:
    """FAA-S-ACS-6, private pilot, steep turns: 45 degrees of bank within 5, altitude within 100 ft, 10 kt."""
    held = {"bank": [], "altitude": [], "airspeed": []}
    for aircraft in sorted(TRAINER_MODELS):
        flown = fly(1, aircraft=aircraft, lesson="airwork", skill=0.95)
        record = flown.record
        for row in annotate(flown):
            if row.maneuver != "steep_turn":
                continue
            rows = slice(round(row.start_s * 20.0), round(row.end_s * 20.0))
            held["bank"].append((np.abs(np.abs(record["roll"][rows]) - 45.0) <= 5.0).mean())
            held["altitude"].append((np.abs(record["altitude"][rows] - record["altitude"][rows.start]) <= 100.0).mean())
            held["airspeed"].append((np.abs(record["airspeed"][rows] - record["airspeed"][rows.start]) <= 10.0).mean())

    assert len(held["bank"]) >= 4
    assert np.mean(held["bank"]) > 0.8
    assert np.mean(held["altitude"]) > 0.9
    assert np.mean(held["airspeed"]) > 0.9
