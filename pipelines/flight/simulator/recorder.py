"""What a recorder sees of a flown session: sampled at its own rate, with its sensors' noise."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pipelines.flight.simulator.session import FlownSession

METRES_PER_FOOT = 0.3048
_FEET_PER_SECOND_PER_KNOT = 1.687810


def sample(flown: FlownSession, rate_hz: float, seed_word: int) -> dict[str, NDArray[np.float64]]:
    """The canonical channels (`pipelines.flight.channels`) as the sensors give them, and `elapsed_s`.

    Between two 20 Hz frames of the simulation values are interpolated, on-ground is the earlier frame's.
    Noise depends only on the plan's seed and `seed_word` (one word per kind of recorder).
    """
    record, plan = flown.record, flown.plan
    time = record["time"]
    moments = np.arange(0.0, time[-1] + 1e-9, 1.0 / rate_hz)
    random = np.random.default_rng([plan.seed, seed_word])

    def at(name: str) -> NDArray[np.float64]:
        return np.interp(moments, time, record[name])

    def angle(name: str) -> NDArray[np.float64]:
        unwrapped = np.unwrap(record[name], period=360.0)
        return np.interp(moments, time, unwrapped)

    def noise(size: float) -> NDArray[np.float64]:
        return random.normal(0.0, size, len(moments))

    def drift(size: float, seconds: float) -> NDArray[np.float64]:
        """Slow error: a random walk between points `seconds` apart, smoothed by interpolation."""
        points = np.arange(0.0, moments[-1] + 2.0 * seconds, seconds)
        return np.interp(moments, points, random.normal(0.0, size, len(points)))

    north, east = at("north_fps"), at("east_fps")
    speed = np.hypot(north, east) / _FEET_PER_SECOND_PER_KNOT
    track = np.degrees(np.arctan2(east, north)) - plan.variation_deg
    wind_north, wind_east = at("wind_north"), at("wind_east")
    wind = np.hypot(wind_north, wind_east) / _FEET_PER_SECOND_PER_KNOT
    wind_from = np.degrees(np.arctan2(wind_east, wind_north)) + 180.0 - plan.variation_deg
    frames = np.minimum(np.searchsorted(time, moments + 1e-9, side="right") - 1, len(time) - 1)
    on_ground = ((record["wheel_left"] > 0.5) | (record["wheel_right"] > 0.5))[frames].astype(float)
    airspeed = at("airspeed") + noise(0.25) + drift(0.4, 30.0)
    pressure_error = plan.weather.temperature_offset_c * 0.004 * (at("altitude") - plan.elevation_ft)
    setting_error = random.normal(0.0, 12.0)
    return {
        "elapsed_s": moments,
        "latitude_deg": at("latitude") + drift(6e-6, 20.0),
        "longitude_deg": at("longitude") + drift(8e-6, 20.0),
        "altitude_msl_ft": at("altitude") + drift(3.0, 25.0) + noise(0.3),
        "altitude_indicated_ft": at("altitude") - pressure_error + setting_error + noise(1.0),
        "altitude_agl_ft": np.maximum(at("height") - 4.4, 0.0) + noise(0.15),
        "indicated_airspeed_kt": np.where(airspeed < 18.0, 0.0, airspeed),
        "true_airspeed_kt": np.maximum(at("true_airspeed_fps") / _FEET_PER_SECOND_PER_KNOT + noise(0.3), 0.0),
        "ground_speed_kt": np.maximum(speed + noise(0.15), 0.0),
        "vertical_speed_fpm": at("climb_fps") * 60.0 + noise(8.0),
        "pitch_deg": at("pitch") + noise(0.05) + drift(0.1, 60.0),
        "roll_deg": angle("roll") + noise(0.08) + drift(0.15, 60.0),
        "heading_deg": (angle("heading") - plan.variation_deg + noise(0.15)) % 360.0,
        "track_deg": (track + noise(0.2)) % 360.0,
        "normal_acceleration_g": at("load_factor") + noise(0.012),
        "lateral_acceleration_g": at("side_load") + noise(0.01),
        "angle_of_attack_deg": np.clip(at("aoa") + noise(0.15), -60.0, 60.0) * (at("airspeed") > 15.0),
        "engine_rpm": at("rpm") + noise(3.0),
        "fuel_flow_gph": np.maximum(at("fuel_flow") + noise(0.03), 0.0),
        "throttle_position": at("throttle"),
        "elevator_position": at("elevator"),
        "aileron_position": at("aileron"),
        "rudder_position": at("rudder"),
        "flaps_deg": at("flaps"),
        "outside_air_temperature_c": (at("temperature_r") - 491.67) / 1.8 + drift(0.2, 90.0),
        "wind_speed_kt": wind,
        "wind_direction_deg": wind_from % 360.0,
        "on_ground": on_ground,
    }


def radians(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Degrees to radians."""
    return degrees * (math.pi / 180.0)
