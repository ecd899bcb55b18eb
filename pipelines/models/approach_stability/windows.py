"""Features of one approach: the minute before the gate, and nothing after it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipelines.flight.approach_criteria import CRITERIA, reference_speed_kt
from pipelines.flight.approach_rules import strain_before_gate

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame

WINDOW_S = 60
"""Seconds before the gate that are looked at: from about 1,000 ft above the field in a normal descent."""

CHANNELS: tuple[str, ...] = (
    "altitude_msl_ft",
    "altitude_indicated_ft",
    "indicated_airspeed_kt",
    "true_airspeed_kt",
    "ground_speed_kt",
    "vertical_speed_fpm",
    "pitch_deg",
    "roll_deg",
    "heading_deg",
    "track_deg",
    "normal_acceleration_g",
    "engine_rpm",
)

_MEANS_S = (5, 15, 40)
_SLOPES_S = (8, 20)
_LEVELS = ("speed_excess_kt", "climb_fpm", "pitch_deg", "engine_rpm")
_TURN_S = (10, 30)

FEATURES: tuple[str, ...] = (
    *(f"{name}_mean{seconds}" for name in _LEVELS for seconds in _MEANS_S),
    *(f"{name}_slope{seconds}" for name in _LEVELS for seconds in _SLOPES_S),
    *(f"{name}_spread20" for name in (*_LEVELS, "bank_deg", "normal_acceleration_g")),
    "speed_excess_kt_expected",
    "speed_excess_kt_largest30",
    "speed_excess_kt_smallest30",
    "climb_fpm_lowest20",
    "bank_size_deg_mean5",
    "bank_size_deg_mean15",
    "bank_size_deg_largest20",
    "bank_deg_changes40",
    *(f"heading_change_deg{seconds}" for seconds in _TURN_S),
    "descent_angle_deg",
    "tail_wind_kt",
    "height_lost30_ft",
    "descending_s",
    *(f"{name}_strain" for name in CRITERIA),
)
"""`_mean5` is over the last 5 s before the gate and so on, `_slope8` per second over the last 8 s, `_spread20` the
standard deviation over 20 s, `_expected` the speed excess that the trend leads to half-way down to the runway."""

_GROUPS: dict[str, tuple[str, ...]] = {
    "speed": ("speed_",),
    "sink_and_path": ("climb_", "sink_", "descent_angle", "height_lost", "descending"),
    "bank_and_turn": ("bank_", "heading_"),
    "pitch": ("pitch_",),
    "power": ("engine_",),
    "gusts": ("normal_acceleration",),
    "tail_wind": ("tail_wind",),
}

FEATURE_GROUPS: dict[str, tuple[str, ...]] = {
    group: tuple(name for name in FEATURES if name.startswith(starts)) for group, starts in _GROUPS.items()
}

LABELS: tuple[str, ...] = ("is_stable", *(f"{name}_stable" for name in CRITERIA))
_HALF_WAY_S = 20.0
_FEET_PER_MINUTE_PER_KNOT = 101.27
_DECIMALS = 4
_ENOUGH = 0.5


def approach_windows(sessions: DataFrame, samples: DataFrame, approaches: DataFrame) -> DataFrame:
    """One row per approach of gold: its key, FEATURES, labels, and `is_known` (enough recorded to foresee from)."""
    from pyspark.sql import functions as F

    wanted = approaches.join(sessions.select("session_id", "aircraft_type"), "session_id").select(
        *(F.col(name) for name in _KEPT)
    )
    seconds = wanted.join(samples.select("session_id", "second", *CHANNELS), "session_id").where(
        (F.col("second") < F.col("gate_second")) & (F.col("second") >= F.col("gate_second") - WINDOW_S)
    )
    schema = ", ".join(f"{name} {kind}" for name, kind in {**_KEPT, "is_known": "boolean"}.items())
    schema += "".join(f", {name} double" for name in FEATURES)
    return seconds.groupBy("session_id", "approach").applyInPandas(_describe, schema)


_KEPT: dict[str, str] = {
    "session_id": "string",
    "aircraft_type": "string",
    "approach": "long",
    "start_second": "long",
    "gate_second": "long",
    "end_second": "long",
    "outcome": "string",
    **dict.fromkeys(LABELS, "boolean"),
    "failed_criteria": "array<string>",
}


def _describe(seconds: pd.DataFrame) -> pd.DataFrame:
    first = seconds.iloc[[0]][list(_KEPT)].reset_index(drop=True)
    features, is_known = describe_window(seconds, int(first["start_second"][0]), first["aircraft_type"][0])
    return pd.concat([first, pd.DataFrame([{"is_known": is_known, **features}])], axis=1)


def describe_window(seconds: pd.DataFrame, start_second: int, aircraft_type: Any) -> tuple[dict[str, float], bool]:
    """FEATURES of the seconds before one gate, and whether at least half of the last 20 s are recorded.

    `seconds` holds `second`, `gate_second` and CHANNELS, in any order, nothing from the gate on.
    """
    gate = int(seconds["gate_second"].iloc[0])
    position = seconds["second"].to_numpy(dtype=np.int64) - (gate - WINDOW_S)
    channel: dict[str, NDArray[np.float64]] = {}
    for name in CHANNELS:
        channel[name] = np.full(WINDOW_S, np.nan)
        channel[name][position] = seconds[name].to_numpy(dtype=np.float64)
    reference_kt = reference_speed_kt(aircraft_type if isinstance(aircraft_type, str) else None)
    features = dict(_measures(channel, reference_kt))
    features["descending_s"] = float(min(gate - start_second, WINDOW_S))
    enough = np.mean(~np.isnan(channel["indicated_airspeed_kt"][-20:])) >= _ENOUGH
    return {name: round(features[name], _DECIMALS) for name in FEATURES}, bool(enough) and reference_kt is not None


def _measures(channel: dict[str, NDArray[np.float64]], reference_kt: float | None) -> Iterator[tuple[str, float]]:
    altitude = channel["altitude_msl_ft"]
    if np.isnan(altitude).all():
        altitude = channel["altitude_indicated_ft"]
    climb = channel["vertical_speed_fpm"]
    if np.isnan(climb).all():
        climb = np.full(WINDOW_S, np.nan)
        climb[4:] = (altitude[4:] - altitude[:-4]) * 15.0
    heading = channel["heading_deg"] if not np.isnan(channel["heading_deg"]).all() else channel["track_deg"]
    speed, bank = channel["indicated_airspeed_kt"], channel["roll_deg"]
    excess = speed - (np.nan if reference_kt is None else reference_kt)
    levels = {
        "speed_excess_kt": excess,
        "climb_fpm": climb,
        "pitch_deg": channel["pitch_deg"],
        "engine_rpm": channel["engine_rpm"],
    }
    for name, values in levels.items():
        for seconds in _MEANS_S:
            yield f"{name}_mean{seconds}", _over(np.mean, values, seconds)
        for seconds in _SLOPES_S:
            yield f"{name}_slope{seconds}", _slope(values, seconds)
    for name, values in {**levels, "bank_deg": bank, "normal_acceleration_g": channel["normal_acceleration_g"]}.items():
        yield f"{name}_spread20", _over(np.std, values, 20)
    yield "speed_excess_kt_expected", _over(np.mean, excess, 5) + _HALF_WAY_S * _slope(excess, 20)
    yield "speed_excess_kt_largest30", _over(np.max, excess, 30)
    yield "speed_excess_kt_smallest30", _over(np.min, excess, 30)
    yield "climb_fpm_lowest20", _over(np.min, climb, 20)
    yield "bank_size_deg_mean5", _over(np.mean, np.abs(bank), 5)
    yield "bank_size_deg_mean15", _over(np.mean, np.abs(bank), 15)
    yield "bank_size_deg_largest20", _over(np.max, np.abs(bank), 20)
    yield (
        "bank_deg_changes40",
        _over(lambda known: float(np.sum(np.diff(np.sign(known[np.abs(known) > 3])) != 0)), bank, 40),
    )
    for seconds in _TURN_S:
        yield f"heading_change_deg{seconds}", _over(_turned, heading, seconds)
    yield (
        "descent_angle_deg",
        float(
            np.degrees(
                np.arctan2(
                    _over(np.mean, climb, 10),
                    _over(np.mean, channel["ground_speed_kt"], 10) * _FEET_PER_MINUTE_PER_KNOT,
                )
            )
        ),
    )
    yield "tail_wind_kt", _over(np.mean, channel["ground_speed_kt"] - channel["true_airspeed_kt"], 10)
    yield "height_lost30_ft", float(altitude[-30] - altitude[-1])
    for name, strain in strain_before_gate(speed, climb, bank, heading, reference_kt).items():
        yield f"{name}_strain", strain


def _over(statistic: Any, values: NDArray[np.float64], seconds: int) -> float:
    """A statistic of the known values of the last seconds; NaN unless at least half of them are known."""
    recent = values[-seconds:]
    known = recent[~np.isnan(recent)]
    return float(statistic(known)) if len(known) >= max(2, _ENOUGH * seconds) else float("nan")


def _slope(values: NDArray[np.float64], seconds: int) -> float:
    recent = values[-seconds:]
    known = ~np.isnan(recent)
    if known.sum() < max(3, _ENOUGH * seconds):
        return float("nan")
    time = np.arange(seconds)[known] - np.arange(seconds)[known].mean()
    return float(np.dot(time, recent[known]) / np.dot(time, time))


def _turned(heading_deg: NDArray[np.float64]) -> float:
    return abs(float((heading_deg[-1] - heading_deg[0] + 180.0) % 360.0 - 180.0))
