"""The simulated aircraft as its pilot sees it: instruments to read, controls to move, time to let pass."""

from __future__ import annotations

import math
from typing import Any

from pipelines.flight.simulator.aircraft import TrainerModel, load
from pipelines.flight.simulator.weather import Air

CONTROL_STEP_S = 0.05
"""Time between two looks at the instruments (20 Hz)."""

_SUBSTEPS = 3
_SUBSTEPS_NEAR_GROUND = 6
"""Integration steps in a control step: 60 Hz in flight; the springs of the landing gear need 120 Hz."""

_NEAR_GROUND_FT = 40.0

INSTRUMENTS: tuple[tuple[str, str], ...] = (
    ("latitude", "position/lat-geod-deg"),
    ("longitude", "position/long-gc-deg"),
    ("altitude", "position/h-sl-ft"),
    ("height", "position/h-agl-ft"),
    ("airspeed", "velocities/vc-kts"),
    ("true_airspeed_fps", "velocities/vt-fps"),
    ("north_fps", "velocities/v-north-fps"),
    ("east_fps", "velocities/v-east-fps"),
    ("climb_fps", "velocities/h-dot-fps"),
    ("pitch", "attitude/theta-deg"),
    ("roll", "attitude/phi-deg"),
    ("heading", "attitude/psi-deg"),
    ("aoa", "aero/alpha-deg"),
    ("sideslip", "aero/beta-deg"),
    ("roll_rate", "velocities/p-rad_sec"),
    ("pitch_rate", "velocities/q-rad_sec"),
    ("yaw_rate", "velocities/r-rad_sec"),
    ("load_factor", "accelerations/Nz"),
    ("side_load", "accelerations/Ny"),
    ("rpm", "propulsion/engine/engine-rpm"),
    ("fuel_flow", "propulsion/engine/fuel-flow-rate-gph"),
    ("flaps", "fcs/flap-pos-deg"),
    ("temperature_r", "atmosphere/T-R"),
    ("wheel_nose", "gear/unit/WOW"),
    ("wheel_left", "gear/unit[1]/WOW"),
    ("wheel_right", "gear/unit[2]/WOW"),
)
"""What is read at each control step: attribute of the cockpit, JSBSim property."""

_GEAR_HEIGHT_FT = 4.4
_PROPELLER_LEVER = 0.9


def _trim(executive: Any) -> None:
    """Trim for level flight; where JSBSim finds no trim, set a plausible power and leave the rest to the pilot."""
    import jsbsim

    try:
        executive.do_trim(1)
    except jsbsim.TrimFailureError:
        executive["fcs/throttle-cmd-norm"] = 0.65


def _start_engine(executive: Any) -> None:
    """Start on the ground, brakes set: a variable-pitch propeller at rest does not come up by itself."""
    executive["fcs/left-brake-cmd-norm"] = executive["fcs/right-brake-cmd-norm"] = 1.0
    executive["propulsion/magneto_cmd"] = 3
    executive["propulsion/starter_cmd"] = 1
    executive["fcs/throttle-cmd-norm"] = 0.2
    for _ in range(round(6.0 * _SUBSTEPS / CONTROL_STEP_S)):
        executive.run()
    executive["propulsion/starter_cmd"] = 0
    executive["fcs/throttle-cmd-norm"] = 0.05
    for _ in range(round(6.0 * _SUBSTEPS / CONTROL_STEP_S)):
        executive.run()


