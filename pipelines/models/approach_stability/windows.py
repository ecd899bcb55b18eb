"""Features of one approach: the minute before the gate, and nothing after it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipelines.flight.approach_criteria import (
    CRITERIA,
    SPEED_ABOVE_REFERENCE_KT,
    SPEED_BELOW_REFERENCE_KT,
    SUSTAINED_S,
    reference_speed_kt,
)
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

FEATURES: tuple[str, ...] = (
    *(f"{name}_strain" for name in CRITERIA),
    "speed_strain_mean5",
    "speed_strain_mean15",
    *(f"speed_strain_expected{ahead}" for ahead in (8, 20)),
    "speed_excess_kt_mean5",
    "speed_excess_kt_slope20",
    "speed_excess_kt_slope8",
    "speed_excess_kt_expected12",
    "speed_excess_kt_spread20",
    "speed_excess_kt_lowest60",
    "speed_excess_kt_highest20",
    "climb_fpm_mean5",
    "climb_fpm_lowest20",
    "climb_fpm_slope10",
    "climb_fpm_spread20",
    "descent_angle_deg",
    "descent_angle_deg_change",
    "bank_size_deg_mean15",
    "bank_size_deg_sustained30",
    "bank_deg_spread20",
    "bank_deg_spread60",
    "turned_deg_last20",
    "turned_deg_last60",
    "pitch_deg_spread20",
    "normal_acceleration_g_spread20",
    "engine_rpm_spread20",
    "engine_rpm_mean5",
    "gust_kt",
    "wind_change_kt",
    "tail_wind_kt",
)
"""`_strain` is how far a criterion is used up just before the gate (1 at its limit), `_mean5` the mean of the last 5 s,
`_slope8` the change per second over 8 s, `_spread20` the standard deviation over 20 s, `_expected12` where the trend
leads in 12 s, `_sustained30` the highest bank held for three seconds of 30, `_change` the path angle of the last 6 s
less that of 40 s. Gusts show in how unsteadily the speed changes (`gust_kt`) and in true airspeed against ground
speed (`wind_change_kt`); they go on below the gate, whatever the pilot does."""

_GROUPS: dict[str, tuple[str, ...]] = {
    "speed": ("speed_",),
    "sink_and_path": ("climb_", "sink_", "descent_angle"),
    "bank_and_turn": ("bank_", "turned_"),
    "pitch": ("pitch_",),
    "power": ("engine_",),
    "gusts": ("normal_acceleration", "gust_", "wind_change"),
    "tail_wind": ("tail_wind",),
}

FEATURE_GROUPS: dict[str, tuple[str, ...]] = {
    group: tuple(name for name in FEATURES if name.startswith(starts)) for group, starts in _GROUPS.items()
}

LABELS: tuple[str, ...] = ("is_stable", *(f"{name}_stable" for name in CRITERIA))
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
    features, is_known = describe_window(seconds, first["aircraft_type"][0])
    return pd.concat([first, pd.DataFrame([{"is_known": is_known, **features}])], axis=1)


def describe_window(seconds: pd.DataFrame, aircraft_type: Any) -> tuple[dict[str, float], bool]:
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
    for name, strain in strain_before_gate(speed, climb, bank, heading, reference_kt).items():
        yield f"{name}_strain", strain
    yield from _speed_measures(excess)
    yield from _path_measures(climb, channel["ground_speed_kt"])
    yield from _turn_measures(bank, heading)
    spread = {name: channel[name] for name in ("pitch_deg", "normal_acceleration_g", "engine_rpm")}
    for name, values in {"speed_excess_kt": excess, "climb_fpm": climb, "bank_deg": bank, **spread}.items():
        yield f"{name}_spread20", _over(np.std, values, 20)
    yield "engine_rpm_mean5", _over(np.mean, channel["engine_rpm"], 5)
    yield "gust_kt", _over(np.std, np.diff(speed, n=2), WINDOW_S - 2)
    head_wind = channel["true_airspeed_kt"] - channel["ground_speed_kt"]
    yield "wind_change_kt", _over(np.std, np.diff(head_wind), 40)
    yield "tail_wind_kt", -_over(np.mean, head_wind, 10)


def _speed_measures(excess_kt: NDArray[np.float64]) -> Iterator[tuple[str, float]]:
    now = _over(np.mean, excess_kt, 5)
    yield "speed_strain_mean5", _speed_strain(now)
    yield "speed_strain_mean15", _speed_strain(_over(np.mean, excess_kt, 15))
    yield "speed_strain_expected8", _speed_strain(now + 8.0 * _slope(excess_kt, 8))
    yield "speed_strain_expected20", _speed_strain(now + 20.0 * _slope(excess_kt, 20))
    yield "speed_excess_kt_mean5", now
    yield "speed_excess_kt_slope8", _slope(excess_kt, 8)
    yield "speed_excess_kt_slope20", _slope(excess_kt, 20)
    yield "speed_excess_kt_expected12", now + 12.0 * _slope(excess_kt, 12)
    yield "speed_excess_kt_lowest60", _over(np.min, excess_kt, WINDOW_S)
    yield "speed_excess_kt_highest20", _over(np.max, excess_kt, 20)


def _path_measures(climb_fpm: NDArray[np.float64], ground_speed_kt: NDArray[np.float64]) -> Iterator[tuple[str, float]]:
    def angle_deg(seconds: int) -> float:
        over_ground_fpm = _over(np.mean, ground_speed_kt, seconds) * _FEET_PER_MINUTE_PER_KNOT
        return float(np.degrees(np.arctan2(_over(np.mean, climb_fpm, seconds), over_ground_fpm)))

    yield "climb_fpm_mean5", _over(np.mean, climb_fpm, 5)
    yield "climb_fpm_lowest20", _over(np.min, climb_fpm, 20)
    yield "climb_fpm_slope10", _slope(climb_fpm, 10)
    yield "descent_angle_deg", angle_deg(10)
    yield "descent_angle_deg_change", angle_deg(6) - angle_deg(40)


def _turn_measures(bank_deg: NDArray[np.float64], heading_deg: NDArray[np.float64]) -> Iterator[tuple[str, float]]:
    size = np.abs(bank_deg)
    yield "bank_size_deg_mean15", _over(np.mean, size, 15)
    yield "bank_size_deg_sustained30", _over(_sustained, size, 30)
    yield "bank_deg_spread60", _over(np.std, bank_deg, WINDOW_S)
    turned = np.abs((np.diff(heading_deg) + 180.0) % 360.0 - 180.0)
    yield "turned_deg_last20", _over(np.sum, turned, 20)
    yield "turned_deg_last60", _over(np.sum, turned, WINDOW_S - 1)


def _sustained(values: NDArray[np.float64]) -> float:
    """The highest value that is reached for `SUSTAINED_S` seconds in a row."""
    return float(np.lib.stride_tricks.sliding_window_view(values, SUSTAINED_S).min(axis=1).max())


def _speed_strain(excess_kt: float) -> float:
    """Distance from the middle of the speed band, 1 at its edges."""
    middle = (SPEED_ABOVE_REFERENCE_KT - SPEED_BELOW_REFERENCE_KT) / 2.0
    return abs(excess_kt - middle) / (SPEED_ABOVE_REFERENCE_KT - middle)


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
