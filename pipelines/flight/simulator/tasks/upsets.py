"""Unusual attitudes and their recoveries: nose high, nose low in a spiral, rolled past the limit."""

from __future__ import annotations

from pipelines.flight.simulator.flight import Flight
from pipelines.flight.simulator.tasks.basic import compose
from pipelines.flight.simulator.tasks.stalls import critical_aoa


def nose_high(flight: Flight, pitch_deg: float, bank_deg: float, hold_s: float) -> None:
    """Pulled up far above a climb attitude, speed bleeding away; recovered by unloading, rolling aside, power."""
    cockpit, pilot = flight.cockpit, flight.pilot
    compose(flight, flight.handbook.cruise_kt)
    pilot.set_power(1.0)
    pilot.hold_bank(bank_deg, roll_rate=8.0)
    flight.intend(None, "unusual attitude, nose high")
    pilot.hold_pitch(pitch_deg + 4.0, rate=9.0)
    flight.until(lambda: cockpit.pitch > pitch_deg or cockpit.aoa > critical_aoa(flight) - 2.0, 12.0)
    flight.until(lambda: cockpit.aoa > critical_aoa(flight) - 1.0, hold_s)
    pilot.pull(-0.25)
    flight.until(lambda: cockpit.pitch < 12.0, 8.0)
    pilot.hold_pitch(-4.0)
    pilot.hold_bank(0.0, roll_rate=12.0)
    flight.until(lambda: cockpit.airspeed > flight.model.stall_kt * 1.25 and abs(cockpit.roll) < 20.0, 12.0)
    _return_to_level(flight)


def spiral(flight: Flight, bank_deg: float, pitch_deg: float, delay_s: float) -> None:
    """An overbanked turn whose nose has dropped; recovered by power off, wings level, then pull."""
    cockpit, pilot = flight.cockpit, flight.pilot
    compose(flight, flight.handbook.cruise_kt - 12.0)
    flight.intend(None, "unusual attitude, spiral")
    pilot.set_power(0.6)
    pilot.hold_bank(bank_deg, roll_rate=12.0)
    pilot.hold_pitch(pitch_deg)
    limit_kt = flight.handbook.never_exceed_kt - 22.0
    deep = abs(bank_deg) - 5.0
    flight.until(lambda: abs(cockpit.roll) > deep or cockpit.airspeed > limit_kt, 14.0)
    flight.until(lambda: cockpit.airspeed > limit_kt, delay_s)
    _recover_nose_low(flight)


def rolled(flight: Flight, bank_deg: float, roll_rate: float) -> None:
    """A quick roll beyond 60 degrees, as in a wake; the nose follows down; recovered at once."""
    cockpit, pilot = flight.cockpit, flight.pilot
    compose(flight, flight.handbook.cruise_kt - 8.0)
    flight.intend(None, "wake encounter")
    pilot.hold_bank(bank_deg, roll_rate=roll_rate)
    pilot.hold_pitch(-4.0)
    flight.until(lambda: abs(cockpit.roll) > abs(bank_deg) - 5.0, 7.0)
    _recover_nose_low(flight)


def _recover_nose_low(flight: Flight) -> None:
    cockpit, pilot = flight.cockpit, flight.pilot
    pilot.set_power(0.0 if cockpit.airspeed > flight.handbook.maneuvering_kt else 0.4)
    pilot.hold_bank(0.0, roll_rate=16.0 + 14.0 * pilot.skill)
    flight.until(lambda: abs(cockpit.roll) < 30.0, 8.0)
    pilot.hold_pitch(3.0)
    flight.until(lambda: cockpit.climb_fpm > -300.0, 14.0)
    _return_to_level(flight)


def _return_to_level(flight: Flight) -> None:
    cockpit, pilot = flight.cockpit, flight.pilot
    pilot.hold_climb(0.0)
    pilot.hold_heading(cockpit.heading)
    pilot.hold_speed_by_power(flight.handbook.cruise_kt - 8.0)
    flight.until(lambda: abs(cockpit.climb_fpm) < 300.0 and abs(cockpit.roll) < 6.0, 20.0)
    flight.intend(None)
