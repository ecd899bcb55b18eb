"""Features of one second for the upset detector: attitude, energy and margin to the stall, now and around.

Sessions are analysed after the flight, so a second may look ahead: a stall shows in what follows it. No window
reaches beyond fifteen seconds. Values are rounded so that two engines' last digits cannot choose another branch of
a tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipelines.flight.aircraft import AIRCRAFT
from pipelines.flight.rolling import Kind, rolled, shifted
from pipelines.flight.upset_rules import GENERIC_STALL_KT

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame

_DECIMALS = 3
_FEET_PER_MINUTE_PER_KNOT = 101.27
_NEAR_GROUND_S = 15

_NOW = (
    "speed_ratio",
    "stall_ratio",
    "angle_of_attack_estimate_deg",
    "pitch_deg",
    "bank_size_deg",
    "climb_fpm",
    "load_factor_g",
    "engine_rpm",
    "pitch_rate_dps",
    "roll_rate_size_dps",
    "turn_rate_size_dps",
    "speed_ratio_rate",
    "climb_rate_change_fpm",
    "slowest_near",
)
_AROUND: dict[str, tuple[str, ...]] = {
    "largest": (
        "angle_of_attack_estimate_deg",
        "pitch_deg",
        "bank_size_deg",
        "load_factor_g",
        "roll_rate_size_dps",
        "pitch_rate_dps",
        "climb_rate_change_fpm",
    ),
    "smallest": (
        "speed_ratio",
        "stall_ratio",
        "pitch_deg",
        "load_factor_g",
        "climb_fpm",
        "pitch_rate_dps",
        "climb_rate_change_fpm",
    ),
}
_KINDS: dict[str, Kind] = {"largest": "maximum", "smallest": "minimum"}
_FRAMES: dict[str, tuple[int, int]] = {"within2": (-2, 2), "past5": (-5, 0), "next5": (0, 5)}
_CHANGES: dict[str, tuple[int, ...]] = {
    "pitch_deg": (-5, -2, 2, 5),
    "climb_fpm": (-5, -2, 2, 5),
    "speed_ratio": (-5, 5),
    "engine_rpm": (-3, 3),
    "altitude_ft": (-10, -5, 5, 10),
}

FEATURES: tuple[str, ...] = (
    *_NOW,
    *(f"{name}_{kind}_{frame}" for frame in _FRAMES for kind, names in _AROUND.items() for name in names),
    *(f"{name}_change_{'past' if s < 0 else 'next'}{abs(s)}" for name, steps in _CHANGES.items() for s in steps),
)

_GROUPS: dict[str, tuple[str, ...]] = {
    "speed_and_stall_margin": ("speed_ratio", "stall_ratio"),
    "angle_of_attack_estimate": ("angle_of_attack_estimate",),
    "pitch": ("pitch_",),
    "bank_and_turn": ("bank_", "roll_", "turn_"),
    "vertical_speed_and_altitude": ("climb_", "altitude_"),
    "load_factor": ("load_factor",),
    "engine": ("engine_",),
    "near_ground": ("slowest_near",),
}

FEATURE_GROUPS: dict[str, tuple[str, ...]] = {
    group: tuple(name for name in FEATURES if name.startswith(starts)) for group, starts in _GROUPS.items()
}

CHANNELS: tuple[str, ...] = (
    "altitude_msl_ft",
    "altitude_indicated_ft",
    "indicated_airspeed_kt",
    "true_airspeed_kt",
    "vertical_speed_fpm",
    "pitch_deg",
    "roll_deg",
    "heading_deg",
    "track_deg",
    "normal_acceleration_g",
    "engine_rpm",
)
"""What is read of a session's seconds; each may be null."""

_KEPT: dict[str, str] = {
    "session_id": "string",
    "aircraft_type": "string",
    "second": "long",
    "airspeed_kt": "double",
    "is_upset": "boolean",
}


def upset_windows(sessions: DataFrame, samples: DataFrame) -> DataFrame:
    """One row per session and second with a sample: key, aircraft type, `airspeed_kt`, `is_upset` and FEATURES."""
    wanted = samples.select("session_id", "second", "is_gap", "is_upset", *CHANNELS)
    rows = wanted.join(sessions.select("session_id", "aircraft_type"), "session_id", "inner")
    schema = ", ".join(f"{name} {kind}" for name, kind in {**_KEPT, **dict.fromkeys(FEATURES, "double")}.items())
    return rows.groupBy("session_id").applyInPandas(_session_windows, schema)


