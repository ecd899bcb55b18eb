"""Approaches: stable ones keep the criteria, each fault breaks its own, and all come down to the runway."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas
import pytest

from pipelines.flight.approaches import Approach, find_approaches
from pipelines.flight.simulator.plan import SessionPlan, Task
from pipelines.flight.simulator.recorder import sample
from pipelines.flight.simulator.session import FlownSession, fly_session
from pipelines.flight.simulator.syllabus import plan_session
from pipelines.flight.simulator.tasks.approach import Fault
from pipelines.flight.simulator.weather import Weather

_CALM = Weather(wind_kt=6.0, wind_from_deg=40.0, gust_kt=0.6, temperature_offset_c=0.0)


def _plan(fault: Fault, aircraft: str, ending: str = "land") -> SessionPlan:
    plan = plan_session(7, aircraft=aircraft, lesson="approaches", skill=0.85)
    approach = {
        "fault": fault,
        "glide_deg": 3.8,
        "speed_margin_kt": 2.0,
        "flaps": 1.0,
        "across_ft": 300.0,
        "ending": ending,
        "ending_ft": 150.0,
        "flare_ft": 24.0,
    }
    arrive = Task("arrive", {"height_ft": 1200.0, "rate_fpm": 700.0, "off_wind_deg": 10.0})
    return dataclasses.replace(plan, weather=_CALM, heading_true=40.0, tasks=(arrive, Task("approach", approach)))


def _judge(flown: FlownSession) -> Approach:
    seconds = pandas.DataFrame(sample(flown, 1.0, seed_word=2))
    seconds["second"] = np.arange(len(seconds))
    (found,) = find_approaches(seconds, flown.plan.aircraft_type)
    return found


@pytest.mark.parametrize("aircraft", ["c172p", "c172r", "c172x", "c182"])
def test_a_faultless_approach_is_stable_and_lands_softly_on_the_runway(aircraft: str) -> None:
    flown = fly_session(_plan(Fault(), aircraft))
    record = flown.record
    judged = _judge(flown)
    wheels = (record["wheel_left"] > 0.5) | (record["wheel_right"] > 0.5)
    touch = int(np.argmax(wheels))

    assert flown.completed
    assert flown.attempt == 0
    assert (judged.is_stable, judged.outcome, judged.failed_criteria) == (True, "landing", [])
    assert -450.0 < record["climb_fps"][touch - 2] * 60.0 < 0.0
    assert abs(record["roll"][touch]) < 8.0
    assert abs(record["height"][touch] - 4.4) < 1.0
    assert wheels[-1]


@pytest.mark.parametrize(
    ("fault", "criterion"),
    [
        (Fault("fast", 28.0, 800.0, 200.0), "speed"),
        (Fault("slow", 12.0, 800.0, 200.0), "speed"),
        (Fault("steep", 380.0, 800.0, 200.0), "sink"),
        (Fault("sink", 950.0, 620.0, 300.0), "sink"),
        (Fault("weave", 26.0, 800.0, 200.0), "bank"),
        (Fault("offset", 1500.0, 900.0, 240.0), "bank"),
    ],
)
def test_a_fault_breaks_its_criterion_and_the_aircraft_still_lands(fault: Fault, criterion: str) -> None:
    flown = fly_session(_plan(fault, "c172p"))
    judged = _judge(flown)

    assert flown.completed
    assert judged.is_stable is False
    assert criterion in judged.failed_criteria
    assert judged.outcome == "landing"


def test_a_fault_put_right_before_the_gate_leaves_the_approach_stable() -> None:
    judged = _judge(fly_session(_plan(Fault("weave", 24.0, 1100.0, 780.0), "c172p")))

    assert judged.is_stable


def test_a_go_around_climbs_away_from_the_height_planned() -> None:
    flown = fly_session(_plan(Fault("fast", 30.0, 800.0, 100.0), "c172r", ending="go_around"))
    height = flown.record["height"] - 4.4

    assert 60.0 < height.min() < 155.0
    assert height[-1] > 450.0


def test_about_half_of_the_planned_approaches_have_a_fault_at_the_gate() -> None:
    faults = [
        task.arguments["fault"]
        for seed in range(300)
        for task in plan_session(seed).tasks
        if task.name in ("approach", "circuit_approach")
    ]
    at_gate = [fault.from_ft > 500.0 > fault.until_ft for fault in faults if fault.kind != "none"]

    assert len(faults) > 300
    assert 0.4 < sum(at_gate) / len(faults) < 0.6
    assert {fault.kind for fault in faults} == {"none", "fast", "slow", "steep", "sink", "offset", "weave"}
