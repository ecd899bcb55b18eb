"""One flight in progress: cockpit, pilot and recorder, advanced together by the tasks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipelines.flight.maneuvers import Maneuver
from pipelines.flight.simulator.cockpit import CONTROL_STEP_S, INSTRUMENTS, Cockpit
from pipelines.flight.simulator.pilot import Pilot
from pipelines.flight.simulator.runway import Runway

RECORDED: tuple[str, ...] = (
    "time",
    *(name for name, _ in INSTRUMENTS),
    "throttle",
    "elevator",
    "aileron",
    "rudder",
    "wind_north",
    "wind_east",
)
"""Columns of the record that a flight keeps at every control step."""


class FlightLostError(Exception):
    """The flight went where no session goes (into the ground, out of control): plan another try."""


class SessionOverError(Exception):
    """The session's time is up."""


class Flight:
    """What a task works on: it moves the pilot's targets and lets time pass with `step`, `wait` and `until`."""

    def __init__(self, cockpit: Cockpit, pilot: Pilot, random: np.random.Generator, time_limit_s: float) -> None:
        self.cockpit = cockpit
        self.pilot = pilot
        self.random = random
        self.time_limit_s = time_limit_s
        self.model = cockpit.model
        self.handbook = cockpit.model.handbook
        self.intent: Maneuver | None = None
        self.remark = ""
        self.runway: Runway | None = None
        self.near_ground_allowed = False
        self.rows: list[tuple[float, ...]] = []
        self.intents: list[Maneuver | None] = []
        self.remarks: list[str] = []

    def intend(self, maneuver: Maneuver | None, remark: str = "") -> None:
        """From now on this is what the instructor sees being flown; None while changing from one to the next."""
        self.intent = maneuver
        self.remark = remark

    def step(self) -> None:
        """One control step. Raises FlightLostError on a crash, SessionOverError when time is up."""
        cockpit = self.cockpit
        self.pilot.act()
        cockpit.step()
        instruments = [cockpit.__dict__[name] for name, _ in INSTRUMENTS]
        controls = (cockpit.throttle, cockpit.elevator, cockpit.aileron, cockpit.rudder)
        self.rows.append((cockpit.time, *instruments, *controls, cockpit.wind[0], cockpit.wind[1]))
        self.intents.append(self.intent)
        self.remarks.append(self.remark)
        if not (-30.0 < cockpit.height < 20000.0) or not (cockpit.airspeed < self.handbook.never_exceed_kt * 1.08):
            raise FlightLostError(f"height {cockpit.height:.0f} ft, airspeed {cockpit.airspeed:.0f} kt")
        if cockpit.on_ground or cockpit.height < 25.0:
            if not self.near_ground_allowed:
                raise FlightLostError("touched the ground away from a runway")
            if abs(cockpit.roll) > 25.0 or abs(cockpit.pitch) > 25.0 or cockpit.climb_fpm < -1000.0:
                raise FlightLostError("hard or upset contact with the ground")
        if cockpit.time >= self.time_limit_s:
            raise SessionOverError

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(round(seconds / CONTROL_STEP_S)):
            self.step()

    def until(self, condition: Callable[[], bool], limit_s: float) -> bool:
        """Let time pass until the condition holds; False if it did not within the limit."""
        for _ in range(round(limit_s / CONTROL_STEP_S)):
            self.step()
            if condition():
                return True
        return False

    def table(self) -> dict[str, np.ndarray]:
        """The record so far, one array per column."""
        matrix = np.asarray(self.rows, dtype=float)
        return {name: matrix[:, index] for index, name in enumerate(RECORDED)}
