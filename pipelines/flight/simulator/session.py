"""Flies a planned session."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.flight.maneuvers import Maneuver
from pipelines.flight.simulator.aircraft import TRAINER_MODELS
from pipelines.flight.simulator.cockpit import CONTROL_STEP_S, Cockpit
from pipelines.flight.simulator.flight import Flight, FlightLostError, SessionOverError
from pipelines.flight.simulator.pilot import Pilot
from pipelines.flight.simulator.plan import SessionPlan, Task
from pipelines.flight.simulator.runway import Runway, move
from pipelines.flight.simulator.tasks import approach, basic, circuit, stalls, upsets
from pipelines.flight.simulator.weather import Air

_AIRWORK: dict[str, Callable[..., None]] = {
    "cruise": basic.cruise,
    "climb": basic.climb,
    "descent": basic.descent,
    "turn": basic.turn,
    "steep_turn": basic.steep_turn,
    "slow_flight": basic.slow_flight,
    "stall": stalls.stall,
    "accelerated_stall": stalls.accelerated_stall,
    "nose_high": upsets.nose_high,
    "spiral": upsets.spiral,
    "rolled": upsets.rolled,
}

_LOWEST_AIRWORK_FT = 2200.0
"""Stalls and upsets begin at or above this height; below it the pilot climbs first."""


_LAST_APPROACH_AFTER_S = 460.0
"""An approach that begins later than this is landed from, whatever was planned: time is nearly up."""


@dataclass(frozen=True)
class FlownSession:
    """What happened: the truth at 20 Hz. `attempt` counts the tries that the plan took (lost flights are flown anew).

    `record` holds one array per name in `flight.RECORDED`; `intents` and `remarks` one entry per row.
    """

    plan: SessionPlan
    record: dict[str, np.ndarray]
    intents: tuple[Maneuver | None, ...]
    remarks: tuple[str, ...]
    attempt: int
    completed: bool


def fly_session(plan: SessionPlan) -> FlownSession:
    """Fly the plan. Deterministic: the same plan gives the same session, bit for bit.

    A flight that is lost (hits the ground, departs beyond recovery) is flown again with other gusts and a
    steadier hand; after four tries what was flown safely up to then is kept, cut 20 seconds before the loss.
    """
    flown = None
    for attempt in range(4):
        flight = _prepare(plan, attempt)
        try:
            _fly(flight, plan)
        except SessionOverError:
            return _finish(plan, flight, attempt, completed=False)
        except FlightLostError:
            keep = max(len(flight.rows) - round(20.0 / CONTROL_STEP_S), 1)
            del flight.rows[keep:], flight.intents[keep:], flight.remarks[keep:]
            if flown is None or len(flight.rows) > len(flown.intents):
                flown = _finish(plan, flight, attempt, completed=False)
        else:
            return _finish(plan, flight, attempt, completed=True)
    assert flown is not None
    return flown


def _prepare(plan: SessionPlan, attempt: int) -> Flight:
    streams = np.random.SeedSequence([plan.seed, attempt]).spawn(3)
    seeds = [int(stream.generate_state(1)[0]) for stream in streams]
    model = TRAINER_MODELS[plan.aircraft_type]
    weather = dataclasses.replace(plan.weather, gust_kt=plan.weather.gust_kt * 0.7**attempt)
    air = Air(weather, seeds[0], CONTROL_STEP_S)
    cockpit = Cockpit(model, air, plan.elevation_ft)
    cockpit.start(
        plan.latitude,
        plan.longitude,
        plan.heading_true,
        plan.start_height_ft,
        min(model.handbook.cruise_kt - 10.0, 100.0),
        plan.weather.temperature_offset_c,
        plan.fuel_share,
    )
    pilot = Pilot(cockpit, min(1.0, plan.skill + 0.15 * attempt), seeds[1])
    flight = Flight(cockpit, pilot, np.random.default_rng(seeds[2]), plan.time_limit_s)
    latitude, longitude = move(plan.latitude, plan.longitude, plan.heading_true, -300.0)
    flight.runway = Runway(latitude, longitude, plan.heading_true, plan.elevation_ft, 6000.0)
    if plan.start_height_ft is not None:
        # The trimmed aircraft meets the wind: give it some seconds before the session counts.
        flight.near_ground_allowed = False
        pilot.hold_altitude(cockpit.altitude)
        pilot.hold_heading(plan.heading_true)
        pilot.hold_speed_by_power(cockpit.airspeed)
        flight.time_limit_s = 1e9
        flight.wait(15.0)
        flight.rows.clear()
        flight.intents.clear()
        flight.remarks.clear()
        flight.time_limit_s = plan.time_limit_s + cockpit.time
    else:
        cockpit.brakes = 0.8
    return flight


def _fly(flight: Flight, plan: SessionPlan) -> None:
    for task in plan.tasks:
        if task.name == "approach" and flight.cockpit.time > _LAST_APPROACH_AFTER_S:
            task = Task(task.name, {**task.arguments, "ending": "land"})
            _fly_task(flight, plan, task)
            return
        _fly_task(flight, plan, task)


def _fly_task(flight: Flight, plan: SessionPlan, task: Task) -> None:
    arguments: dict[str, Any] = dict(task.arguments)
    assert flight.runway is not None
    if task.name in _AIRWORK:
        flight.near_ground_allowed = False
        low = flight.cockpit.height < _LOWEST_AIRWORK_FT
        if low and task.name in ("stall", "accelerated_stall", "nose_high", "spiral", "rolled"):
            basic.climb(flight, 3000.0 - flight.cockpit.height, 0.0)
        _AIRWORK[task.name](flight, **arguments)
    elif task.name == "arrive":
        _arrive(flight, plan, **arguments)
    elif task.name == "approach":
        approach.approach(flight, runway=None, **arguments)
    elif task.name == "circuit_approach":
        approach.approach(flight, runway=flight.runway, **arguments)
    elif task.name in ("hold_short", "takeoff"):
        getattr(circuit, task.name)(flight, flight.runway, **arguments)
    elif task.name == "pattern":
        circuit.pattern(flight, flight.runway, **arguments)
    elif task.name == "climb_out":
        circuit.climb_out(flight, **arguments)
    else:
        raise ValueError(f"unknown task {task.name!r} in the plan of seed {plan.seed}")


def _arrive(flight: Flight, plan: SessionPlan, height_ft: float, rate_fpm: float, off_wind_deg: float) -> None:
    """Turn roughly into the wind and descend to where a straight-in approach can begin."""
    cockpit, pilot = flight.cockpit, flight.pilot
    flight.intend(None)
    heading = (plan.weather.wind_from_deg + off_wind_deg) % 360.0
    away = abs((heading - cockpit.heading + 180.0) % 360.0 - 180.0)
    if away > 15.0:
        way = (heading - cockpit.heading + 180.0) % 360.0 - 180.0
        basic.turn(flight, 20.0, way, cockpit.airspeed)
    lose = cockpit.height - height_ft
    if lose > 250.0:
        basic.descent(flight, lose, rate_fpm, flight.handbook.cruise_kt - 18.0)
    elif lose < -250.0:
        basic.climb(flight, -lose, 0.0)
    pilot.hold_altitude(cockpit.elevation + height_ft)


def _finish(plan: SessionPlan, flight: Flight, attempt: int, completed: bool) -> FlownSession:
    record = flight.table()
    record["time"] = record["time"] - record["time"][0]
    return FlownSession(plan, record, tuple(flight.intents), tuple(flight.remarks), attempt, completed)
