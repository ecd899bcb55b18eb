"""The canonical channels of a flight session: names with units, meaning and physical range.

Every adapter delivers these channels and nothing else. A channel that a source does not record is
null in every row, never zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["linear", "heading", "bank", "flag"]


@dataclass(frozen=True)
class Channel:
    """One canonical channel.

    `minimum` and `maximum` bound what a training aircraft can physically show, in the channel's unit;
    a value outside is an error of the recorder, not of the pilot. `kind` tells how to compare and
    average: `heading` wraps at 360 degrees, `bank` at +-180, `flag` is 0 or 1.
    """

    name: str
    unit: str
    description: str
    minimum: float
    maximum: float
    kind: Kind = "linear"


_ALL = (
    Channel("latitude_deg", "deg", "Latitude, WGS 84, north positive.", -90, 90),
    Channel("longitude_deg", "deg", "Longitude, WGS 84, east positive.", -180, 180),
    Channel("altitude_msl_ft", "ft", "Geometric altitude above mean sea level.", -1500, 45000),
    Channel("altitude_indicated_ft", "ft", "Barometric altitude as set in the altimeter.", -1500, 45000),
    Channel("altitude_agl_ft", "ft", "Height above the ground below the aircraft.", -100, 45000),
    Channel("indicated_airspeed_kt", "kt", "Indicated airspeed.", -5, 400),
    Channel("true_airspeed_kt", "kt", "True airspeed.", -5, 500),
    Channel("ground_speed_kt", "kt", "Speed over the ground.", -5, 600),
    Channel("vertical_speed_fpm", "ft/min", "Vertical speed, climbing positive.", -12000, 12000),
    Channel("pitch_deg", "deg", "Pitch attitude, nose up positive.", -90, 90),
    Channel("roll_deg", "deg", "Bank angle, right wing down positive.", -180, 180, "bank"),
    Channel("heading_deg", "deg", "Magnetic heading of the nose.", 0, 360, "heading"),
    Channel("track_deg", "deg", "Magnetic track over the ground.", 0, 360, "heading"),
    Channel("normal_acceleration_g", "g", "Load factor along the aircraft's vertical axis, 1 in level flight.", -4, 8),
    Channel("lateral_acceleration_g", "g", "Acceleration along the lateral axis, right positive.", -3, 3),
    Channel("angle_of_attack_deg", "deg", "Angle of attack.", -90, 90),
    Channel("engine_rpm", "1/min", "Speed of the (first) engine's crankshaft.", 0, 10000),
    Channel("fuel_flow_gph", "gal/h", "Fuel flow of the (first) engine.", 0, 300),
    Channel("throttle_position", "1", "Throttle lever, 0 idle to 1 full.", 0, 1),
    Channel("elevator_position", "1", "Elevator control, -1 nose down to 1 nose up.", -1, 1),
    Channel("aileron_position", "1", "Aileron control, -1 left to 1 right.", -1, 1),
    Channel("rudder_position", "1", "Rudder control, -1 nose left to 1 nose right.", -1, 1),
    Channel("flaps_deg", "deg", "Flap deflection, 0 up.", 0, 60),
    Channel("outside_air_temperature_c", "deg C", "Static outside air temperature.", -80, 60),
    Channel("wind_speed_kt", "kt", "Wind speed as the avionics or the simulator states it.", 0, 200),
    Channel("wind_direction_deg", "deg", "Direction that the wind blows from, magnetic.", 0, 360, "heading"),
    Channel("on_ground", "1", "1 while the wheels carry weight, 0 in the air.", 0, 1, "flag"),
)

CHANNELS: dict[str, Channel] = {channel.name: channel for channel in _ALL}
"""All canonical channels by name, in the order in which tables hold them."""

CHANNEL_NAMES: tuple[str, ...] = tuple(CHANNELS)