def _session_windows(seconds: pd.DataFrame) -> pd.DataFrame:
    ordered = seconds.sort_values("second", kind="stable").reset_index(drop=True)
    aircraft_type = ordered["aircraft_type"].iloc[0]
    features = windows_of(ordered, aircraft_type if isinstance(aircraft_type, str) else None)
    kept = ordered[["session_id", "aircraft_type", "second", "is_upset"]]
    recorded = ~ordered["is_gap"].to_numpy(dtype=bool)
    return pd.concat([kept, features], axis=1).loc[recorded, [*_KEPT, *FEATURES]]


def windows_of(seconds: pd.DataFrame, aircraft_type: str | None) -> pd.DataFrame:
    """`airspeed_kt` and FEATURES of one session's seconds: all of them in order without holes, gaps as nulls."""
    signals = _signals({name: seconds[name].to_numpy(dtype=np.float64) for name in CHANNELS}, aircraft_type)
    features = {name: signals[name] for name in ("airspeed_kt", *_NOW)}
    for frame, (start, end) in _FRAMES.items():
        for kind, names in _AROUND.items():
            found = rolled(np.column_stack([signals[name] for name in names]), start, end, _KINDS[kind])
            features.update({f"{name}_{kind}_{frame}": found[:, place] for place, name in enumerate(names)})
    for name, steps in _CHANGES.items():
        for step in steps:
            there = shifted(signals[name], step)
            features[f"{name}_change_{'past' if step < 0 else 'next'}{abs(step)}"] = there - signals[name]
    return pd.DataFrame({name: np.round(values, _DECIMALS) for name, values in features.items()}, index=seconds.index)


def _signals(channel: dict[str, NDArray[np.float64]], aircraft_type: str | None) -> dict[str, NDArray[np.float64]]:
    aircraft = AIRCRAFT.get(aircraft_type or "")
    stall_kt = aircraft.stall_clean_kt if aircraft else GENERIC_STALL_KT
    airspeed = _first(channel["indicated_airspeed_kt"], channel["true_airspeed_kt"])
    altitude = _first(channel["altitude_msl_ft"], channel["altitude_indicated_ft"])
    climb = _first(channel["vertical_speed_fpm"], (shifted(altitude, 2) - shifted(altitude, -2)) * 15.0)
    direction = _first(channel["heading_deg"], channel["track_deg"])
    roll, pitch = channel["roll_deg"], channel["pitch_deg"]
    bank, load = np.abs(roll), channel["normal_acceleration_g"]
    # The stall speed rises with the root of the load factor; without an accelerometer, with that of a level turn.
    level_turn = 1.0 / np.cos(np.radians(np.minimum(bank, 75.0)))
    through_air = np.maximum(_first(channel["true_airspeed_kt"], airspeed), 20.0) * _FEET_PER_MINUTE_PER_KNOT
    path = np.degrees(np.arcsin(np.clip(climb / through_air, -1.0, 1.0)))
    speed_ratio = airspeed / stall_kt
    return {
        "airspeed_kt": airspeed,
        "altitude_ft": altitude,
        "speed_ratio": speed_ratio,
        "stall_ratio": speed_ratio / np.sqrt(np.maximum(_first(load, level_turn), 0.2)),
        "angle_of_attack_estimate_deg": (pitch - path) / np.maximum(np.cos(np.radians(roll)), 0.3),
        "pitch_deg": pitch,
        "bank_size_deg": bank,
        "climb_fpm": climb,
        "load_factor_g": load,
        "engine_rpm": channel["engine_rpm"],
        "pitch_rate_dps": (shifted(pitch, 1) - shifted(pitch, -1)) / 2.0,
        "roll_rate_size_dps": np.abs(_wrapped(shifted(roll, 1) - shifted(roll, -1))) / 2.0,
        "turn_rate_size_dps": np.abs(_wrapped(shifted(direction, 1) - shifted(direction, -1))) / 2.0,
        "speed_ratio_rate": (shifted(speed_ratio, 2) - shifted(speed_ratio, -2)) / 4.0,
        "climb_rate_change_fpm": shifted(climb, 1) - shifted(climb, -1),
        "slowest_near": rolled(speed_ratio[:, None], -_NEAR_GROUND_S, _NEAR_GROUND_S, "minimum")[:, 0],
    }


def _first(preferred: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isnan(preferred), other, preferred)


def _wrapped(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    return (degrees + 180.0) % 360.0 - 180.0
