"""The taxonomy of maneuvers: what one second of a training flight can be.

Every second of a session belongs to exactly one of these, or to none while the aircraft changes from
one to the next (a transition: instructors do not agree on its seconds, so nobody is judged by them).
"""

from __future__ import annotations

from enum import StrEnum


class Maneuver(StrEnum):
    """A maneuver of the taxonomy; the value is what tables and files hold."""

    GROUND = "ground"
    """Parked, taxiing or holding on the ground, below takeoff or landing-roll speed."""
    TAKEOFF = "takeoff"
    """From the start of the takeoff roll to 50 ft above the runway."""
    CLIMB = "climb"
    """Sustained climb, wings level or in a shallow turn, more than 200 ft/min."""
    CRUISE = "cruise"
    """Straight and level: heading and altitude held at cruise or maneuvering speed."""
    TURN = "turn"
    """Level or nearly level turn with 10 to 35 degrees of bank."""
    STEEP_TURN = "steep_turn"
    """Level turn at 45 degrees of bank (the task of the FAA's private pilot standards)."""
    SLOW_FLIGHT = "slow_flight"
    """Level flight just above the stall, high angle of attack, altitude held."""
    STALL = "stall"
    """From the last seconds of the entry through the break to the recovery of flying speed."""
    DESCENT = "descent"
    """Sustained descent away from the runway, more than 200 ft/min."""
    APPROACH = "approach"
    """Final descent towards the runway from 1,000 ft above it down to 50 ft."""
    LANDING = "landing"
    """From 50 ft above the runway through flare and touchdown until taxi speed."""
    GO_AROUND = "go_around"
    """From the power being set on an approach that is given up until 500 ft above the runway."""


MANEUVERS: tuple[str, ...] = tuple(maneuver.value for maneuver in Maneuver)
