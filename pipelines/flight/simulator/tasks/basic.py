"""Straight and level, climbs, descents, turns, steep turns and slow flight."""

from __future__ import annotations

from pipelines.flight.maneuvers import Maneuver
from pipelines.flight.simulator.flight import Flight
from pipelines.flight.simulator.pilot import turn_error_deg

FLAPS_LIMIT_KT = 85.0
"""Flaps move only below this airspeed."""


def compose(flight: Flight, speed_kt: float, altitude_ft: float | None = None, heading: float | None = None) -> None:
    """Between tasks: wings level, flaps up, at a speed and altitude, nothing labelled."""
    flight.intend(None)
    cockpit, pilot = flight.cockpit, flight.pilot
    pilot.coordination, pilot.rudder_input, pilot.steer_heading = 1.0, 0.0, None
    target = cockpit.altitude + cockpit.climb_fpm * 0.06 if altitude_ft is None else altitude_ft
    pilot.hold_altitude(target, climb_limit_fpm=900.0)
    pilot.hold_heading(cockpit.heading if heading is None else heading)
    pilot.hold_speed_by_power(speed_kt)
    if cockpit.flaps_lever > 0.0:
        pilot.set_power(1.0)
        while cockpit.flaps_lever > 0.0:
            cockpit.flaps_lever = max(0.0, cockpit.flaps_lever - 0.34)
            flight.wait(2.5)
        pilot.hold_speed_by_power(speed_kt)
    flight.until(
        lambda: (
            abs(cockpit.roll) < 5.0 and abs(cockpit.climb_fpm) < 250.0 and abs(cockpit.airspeed - speed_kt) < 7.0
            and abs(cockpit.altitude - target) < 120.0
        ),
        45.0,
    )  # fmt: skip


def slow_to_flaps(flight: Flight, lever: float) -> None:
    """Lower the flaps by steps, as the airspeed allows."""
    cockpit = flight.cockpit
    flight.until(lambda: cockpit.airspeed < FLAPS_LIMIT_KT, 40.0)
    while cockpit.flaps_lever < lever - 0.01:
        cockpit.flaps_lever = min(lever, cockpit.flaps_lever + 0.34)
        flight.wait(2.0)


def cruise(flight: Flight, seconds: float, speed_kt: float) -> None:
    """Straight and level for a while."""
    compose(flight, speed_kt)
    flight.intend(Maneuver.CRUISE)
    flight.wait(seconds)
    flight.intend(None)


def climb(flight: Flight, feet: float, speed_margin_kt: float, turn_deg: float = 0.0) -> None:
    """A full-power climb of so many feet, wings level or with a shallow turn on the way."""
    cockpit, pilot = flight.cockpit, flight.pilot
    flight.intend(None)
    goal = cockpit.altitude + feet
    heading = cockpit.heading
    pilot.hold_heading(heading)
    pilot.set_power(flight.model.climb_throttle)
    pilot.hold_speed_by_pitch(flight.handbook.best_climb_kt + speed_margin_kt)
    flight.until(lambda: cockpit.climb_fpm > 300.0, 25.0)
    flight.intend(Maneuver.CLIMB)
    if turn_deg:
        flight.until(lambda: cockpit.altitude > goal - 0.6 * feet, 120.0)
        pilot.hold_heading((heading + turn_deg) % 360.0, bank_limit=13.0)
    flight.until(lambda: cockpit.altitude > goal - max(cockpit.climb_fpm, 0.0) * 0.07, 240.0)
    flight.intend(None)
    pilot.hold_altitude(goal)
    pilot.hold_speed_by_power(flight.handbook.cruise_kt - 10.0)
    flight.wait(8.0)


def descent(flight: Flight, feet: float, rate_fpm: float, speed_kt: float, turn_deg: float = 0.0) -> None:
    """A descent of so many feet at a constant rate and airspeed."""
    cockpit, pilot = flight.cockpit, flight.pilot
    flight.intend(None)
    goal = cockpit.altitude - feet
    heading = cockpit.heading
    pilot.hold_heading(heading)
    pilot.hold_climb(-rate_fpm)
    pilot.hold_speed_by_power(speed_kt)
    flight.until(lambda: cockpit.climb_fpm < -0.75 * rate_fpm, 25.0)
    flight.intend(Maneuver.DESCENT)
    if turn_deg:
        flight.until(lambda: cockpit.altitude < goal + 0.6 * feet, 120.0)
        pilot.hold_heading((heading + turn_deg) % 360.0, bank_limit=13.0)
    flight.until(lambda: cockpit.altitude < goal - cockpit.climb_fpm * 0.07, 300.0)
    flight.intend(None)
    pilot.hold_altitude(goal)
    flight.wait(8.0)


