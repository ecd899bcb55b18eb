"""A pilot: holds what a task asks for, as well or as badly as their skill allows.

Cascaded loops as an autopilot has them (altitude -> climb angle -> pitch -> elevator and so on). Skill, from
0 (first lesson) to 1 (examiner), sets how far attention wanders from the target, how late corrections come,
how much they overshoot and how steady the hands are.
"""

from __future__ import annotations

import math

import numpy as np

from pipelines.flight.simulator.cockpit import CONTROL_STEP_S, Cockpit
from pipelines.flight.simulator.lapses import ALTITUDE, BANK, HEADING, PITCH, SPEED, THROTTLE, Lapses

_STEP = CONTROL_STEP_S


def turn_error_deg(target: float, actual: float) -> float:
    """The way to turn from one direction to another, -180..180, right positive."""
    return (target - actual + 180.0) % 360.0 - 180.0


def _bound(value: float, low: float, high: float) -> float:
    return low if value < low else high if value > high else value


class Pilot:
    """Closed-loop control of one cockpit. Set targets with the `hold_*` methods, then call `act` every step."""

    def __init__(self, cockpit: Cockpit, skill: float, seed: int) -> None:
        self.cockpit = cockpit
        self.skill = _bound(skill, 0.0, 1.0)
        clumsy = 1.0 - self.skill
        self._lag_s = 0.15 + 0.9 * clumsy
        self._reach = 1.0 - 0.35 * clumsy
        random = np.random.default_rng(seed)
        # How much of the extra back pressure that a turn needs comes by habit; the rest only after the error shows.
        self._anticipation = 1.0 + clumsy * float(random.uniform(-0.9, 0.4))
        self._lapses = Lapses(clumsy, random)
        self.attention = 1.0
        self._vertical: tuple[str, float] = ("pitch", 0.0)
        self._lateral: tuple[str, float] = ("bank", 0.0)
        self._power: tuple[str, float] = ("fixed", 0.5)
        self._climb_limit_fpm = 700.0
        self._bank_limit = 25.0
        self._roll_rate = 9.0
        self._pitch_rate = 4.0
        self._pitch_target = self._pitch_sum = 0.0
        self._bank_target = 0.0
        self._trim = 0.0
        self._throttle_sum = 0.5
        self._speed_ramp = cockpit.airspeed
        self._speed_before = 0.0
        self._acceleration = 0.0
        self._aileron_sum = self._rudder_sum = 0.0
        self.coordination = 1.0
        self.rudder_input = 0.0
        self.steer_heading: float | None = None
        self.settle()

    def settle(self) -> None:
        """Take the present attitude, power and speed as the starting point of all loops."""
        cockpit = self.cockpit
        self._pitch_target = self._pitch_sum = cockpit.pitch
        self._bank_target = cockpit.roll
        self._trim = cockpit.elevator
        self._throttle_sum = cockpit.throttle
        self._speed_before = cockpit.airspeed

    def hold_altitude(self, feet: float, climb_limit_fpm: float = 700.0) -> None:
        """Hold an altitude above sea level by pitch."""
        self._start_vertical("altitude", feet)
        self._climb_limit_fpm = climb_limit_fpm

    def hold_climb(self, feet_per_minute: float) -> None:
        """Hold a rate of climb (negative: descent) by pitch."""
        self._start_vertical("climb", feet_per_minute)

    def hold_speed_by_pitch(self, knots: float) -> None:
        """Hold an indicated airspeed by pitch, as in a climb at fixed power."""
        self._start_vertical("speed", knots)

    def hold_pitch(self, degrees: float, rate: float = 6.0) -> None:
        """Hold a pitch attitude, changing it at most `rate` deg/s."""
        self._start_vertical("pitch", degrees)
        self._pitch_rate = rate

    def pull(self, elevator: float) -> None:
        """Hold the elevator control itself, -1..1, nose up positive."""
        self._vertical = ("elevator", elevator)

    def _start_vertical(self, mode: str, target: float) -> None:
        if self._vertical[0] != mode:
            self._pitch_sum = self._pitch_target if self._vertical[0] != "elevator" else self.cockpit.pitch
            if self._vertical[0] == "elevator":
                self._pitch_target = self.cockpit.pitch
                self._trim = _bound(self.cockpit.elevator, -0.4, 0.6)
        self._vertical = (mode, target)
        self._pitch_rate = 4.0

    def hold_heading(self, degrees: float, bank_limit: float = 22.0) -> None:
        """Turn to and hold a true heading."""
        self._lateral = ("heading", degrees)
        self._bank_limit = bank_limit

    def hold_track(self, degrees: float, bank_limit: float = 22.0) -> None:
        """Turn to and hold a true track over the ground."""
        self._lateral = ("track", degrees)
        self._bank_limit = bank_limit

    def hold_bank(self, degrees: float, roll_rate: float = 9.0) -> None:
        """Hold a bank angle, rolling at most `roll_rate` deg/s to it."""
        self._lateral = ("bank", degrees)
        self._roll_rate = roll_rate

    def hold_speed_by_power(self, knots: float) -> None:
        """Hold an indicated airspeed by throttle."""
        if self._power[0] != "speed":
            self._throttle_sum = min(self.cockpit.throttle, 0.75)
            self._speed_ramp = self.cockpit.airspeed
        self._power = ("speed", knots)

    def set_power(self, throttle: float) -> None:
        """Move the throttle to a position, 0..1, and leave it there."""
        self._power = ("fixed", throttle)

    def act(self) -> None:
        """Look at the instruments once and move the controls."""
        self._lapses.look(self.attention)
        cockpit = self.cockpit
        acceleration = (cockpit.airspeed - self._speed_before) / _STEP
        self._speed_before = cockpit.airspeed
        self._acceleration += (acceleration - self._acceleration) * 0.08
        self._move_throttle()
        gain = _bound((80.0 / max(cockpit.airspeed, 40.0)) ** 2, 0.55, 2.2)
        if self._vertical[0] == "elevator":
            rate = 1.2 * _STEP
            cockpit.elevator += _bound(self._vertical[1] - cockpit.elevator, -rate, rate)
        else:
            self._move_elevator(gain)
        self._move_aileron(gain)
        self._move_rudder()

    def _safe_aoa(self) -> float:
        """The angle of attack at which stall warning and buffet speak up: 2 degrees below the critical one."""
        model = self.cockpit.model
        share = min(self.cockpit.flaps / model.full_flaps_deg, 1.0)
        return model.critical_aoa_deg + (model.critical_aoa_flaps_deg - model.critical_aoa_deg) * share - 2.0

    def _move_elevator(self, gain: float) -> None:
        cockpit = self.cockpit
        mode, target = self._vertical
        wander = self._lapses.wander
        lift_pitch = 0.0
        if mode == "pitch":
            wanted = target + wander[PITCH]
            self._pitch_sum = target
        elif mode == "speed":
            error = cockpit.airspeed - (target + wander[SPEED])
            self._pitch_sum = _bound(self._pitch_sum + 0.06 * error * _STEP, -12.0, 16.0)
            wanted = self._pitch_sum + 0.45 * self._reach * error + 1.1 * self._acceleration
        else:
            if mode == "altitude":
                error_ft = target + wander[ALTITUDE] - cockpit.altitude
                climb = _bound(7.0 * error_ft, -self._climb_limit_fpm, self._climb_limit_fpm)
            else:
                climb = target + 2.5 * wander[ALTITUDE]
            speed_fpm = max(cockpit.true_airspeed_fps, 50.0) * 60.0
            error = _bound(math.degrees((climb - cockpit.climb_fpm) / speed_fpm), -8.0, 8.0)
            self._pitch_sum = _bound(self._pitch_sum + 0.4 * self._reach * error * _STEP, -12.0, 18.0)
            # In a turn the wing needs more angle of attack: anticipate it from the bank.
            lean = max(math.cos(math.radians(cockpit.roll)), 0.45)
            lift_pitch = self._anticipation * (max(cockpit.aoa, 0.5) + 2.0) * (1.0 - lean)
            wanted = self._pitch_sum + lift_pitch + 0.8 * self._reach * error
        safe_aoa = self._safe_aoa()
        wanted = _bound(wanted, -18.0, 15.0 if mode == "speed" else 50.0 if mode == "pitch" else 24.0)
        if mode != "pitch" and cockpit.aoa > safe_aoa:
            # Buffet and horn: whoever is not stalling on purpose lowers the nose.
            wanted = min(wanted, cockpit.pitch - 1.2 * (cockpit.aoa - safe_aoa) - 1.0)
            self._pitch_sum = min(self._pitch_sum, cockpit.pitch)
        move = (wanted - self._pitch_target) * min(1.0, _STEP / self._lag_s)
        self._pitch_target += _bound(move, -self._pitch_rate * _STEP, self._pitch_rate * _STEP)
        error = self._pitch_target - cockpit.pitch
        self._trim = _bound(self._trim + 0.035 * gain * error * _STEP, -0.6, 0.95)
        # Banked far over, the elevator turns the aircraft instead of raising its nose: wings level first.
        error *= max(math.cos(math.radians(cockpit.roll)), 0.2)
        # The rate of the pitch attitude itself: in a steady turn the body's pitch rate is not zero.
        bank = math.radians(cockpit.roll)
        rate = cockpit.pitch_rate * math.cos(bank) - cockpit.yaw_rate * math.sin(bank)
        command = self._trim + gain * (0.045 * error - 1.5 * rate) + self._lapses.hand("elevator", 2.0)
        # Nobody pulls on against more than about two and a half g.
        command -= 0.3 * max(0.0, cockpit.load_factor - 2.3)
        cockpit.elevator = _bound(command, -1.0, 1.0)

    def _move_aileron(self, gain: float) -> None:
        cockpit = self.cockpit
        mode, target = self._lateral
        if mode == "bank":
            wanted = target + self._lapses.wander[BANK]
        else:
            direction = cockpit.heading if mode == "heading" else cockpit.track
            error = turn_error_deg(target + self._lapses.wander[HEADING], direction)
            wanted = _bound(1.1 * self._reach * error, -self._bank_limit, self._bank_limit)
        # Rolling out of a roll begins before the wanted bank is reached.
        rate = _bound(1.4 * (wanted - self._bank_target), -self._roll_rate, self._roll_rate)
        self._bank_target += rate * _STEP
        error = turn_error_deg(self._bank_target, cockpit.roll)
        if cockpit.on_ground:
            self._aileron_sum = 0.0
        elif abs(rate) < 3.0:
            near = _bound(error, -5.0, 5.0)
            self._aileron_sum = _bound(self._aileron_sum + 0.006 * gain * near * _STEP, -0.4, 0.4)
        damping = 0.5 * (cockpit.roll_rate - math.radians(rate))
        command = self._aileron_sum + gain * (0.024 * error - damping) + self._lapses.hand("aileron", 3.0)
        cockpit.aileron = _bound(command, -1.0, 1.0)

    def _move_rudder(self) -> None:
        cockpit = self.cockpit
        if self.steer_heading is not None:
            error = turn_error_deg(self.steer_heading, cockpit.heading)
            if cockpit.on_ground:
                command = 0.1 * error - 5.0 * cockpit.yaw_rate
            else:
                command = 0.06 * error - 0.9 * cockpit.yaw_rate
        else:
            care = self.coordination * (0.4 + 0.6 * self.skill)
            self._rudder_sum = _bound(self._rudder_sum + 0.01 * care * cockpit.sideslip * _STEP, -0.3, 0.3)
            command = self._rudder_sum + 0.03 * care * cockpit.sideslip - 0.25 * cockpit.yaw_rate
        cockpit.rudder = _bound(command + self.rudder_input, -1.0, 1.0)

    def _move_throttle(self) -> None:
        cockpit = self.cockpit
        mode, target = self._power
        if mode == "fixed":
            wanted = target + (self._lapses.wander[THROTTLE] if 0.05 < target < 0.95 else 0.0)
        else:
            ramp = 1.6 * _STEP
            self._speed_ramp += _bound(target - self._speed_ramp, -ramp, ramp)
            error = self._speed_ramp + self._lapses.wander[SPEED] - cockpit.airspeed
            near = _bound(error, -6.0, 6.0)
            self._throttle_sum = _bound(self._throttle_sum + 0.006 * self._reach * near * _STEP, 0.0, 1.0)
            wanted = self._throttle_sum + 0.03 * error - 0.07 * self._acceleration
            if cockpit.aoa > self._safe_aoa() and not cockpit.on_ground:
                wanted = max(wanted, 0.85)
        wanted = _bound(wanted, 0.0, 1.0)
        rate = 0.35 * _STEP
        cockpit.throttle += _bound(wanted - cockpit.throttle, -rate, rate)
