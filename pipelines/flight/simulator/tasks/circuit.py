"""Takeoffs and the traffic pattern."""

from __future__ import annotations

from pipelines.flight.maneuvers import Maneuver
from pipelines.flight.simulator.flight import Flight
from pipelines.flight.simulator.runway import Runway
from pipelines.flight.simulator.tasks.approach import follow


def hold_short(flight: Flight, runway: Runway, seconds: float, taxi_s: float) -> None:
    """Stand with the engine idling, then roll forward at taxi speed onto the runway."""
    cockpit, pilot = flight.cockpit, flight.pilot
    flight.near_ground_allowed = True
    flight.runway = runway
    flight.intend(Maneuver.GROUND)
    pilot.pull(0.0)
    pilot.hold_bank(0.0)
    pilot.set_power(0.05)
    pilot.steer_heading = runway.heading_true
    cockpit.brakes = 0.8
    flight.wait(seconds)
    cockpit.brakes = 0.0
    for _ in range(round(20.0 * taxi_s)):
        knots = cockpit.ground_speed_fps / 1.688
        pilot.set_power(0.3 if knots < 4.0 else 0.2 if knots < 9.0 else 0.05)
        cockpit.brakes = 0.2 if knots > 13.0 else 0.0
        flight.step()
    pilot.set_power(0.05)
    cockpit.brakes = 0.5
    flight.wait(3.0)


def takeoff(flight: Flight, runway: Runway, rotation_margin_kt: float, flaps: float) -> None:
    """Full power, keep straight, rotate, climb to 50 ft; then on at the best rate of climb."""
    cockpit, pilot = flight.cockpit, flight.pilot
    flight.near_ground_allowed = True
    flight.intend(None)
    cockpit.brakes = 0.0
    cockpit.flaps_lever = flaps
    pilot.hold_bank(0.0)
    pilot.pull(0.03)
    pilot.attention = 0.4
    pilot.set_power(1.0)
    flight.wait(0.5)
    flight.intend(Maneuver.TAKEOFF)
    rotation = flight.handbook.rotation_kt + rotation_margin_kt
    for _ in range(20 * 60):
        _, across = runway.along_and_across_ft(cockpit.latitude, cockpit.longitude)
        pilot.steer_heading = runway.heading_true - max(-6.0, min(6.0, 0.06 * across))
        flight.step()
        if cockpit.airspeed > rotation or not cockpit.on_ground:
            break
    pilot.hold_pitch(8.0)
    flight.until(lambda: not cockpit.on_ground and cockpit.height > 8.0, 20.0)
    pilot.steer_heading = None
    pilot.hold_track(runway.heading_true, bank_limit=10.0)
    flight.until(lambda: cockpit.height - 4.4 > 50.0, 25.0)
    flight.intend(None)
    pilot.attention = 1.0
    pilot.hold_speed_by_pitch(flight.handbook.best_climb_kt)
    flight.wait(3.0)
    flight.intend(Maneuver.CLIMB)
    flight.until(lambda: cockpit.height > 300.0, 60.0)
    cockpit.flaps_lever = 0.0
    flight.near_ground_allowed = False


def climb_out(flight: Flight, height_ft: float) -> None:
    """Straight ahead at the best rate of climb to a height above the ground."""
    cockpit, pilot = flight.cockpit, flight.pilot
    pilot.set_power(1.0)
    pilot.hold_speed_by_pitch(flight.handbook.best_climb_kt)
    if cockpit.climb_fpm > 200.0:
        flight.intend(Maneuver.CLIMB)
    flight.until(lambda: cockpit.height > height_ft - 60.0, 240.0)
    flight.intend(None)
    pilot.hold_altitude(cockpit.elevation + height_ft)
    pilot.hold_heading(cockpit.heading)
    pilot.hold_speed_by_power(flight.handbook.best_climb_kt + 12.0)
    flight.wait(8.0)


def pattern(
    flight: Flight, runway: Runway, side: float, width_ft: float, height_ft: float, base_ft: float, speed_kt: float
) -> None:
    """Crosswind, downwind and base legs (`side` -1: left-hand), until the turn to final begins.

    `width_ft` is the distance of the downwind leg from the runway, `base_ft` how far before the threshold
    the base leg is flown, `height_ft` the height of the pattern above the runway, `speed_kt` the airspeed downwind.
    """
    cockpit, pilot = flight.cockpit, flight.pilot

    def across() -> float:
        return side * runway.along_and_across_ft(cockpit.latitude, cockpit.longitude)[1]

    def along() -> float:
        return runway.along_and_across_ft(cockpit.latitude, cockpit.longitude)[0]

    top = cockpit.elevation + height_ft
    pilot.set_power(1.0)
    pilot.hold_speed_by_pitch(flight.handbook.best_climb_kt)
    flight.until(lambda: cockpit.height > 650.0, 120.0)
    flight.until(lambda: along() > runway.length_ft or cockpit.altitude > top - 150.0, 60.0)
    flight.intend(None)
    crosswind = (runway.heading_true + side * 90.0) % 360.0
    pilot.hold_track(crosswind, bank_limit=20.0)
    flight.until(lambda: cockpit.altitude > top - 60.0, 90.0)
    pilot.hold_altitude(top)
    pilot.hold_speed_by_power(speed_kt)

    flight.until(lambda: across() > width_ft - 2300.0, 60.0)
    pilot.hold_track((runway.heading_true + 180.0) % 360.0, bank_limit=22.0)
    flight.until(lambda: abs(cockpit.roll) > 15.0, 8.0)
    flight.until(lambda: abs(cockpit.roll) < 8.0, 25.0)
    flight.wait(2.0)
    flight.intend(Maneuver.CRUISE)
    while along() > 0.0:
        follow(flight, runway, side * width_ft, bank_limit=15.0, reverse=True)
        flight.step()
    flight.intend(None)
    pilot.hold_speed_by_power(flight.handbook.reference_kt + 12.0)
    pilot.hold_climb(-220.0)
    while along() > -base_ft:
        follow(flight, runway, side * width_ft, bank_limit=15.0, reverse=True)
        if cockpit.airspeed < 84.0:
            cockpit.flaps_lever = 0.34
        flight.step()
    pilot.hold_climb(-320.0)
    pilot.hold_track((crosswind + 180.0) % 360.0, bank_limit=24.0)
    flight.until(lambda: abs(cockpit.roll) > 15.0, 8.0)
    # The turn to final takes its own radius: begin that much before the centre line.
    flight.until(lambda: across() < 1900.0, 80.0)
