"""Final approaches, stable and unstable on purpose, with their landings and go-arounds."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pipelines.flight.maneuvers import Maneuver
from pipelines.flight.simulator.flight import Flight
from pipelines.flight.simulator.pilot import turn_error_deg
from pipelines.flight.simulator.runway import Runway, move
from pipelines.flight.simulator.tasks.basic import slow_to_flaps

AIM_BEYOND_THRESHOLD_FT = 500.0


@dataclass(frozen=True)
class Fault:
    """What is wrong with an approach between two heights above the runway.

    `kind`: `none`, `fast`, `slow` (size in kt), `steep` (size: ft above the glide path, then dived off),
    `sink` (size: ft/min beyond the path's own), `offset` (size: ft beside the centre line, first on one side,
    then on the other), `weave` (size: deg of bank from side to side).
    """

    kind: str = "none"
    size: float = 0.0
    from_ft: float = 0.0
    until_ft: float = 0.0


def line_up(flight: Flight, glide_deg: float, across_ft: float, lead_s: float) -> Runway:
    """Place a runway ahead so that the glide path is met in `lead_s` seconds, `across_ft` off to one side."""
    cockpit = flight.cockpit
    heading = cockpit.heading
    distance = cockpit.height / math.tan(math.radians(glide_deg)) + lead_s * cockpit.ground_speed_fps
    return _ahead(flight, heading, distance - AIM_BEYOND_THRESHOLD_FT, across_ft)


def _ahead(flight: Flight, heading: float, distance_ft: float, across_ft: float) -> Runway:
    cockpit = flight.cockpit
    latitude, longitude = move(cockpit.latitude, cockpit.longitude, heading, distance_ft)
    latitude, longitude = move(latitude, longitude, heading + 90.0, across_ft)
    return Runway(latitude, longitude, heading, cockpit.elevation, 8000.0)


def track_to(flight: Flight, runway: Runway, across_ft: float, reverse: bool = False) -> float:
    """The true track that leads back to the line parallel to the runway at `across_ft` to its right."""
    cockpit = flight.cockpit
    _, across = runway.along_and_across_ft(cockpit.latitude, cockpit.longitude)
    error = across - across_ft
    limit = 40.0 if abs(error) > 1500.0 else 28.0
    correction = max(-limit, min(limit, 0.035 * error))
    return (runway.heading_true + 180.0 + correction if reverse else runway.heading_true - correction) % 360.0


def follow(
    flight: Flight, runway: Runway, across_ft: float = 0.0, bank_limit: float = 20.0, reverse: bool = False
) -> None:
    """One look at that line: set the track that leads back to it."""
    flight.pilot.hold_track(track_to(flight, runway, across_ft, reverse), bank_limit=bank_limit)


def final_approach(
    flight: Flight, runway: Runway, glide_deg: float, speed_kt: float, flaps: float, fault: Fault, down_to_ft: float
) -> None:
    """Fly the final approach from wherever the aircraft is down to a height above the runway."""
    cockpit, pilot = flight.cockpit, flight.pilot
    flight.runway = runway
    flight.near_ground_allowed = True
    slope = math.tan(math.radians(glide_deg))
    gear = 4.4
    waves = 0.0
    diving = False
    # Whoever flies a good approach is attentive; carelessness and faults go together.
    pilot.attention = 0.4 if fault.kind == "none" else 0.8
    for _ in range(round(20.0 * 420.0)):
        height = cockpit.height - gear
        if height <= down_to_ft:
            pilot.attention = 1.0
            return
        along, across = runway.along_and_across_ft(cockpit.latitude, cockpit.longitude)
        to_aim = AIM_BEYOND_THRESHOLD_FT - along
        if to_aim < 60.0 and height > 150.0:
            pilot.attention = 1.0
            return
        active = fault.until_ft < height <= fault.from_ft
        kind = fault.kind if active else "none"
        speed = speed_kt
        excess = 0.0
        deepest = -850.0
        bias = 0.0
        if kind == "fast":
            speed += fault.size
        elif kind == "slow":
            # Slow, but not into the stall.
            speed = max(speed - fault.size, 1.1 * flight.model.stall_flaps_kt)
        elif kind == "sink":
            bias, deepest = -fault.size, -2200.0
        path = to_aim * slope
        if fault.kind == "steep":
            # High above the path until the fault's upper height over the path is reached, then a dive back to it.
            diving = diving or path + fault.size < fault.from_ft
            if not diving:
                excess = fault.size
            elif height > path + 30.0 and height > fault.until_ft:
                deepest, bias = -2000.0, -3.0 * (height - path)
        climb = -cockpit.ground_speed_fps * slope * 60.0 + 5.0 * (path + excess - height) + bias
        if height < 90.0:
            deepest = -800.0
        on_path = height >= path + excess - 60.0 or cockpit.climb_fpm < -200.0
        climb = max(deepest, min(climb, -100.0 if kind == "none" and on_path and height < 900.0 else 0.0))
        pilot.hold_climb(climb)
        # Where the descent is much steeper than the path, power would only add speed.
        pilot.hold_speed_by_power(speed)
        if kind == "offset":
            # Chasing the centre line: too far to one side, then through it to the other.
            aside = fault.size if height > 0.5 * fault.from_ft + 0.5 * fault.until_ft else -0.7 * fault.size
            follow(flight, runway, aside, bank_limit=26.0)
        elif kind == "weave":
            waves += 0.05
            track = track_to(flight, runway, 0.0)
            back = max(-20.0, min(20.0, turn_error_deg(track, cockpit.track)))
            swing = fault.size * math.sin(2.0 * math.pi * waves / 11.0)
            pilot.hold_bank(swing + back if abs(back) < 15.0 else back, roll_rate=14.0)
        else:
            late = fault.kind == "offset" and abs(across) > 250.0 and height < fault.until_ft
            follow(flight, runway, 0.0, bank_limit=32.0 if late else 20.0)
        if height > 400.0 and cockpit.flaps_lever < flaps and cockpit.airspeed < 85.0:
            cockpit.flaps_lever = min(flaps, cockpit.flaps_lever + 0.34 if height < 900.0 else 0.34)
        _label(flight, runway, height, along)
        flight.step()


def _label(flight: Flight, runway: Runway, height: float, along: float) -> None:
    cockpit = flight.cockpit
    away = abs((cockpit.track - runway.heading_true + 180.0) % 360.0 - 180.0)
    established = height <= 1000.0 and along < 0.0 and away < 45.0
    if flight.intent is None and established and cockpit.climb_fpm < -150.0:
        flight.intend(Maneuver.APPROACH)
    elif flight.intent is not Maneuver.APPROACH:
        flight.intend(None)


def land(flight: Flight, runway: Runway, flare_ft: float, stop: bool) -> None:
    """From about 50 ft: flare, touch down, keep straight; roll out to taxi speed if `stop`."""
    cockpit, pilot = flight.cockpit, flight.pilot
    flight.intend(Maneuver.LANDING)
    pilot.attention = 0.25
    touched = 0.0
    for _ in range(20 * 70):
        height = max(cockpit.height - 4.4, 0.0)
        _, across = runway.along_and_across_ft(cockpit.latitude, cockpit.longitude)
        drift = runway.heading_true - 0.02 * max(-300.0, min(300.0, across))
        if not cockpit.on_ground:
            touched = max(0.0, touched - 0.1)
            if height > flare_ft:
                pilot.hold_climb(-cockpit.ground_speed_fps * 60.0 * math.tan(math.radians(3.4)))
                follow(flight, runway, 0.0, bank_limit=12.0)
            else:
                pilot.set_power(0.0)
                pilot.hold_climb(-max(55.0, 9.0 * height))
                sideways = cockpit.ground_speed_fps * math.sin(math.radians(cockpit.track - runway.heading_true))
                pilot.hold_bank(max(-7.0, min(7.0, -0.9 * sideways - 0.03 * across)), roll_rate=8.0)
                if height < 12.0:
                    pilot.steer_heading = runway.heading_true
        else:
            touched += 0.05
            pilot.set_power(0.0)
            pilot.pull(0.1 if cockpit.airspeed > 45.0 else 0.3)
            pilot.hold_bank(0.0)
            pilot.steer_heading = drift
            if touched > 2.0:
                if not stop:
                    break
                cockpit.brakes = 0.35 if cockpit.airspeed < 55.0 else 0.1
            if stop and cockpit.ground_speed_fps < 22.0:
                break
        flight.step()
    pilot.attention = 1.0
    if stop:
        taxi_off(flight)


def taxi_off(flight: Flight) -> None:
    """Roll on slowly, then stand still with the engine idling."""
    cockpit, pilot = flight.cockpit, flight.pilot
    flight.intend(Maneuver.GROUND)
    taxi = float(flight.random.uniform(8.0, 22.0))
    for _ in range(round(20.0 * taxi)):
        knots = cockpit.ground_speed_fps / 1.688
        cockpit.brakes = 0.25 if knots > 14.0 else 0.0
        pilot.set_power(0.18 if knots < 8.0 else 0.02)
        flight.step()
    pilot.set_power(0.0)
    cockpit.brakes = 0.6
    flight.wait(float(flight.random.uniform(6.0, 18.0)))
    flight.intend(None)


def go_around(flight: Flight, runway: Runway, late_cleanup_s: float) -> None:
    """Power, climb attitude, flaps up by steps; until 500 ft above the runway, then a climb straight ahead."""
    cockpit, pilot = flight.cockpit, flight.pilot
    flight.intend(Maneuver.GO_AROUND)
    pilot.set_power(1.0)
    pilot.hold_climb(300.0)
    pilot.steer_heading = None
    pilot.hold_track(runway.heading_true, bank_limit=15.0)
    flight.until(lambda: cockpit.climb_fpm > 150.0, 12.0)
    flight.wait(late_cleanup_s)
    pilot.hold_speed_by_pitch(flight.handbook.best_climb_kt - 6.0)
    while cockpit.flaps_lever > 0.0:
        cockpit.flaps_lever = max(0.0, cockpit.flaps_lever - 0.34)
        flight.wait(4.0)
    pilot.hold_speed_by_pitch(flight.handbook.best_climb_kt)
    flight.until(lambda: cockpit.height - 4.4 > 500.0, 120.0)
    flight.intend(None)
    flight.wait(2.0)
    flight.near_ground_allowed = False
    flight.intend(Maneuver.CLIMB)


def approach(
    flight: Flight,
    fault: Fault,
    glide_deg: float,
    speed_margin_kt: float,
    flaps: float,
    across_ft: float,
    ending: str,
    ending_ft: float,
    flare_ft: float,
    runway: Runway | None = None,
) -> None:
    """A straight-in approach and its ending: `land`, `touch_and_go` or `go_around` at `ending_ft`."""
    cockpit, pilot = flight.cockpit, flight.pilot
    if runway is None:
        flight.intend(None)
        pilot.hold_altitude(cockpit.altitude)
        pilot.hold_heading(cockpit.heading)
        pilot.hold_speed_by_power(flight.handbook.reference_kt + 15.0)
        flight.until(lambda: cockpit.airspeed < 84.0, 40.0)
        slow_to_flaps(flight, 0.34)
        runway = line_up(flight, glide_deg, across_ft, lead_s=14.0)
    speed = flight.handbook.reference_kt + speed_margin_kt
    final_approach(flight, runway, glide_deg, speed, flaps, fault, ending_ft if ending == "go_around" else 50.0)
    if ending == "go_around" or cockpit.height > 60.0:
        go_around(flight, runway, late_cleanup_s=float(flight.random.uniform(0.0, 3.0)))
    else:
        land(flight, runway, flare_ft, stop=ending == "land")