def turn(flight: Flight, bank_deg: float, degrees: float, speed_kt: float) -> None:
    """A level turn of medium bank; positive degrees turn right."""
    if abs(flight.cockpit.airspeed - speed_kt) > 10.0 or abs(flight.cockpit.climb_fpm) > 300.0:
        compose(flight, speed_kt)
    _level_turn(flight, bank_deg, degrees, Maneuver.TURN, roll_rate=7.0)


def steep_turn(flight: Flight, bank_deg: float, degrees: float, speed_kt: float) -> None:
    """A level turn at 45 degrees of bank (FAA-S-ACS-6, area V task A); positive degrees turn right."""
    compose(flight, speed_kt)
    flight.wait(3.0)
    _level_turn(flight, bank_deg, degrees, Maneuver.STEEP_TURN, roll_rate=11.0)


def _level_turn(flight: Flight, bank_deg: float, degrees: float, maneuver: Maneuver, roll_rate: float) -> None:
    cockpit, pilot = flight.cockpit, flight.pilot
    flight.intend(None)
    side = 1.0 if degrees > 0 else -1.0
    if maneuver is Maneuver.STEEP_TURN:
        # The more demanding the turn, the more a beginner wanders.
        pilot.attention = 1.0 + 1.2 * (1.0 - pilot.skill)
    entry_heading, altitude = cockpit.heading, cockpit.altitude
    speed = cockpit.airspeed
    pilot.hold_altitude(altitude)
    pilot.hold_speed_by_power(speed)
    pilot.hold_bank(side * bank_deg, roll_rate=roll_rate)
    flight.until(lambda: abs(cockpit.roll) > 0.85 * bank_deg, 15.0)
    flight.intend(maneuver)
    turned, before = abs(turn_error_deg(cockpit.heading, entry_heading)), cockpit.heading
    lead = bank_deg * (0.3 + 0.3 * (1.0 - pilot.skill) * float(flight.random.uniform(0.0, 1.0)))
    # A turn at a small bank is slow: the time limit follows from the rate of turn (1,091 tan(bank) / TAS).
    for _ in range(round(20.0 * 150.0)):
        flight.step()
        turned += side * turn_error_deg(cockpit.heading, before)
        before = cockpit.heading
        if turned > abs(degrees) - lead:
            break
    flight.intend(None)
    pilot.hold_bank(0.0, roll_rate=roll_rate)
    flight.until(lambda: abs(cockpit.roll) < 6.0, 12.0)
    pilot.hold_heading((entry_heading + degrees) % 360.0)
    pilot.hold_altitude(altitude)
    pilot.attention = 1.0
    flight.wait(4.0)


def slow_flight(flight: Flight, seconds: float, flaps: float, margin: float, turn_deg: float = 0.0) -> None:
    """Level flight at `margin` times the stall speed, flaps 0..1, with a gentle turn on the way if asked."""
    cockpit, pilot, model = flight.cockpit, flight.pilot, flight.model
    flight.intend(None)
    stall = model.stall_kt + (model.stall_flaps_kt - model.stall_kt) * flaps
    heading = cockpit.heading
    pilot.hold_altitude(cockpit.altitude, climb_limit_fpm=400.0)
    pilot.hold_heading(heading, bank_limit=12.0)
    pilot.hold_speed_by_power(stall * margin + 12.0)
    slow_to_flaps(flight, flaps)
    pilot.hold_speed_by_power(stall * margin)
    flight.until(lambda: cockpit.airspeed < stall * margin + 3.0 and abs(cockpit.climb_fpm) < 300.0, 60.0)
    flight.wait(3.0)
    flight.intend(Maneuver.SLOW_FLIGHT)
    flight.wait(seconds / 2.0)
    if turn_deg:
        pilot.hold_heading((heading + turn_deg) % 360.0, bank_limit=12.0)
    flight.wait(seconds / 2.0)
    flight.intend(None)
    pilot.set_power(1.0)
    pilot.hold_altitude(cockpit.altitude)
    pilot.hold_heading(cockpit.heading)
    flight.wait(4.0)
    while cockpit.flaps_lever > 0.0:
        cockpit.flaps_lever = max(0.0, cockpit.flaps_lever - 0.34)
        flight.wait(3.0)
    flight.until(lambda: cockpit.airspeed > flight.handbook.best_climb_kt, 30.0)
