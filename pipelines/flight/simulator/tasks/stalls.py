"""Stalls with and without power, straight, turning and accelerated, and those recovered before they break."""

from __future__ import annotations

from pipelines.flight.maneuvers import Maneuver
from pipelines.flight.simulator.flight import Flight
from pipelines.flight.simulator.tasks.basic import compose, slow_to_flaps


def critical_aoa(flight: Flight) -> float:
    """The critical angle of attack with the flaps as they are, in degrees."""
    model = flight.model
    share = min(flight.cockpit.flaps / model.full_flaps_deg, 1.0)
    return model.critical_aoa_deg + (model.critical_aoa_flaps_deg - model.critical_aoa_deg) * share


def stall(
    flight: Flight, power: float, flaps: float, bank_deg: float, hold_s: float, let_break: bool, yaw: float
) -> None:
    """Decelerate, pull to the break, keep it for `hold_s` seconds, recover.

    `power` is the throttle during the entry (0: power-off stall). With `let_break` false the recovery begins
    at the first signs. `yaw` (-1..1) is rudder carelessly applied in the break.
    """
    cockpit, pilot, model = flight.cockpit, flight.pilot, flight.model
    compose(flight, flight.handbook.best_climb_kt + 8.0)
    heading = cockpit.heading
    pilot.set_power(0.35)
    slow_to_flaps(flight, flaps)
    stall_kt = model.stall_kt + (model.stall_flaps_kt - model.stall_kt) * flaps
    if power > 0.0:
        flight.until(lambda: cockpit.airspeed < stall_kt + 12.0, 25.0)
        pilot.set_power(power)
        pilot.hold_pitch(12.0 + 10.0 * power)
    else:
        pilot.set_power(0.0)
        pilot.hold_altitude(cockpit.altitude + 30.0)
    if abs(bank_deg) > 1.0:
        pilot.hold_bank(bank_deg, roll_rate=6.0)
    else:
        pilot.hold_heading(heading, bank_limit=10.0)
    flight.intend(Maneuver.STALL, _describe(power, flaps, bank_deg))
    first_signs = critical_aoa(flight) - 3.5
    flight.until(lambda: cockpit.aoa > first_signs, 45.0)
    if let_break:
        _pull_to_break(flight, hold_s, yaw)
    recover(flight, briskness=0.5 + 0.5 * pilot.skill)


def accelerated_stall(flight: Flight, bank_deg: float, pull: float, speed_margin: float, hold_s: float) -> None:
    """A stall at more than 1 g: from a banked turn, pulled hard."""
    cockpit, pilot, model = flight.cockpit, flight.pilot, flight.model
    compose(flight, model.stall_kt * speed_margin + 8.0)
    pilot.set_power(0.25)
    pilot.hold_bank(bank_deg, roll_rate=14.0)
    flight.until(lambda: abs(cockpit.roll) > abs(bank_deg) - 6.0, 10.0)
    flight.intend(Maneuver.STALL, "accelerated stall")
    pilot.pull(pull)
    flight.until(lambda: cockpit.aoa > critical_aoa(flight), 9.0)
    if cockpit.aoa <= critical_aoa(flight):
        pilot.pull(1.0)
        flight.until(lambda: cockpit.aoa > critical_aoa(flight), 6.0)
    flight.wait(hold_s)
    recover(flight, briskness=0.5 + 0.5 * pilot.skill)


def _pull_to_break(flight: Flight, hold_s: float, yaw: float) -> None:
    cockpit, pilot = flight.cockpit, flight.pilot
    limit = critical_aoa(flight)
    pilot.pull(min(1.0, cockpit.elevator + 0.45))
    if not flight.until(lambda: cockpit.aoa > limit, 6.0):
        pilot.pull(1.0)
        flight.until(lambda: cockpit.aoa > limit, 10.0)
    pilot.rudder_input = yaw
    flight.wait(hold_s)
    pilot.rudder_input = 0.0


def recover(flight: Flight, briskness: float) -> None:
    """Unload, power, wings level, then back to a climb: the recovery every pilot is taught."""
    cockpit, pilot, model = flight.cockpit, flight.pilot, flight.model
    safe_kt = model.stall_kt * 1.18
    pilot.pull(-0.05 - 0.25 * briskness)
    flight.wait(0.4)
    pilot.set_power(1.0)
    pilot.hold_bank(0.0, roll_rate=10.0 + 8.0 * briskness)
    limit = critical_aoa(flight) - 4.0
    flight.until(lambda: cockpit.aoa < limit, 4.0)
    pilot.hold_pitch(min(cockpit.pitch, -2.0 - 4.0 * briskness))
    flight.until(lambda: cockpit.airspeed > safe_kt and abs(cockpit.roll) < 25.0, 15.0)
    pilot.hold_climb(300.0)
    flight.until(lambda: cockpit.climb_fpm > 0.0, 12.0)
    pilot.hold_heading(cockpit.heading)
    flight.wait(3.0)
    flight.intend(None)


def _describe(power: float, flaps: float, bank_deg: float) -> str:
    kind = "power-on stall" if power > 0.0 else "power-off stall"
    turning = ", turning" if abs(bank_deg) > 1.0 else ""
    return f"{kind}{turning}{', flaps down' if flaps > 0.5 else ''}"
