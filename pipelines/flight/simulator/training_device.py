"""Writes a session as a training device's recorder would: its own column names, mostly SI units.

`pipelines/flight/formats/maps/training_device.yaml` declares the same columns and units for reading.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pipelines.flight.simulator.recorder import METRES_PER_FOOT, sample
from pipelines.flight.simulator.session import FlownSession

if TYPE_CHECKING:
    import polars

_METRES_PER_SECOND_PER_KNOT = 1852.0 / 3600.0
_RADIANS_PER_DEGREE = 0.017453292519943295
_LITRES_PER_GALLON = 3.785411784
_STANDARD_GRAVITY = 9.80665


@dataclass(frozen=True)
class DeviceColumn:
    """One column of the device: value = canonical * `scale` + `offset`, rounded to `decimals`."""

    name: str
    channel: str
    scale: float = 1.0
    offset: float = 0.0
    decimals: int = 3


DEVICE_COLUMNS: tuple[DeviceColumn, ...] = (
    DeviceColumn("pos_lat_deg", "latitude_deg", decimals=7),
    DeviceColumn("pos_lon_deg", "longitude_deg", decimals=7),
    DeviceColumn("alt_msl_m", "altitude_msl_ft", METRES_PER_FOOT, decimals=2),
    DeviceColumn("alt_baro_m", "altitude_indicated_ft", METRES_PER_FOOT, decimals=2),
    DeviceColumn("hgt_agl_m", "altitude_agl_ft", METRES_PER_FOOT, decimals=2),
    DeviceColumn("v_ias_mps", "indicated_airspeed_kt", _METRES_PER_SECOND_PER_KNOT, decimals=3),
    DeviceColumn("v_tas_mps", "true_airspeed_kt", _METRES_PER_SECOND_PER_KNOT, decimals=3),
    DeviceColumn("v_gnd_mps", "ground_speed_kt", _METRES_PER_SECOND_PER_KNOT, decimals=3),
    DeviceColumn("v_vert_mps", "vertical_speed_fpm", METRES_PER_FOOT / 60.0, decimals=3),
    DeviceColumn("theta_rad", "pitch_deg", _RADIANS_PER_DEGREE, decimals=5),
    DeviceColumn("phi_rad", "roll_deg", _RADIANS_PER_DEGREE, decimals=5),
    DeviceColumn("psi_mag_deg", "heading_deg", decimals=2),
    DeviceColumn("trk_mag_deg", "track_deg", decimals=2),
    DeviceColumn("n_z_g", "normal_acceleration_g", decimals=4),
    DeviceColumn("a_y_mps2", "lateral_acceleration_g", _STANDARD_GRAVITY, decimals=4),
    DeviceColumn("alpha_rad", "angle_of_attack_deg", _RADIANS_PER_DEGREE, decimals=5),
    DeviceColumn("eng1_rpm", "engine_rpm", decimals=1),
    DeviceColumn("eng1_ff_lph", "fuel_flow_gph", _LITRES_PER_GALLON, decimals=3),
    DeviceColumn("ctl_thr_pct", "throttle_position", 100.0, decimals=2),
    DeviceColumn("ctl_pitch_pct", "elevator_position", 100.0, decimals=2),
    DeviceColumn("ctl_roll_pct", "aileron_position", 100.0, decimals=2),
    DeviceColumn("ctl_yaw_left_pct", "rudder_position", -100.0, decimals=2),
    DeviceColumn("flap_deg", "flaps_deg", decimals=1),
    DeviceColumn("oat_k", "outside_air_temperature_c", 1.0, 273.15, decimals=2),
    DeviceColumn("wind_mps", "wind_speed_kt", _METRES_PER_SECOND_PER_KNOT, decimals=2),
    DeviceColumn("wind_from_mag_deg", "wind_direction_deg", decimals=1),
    DeviceColumn("wow", "on_ground", decimals=0),
)


def session_frame(flown: FlownSession) -> polars.DataFrame:
    """The device's table of a session: aircraft name, time stamps (ms since 1970, UTC), `DEVICE_COLUMNS`."""
    import numpy as np
    import polars

    from pipelines.flight.simulator.aircraft import TRAINER_MODELS

    plan = flown.plan
    sampled = sample(flown, plan.rate_hz, seed_word=1)
    start_ms = round(plan.started_at.timestamp() * 1000.0)
    stamps = start_ms + np.round(sampled["elapsed_s"] * 1000.0).astype(np.int64)
    name = TRAINER_MODELS[plan.aircraft_type].handbook.name
    columns: dict[str, polars.Series] = {
        "ac_model": polars.Series([name]).new_from_index(0, len(stamps)),
        "stamp_utc_ms": polars.Series(stamps),
    }
    for column in DEVICE_COLUMNS:
        values = np.round(sampled[column.channel] * column.scale + column.offset, column.decimals)
        columns[column.name] = polars.Series(values.astype(np.int8) if column.channel == "on_ground" else values + 0.0)
    return polars.DataFrame(columns)


def encode(flown: FlownSession, file_format: Literal["csv", "parquet"]) -> bytes:
    """The session as the bytes of a file of the device."""
    frame = session_frame(flown)
    buffer = io.BytesIO()
    if file_format == "parquet":
        frame.write_parquet(buffer, compression="zstd")
    else:
        frame.write_csv(buffer)
    return buffer.getvalue()