class Cockpit:
    """One aircraft in the air or on the ground; attributes are the instruments of the latest step.

    Controls (`elevator`, `aileron`, `rudder`: positive nose up, right wing down, nose right; `throttle`,
    `flaps_lever`, `brakes` from 0 to 1) act at the next `step`.
    """

    latitude: float
    longitude: float
    altitude: float
    height: float
    airspeed: float
    true_airspeed_fps: float
    north_fps: float
    east_fps: float
    climb_fps: float
    pitch: float
    roll: float
    heading: float
    aoa: float
    sideslip: float
    roll_rate: float
    pitch_rate: float
    yaw_rate: float
    load_factor: float
    side_load: float
    rpm: float
    fuel_flow: float
    flaps: float
    temperature_r: float
    wheel_nose: float
    wheel_left: float
    wheel_right: float

    def __init__(self, model: TrainerModel, air: Air, elevation_ft: float) -> None:
        self.model = model
        self.air = air
        self.elevation = elevation_ft
        self._substeps = _SUBSTEPS
        self._pulling, self._extreme = True, 0.0
        self.executive: Any = load(model, CONTROL_STEP_S / _SUBSTEPS)
        self.elevator = self.aileron = self.rudder = 0.0
        self.throttle = self.flaps_lever = self.brakes = 0.0
        self.time = 0.0
        self.wind = (0.0, 0.0, 0.0)

    def start(
        self,
        latitude: float,
        longitude: float,
        heading_true: float,
        height_ft: float | None,
        airspeed_kt: float,
        temperature_offset_c: float,
        fuel_share: float,
    ) -> None:
        """Place the aircraft, engine running: trimmed in the air at `height_ft`, or on its wheels if that is None."""
        executive = self.executive
        on_ground = height_ft is None
        executive["ic/terrain-elevation-ft"] = self.elevation
        executive["ic/lat-geod-deg"] = latitude
        executive["ic/long-gc-deg"] = longitude
        executive["ic/psi-true-deg"] = heading_true
        executive["ic/gamma-deg"] = 0.0
        executive["ic/h-agl-ft"] = _GEAR_HEIGHT_FT if height_ft is None else height_ft
        executive["atmosphere/delta-T"] = temperature_offset_c * 1.8
        for tank in range(2):
            contents = f"propulsion/tank[{tank}]/contents-lbs"
            executive[contents] = executive[contents] * fuel_share
        executive["fcs/mixture-cmd-norm"] = 0.9
        # The airspeed goes last: the other settings would recompute it.
        executive["ic/vc-kts"] = 0.0 if on_ground else airspeed_kt
        executive.run_ic()
        executive["propulsion/set-running"] = -1
        if on_ground:
            _start_engine(executive)
        else:
            _trim(executive)
        # Full propeller speed only now: with it, the trim of a constant-speed propeller does not converge.
        executive["fcs/advance-cmd-norm"] = _PROPELLER_LEVER
        self._connect()
        self.throttle = self._throttle.get_double_value()
        self._trim_elevator = executive["fcs/pitch-trim-cmd-norm"]
        executive["fcs/pitch-trim-cmd-norm"] = 0.0
        self.elevator = -(executive["fcs/elevator-cmd-norm"] + self._trim_elevator)
        self.aileron = executive["fcs/aileron-cmd-norm"]
        self.rudder = -executive["fcs/rudder-cmd-norm"]
        self._read()

    def _connect(self) -> None:
        properties = self.executive.get_property_manager()
        self._readings = tuple((name, properties.get_node(path).get_double_value) for name, path in INSTRUMENTS)
        self._throttle = properties.get_node("fcs/throttle-cmd-norm")
        controls = ("elevator-cmd-norm", "aileron-cmd-norm", "rudder-cmd-norm", "throttle-cmd-norm", "flap-cmd-norm")
        controls += ("left-brake-cmd-norm", "right-brake-cmd-norm", "steer-cmd-norm")
        paths = [f"fcs/{name}" for name in controls] + [f"atmosphere/wind-{axis}-fps" for axis in ("north", "east")]
        paths.append("atmosphere/wind-down-fps")
        self._writers = tuple(properties.get_node(path).set_double_value for path in paths)

    def _read(self) -> None:
        values = self.__dict__
        for name, read in self._readings:
            values[name] = read()
        self.on_ground = self.wheel_left > 0.5 or self.wheel_right > 0.5
        self.ground_speed_fps = math.hypot(self.north_fps, self.east_fps)
        self.track = math.degrees(math.atan2(self.east_fps, self.north_fps)) % 360.0
        self.climb_fpm = self.climb_fps * 60.0

    def _through_slack(self, wanted: float) -> float:
        """The control's position that puts the elevator where it is wanted, play in the linkage taken up."""
        slack = self.model.elevator_slack
        if slack == 0.0:
            return wanted
        turning = 0.004
        if self._pulling:
            self._extreme = max(self._extreme, wanted)
            self._pulling = wanted > self._extreme - turning
        else:
            self._extreme = min(self._extreme, wanted)
            self._pulling = wanted > self._extreme + turning
        return max(-1.0, min(1.0, wanted + (0.5 if self._pulling else -0.5) * slack))

    def step(self) -> None:
        """Let one control step pass with the controls and the wind as they are."""
        self.wind = wind = self.air.wind_fps(self.height, self.true_airspeed_fps)
        elevator, aileron, rudder, throttle, flaps, left, right, steer, north, east, down = self._writers
        elevator(-self._through_slack(self.elevator))
        aileron(self.aileron)
        rudder(-self.rudder)
        throttle(self.throttle)
        flaps(self.flaps_lever)
        left(self.brakes)
        right(self.brakes)
        steer(self.rudder if self.on_ground else 0.0)
        north(wind[0])
        east(wind[1])
        down(wind[2])
        substeps = _SUBSTEPS_NEAR_GROUND if self.height < _NEAR_GROUND_FT else _SUBSTEPS
        if substeps != self._substeps:
            self._substeps = substeps
            self.executive.set_dt(CONTROL_STEP_S / substeps)
        run = self.executive.run
        for _ in range(substeps):
            run()
        self.time += CONTROL_STEP_S
        self._read()
