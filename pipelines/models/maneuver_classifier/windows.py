"""Features of one second: its signals, and what the seconds before and after it look like.

Sessions are analysed after the flight, so a second may look ahead. Every window ends where a long gap
begins. Values are rounded so that two engines' last digits cannot choose another branch of a tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_DECIMALS = 3
_SMOOTHED = ("speed_ratio", "ground_speed_ratio", "climb_fpm", "pitch_deg", "bank_size_deg", "turn_size_dps")
_NOW = (*_SMOOTHED, "load_factor_g", "engine_rpm", "height_ft", "height_departure_ft", "height_destination_ft")
_FRAMES = {"past30": (-30, 0), "next30": (0, 30), "past90": (-90, 0), "next90": (0, 90)}

_AROUND: dict[str, tuple[str, ...]] = {
    "mean": (*_SMOOTHED, "engine_rpm"),
    "minimum": ("speed_ratio", "ground_speed_ratio", "pitch_deg", "load_factor_g", "bank_size_deg", "climb_fpm"),
    "maximum": ("pitch_deg", "load_factor_g", "bank_size_deg", "turn_size_dps", "climb_fpm"),
}
_ASIDE: dict[str, tuple[str, ...]] = {
    "mean": ("climb_fpm", "speed_ratio", "bank_size_deg", "engine_rpm", "turn_rate_dps"),
    "minimum": ("height_ft", "ground_speed_ratio", "speed_ratio"),
    "maximum": ("height_ft", "ground_speed_ratio", "pitch_deg"),
}
_HALF_WIDTHS_S = (4, 12)
_CHANGES: dict[str, tuple[int, ...]] = {
    "altitude_ft": (-120, -60, -30, -10, 10, 30, 60, 120),
    "speed_ratio": (-15, -5, 5, 15),
    "ground_speed_ratio": (-15, -5, 5, 15),
    "engine_rpm": (-15, -5, 5, 15),
    "pitch_deg": (-5, 5),
}
_FAR_S = 300.0

FEATURES: tuple[str, ...] = (
    *_NOW,
    *(f"{name}_{kind}_within{s}" for s in _HALF_WIDTHS_S for kind, names in _AROUND.items() for name in names),
    *(f"altitude_range_within{s}" for s in _HALF_WIDTHS_S),
    *(f"{name}_{kind}_{frame}" for frame in _FRAMES for kind, names in _ASIDE.items() for name in names),
    *(f"{name}_change_{'past' if s < 0 else 'next'}{abs(s)}" for name, steps in _CHANGES.items() for s in steps),
    "ground_seconds_past",
    "ground_seconds_next",
)

_GROUPS = {
    "speed through the air": ("speed_ratio",),
    "speed over the ground": ("ground_speed_ratio",),
    "climb and sink": ("climb_fpm", "altitude_ft", "altitude_range"),
    "height above the field": ("height",),
    "pitch": ("pitch_deg",),
    "bank": ("bank_size_deg",),
    "turn rate": ("turn_size_dps", "turn_rate_dps"),
    "load factor": ("load_factor_g",),
    "engine speed": ("engine_rpm",),
    "time to and from the ground": ("ground_seconds",),
}
FEATURE_GROUPS: dict[str, tuple[str, ...]] = {
    group: tuple(name for name in FEATURES if name.startswith(starts)) for group, starts in _GROUPS.items()
}


def with_windows(signals: DataFrame) -> DataFrame:
    """The rows of `with_signals` that hold a sample, with FEATURES beside their columns."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    near = Window.partitionBy("session_id", "stretch").orderBy("second")
    statistics = {"mean": F.avg, "minimum": F.min, "maximum": F.max}
    rows = signals.withColumn("bank_size_deg", F.abs("bank_deg")).withColumn("turn_size_dps", F.abs("turn_rate_dps"))

    features: dict[str, Column] = {name: F.col(name) for name in _NOW}
    for half in _HALF_WIDTHS_S:
        frame = near.rowsBetween(-half, half)
        for kind, names in _AROUND.items():
            for name in names:
                features[f"{name}_{kind}_within{half}"] = statistics[kind](name).over(frame)
        altitudes = F.max("altitude_ft").over(frame) - F.min("altitude_ft").over(frame)
        features[f"altitude_range_within{half}"] = altitudes
    for label, (start, end) in _FRAMES.items():
        frame = near.rowsBetween(start, end)
        for kind, names in _ASIDE.items():
            for name in names:
                features[f"{name}_{kind}_{label}"] = statistics[kind](name).over(frame)
    for name, steps in _CHANGES.items():
        for step in steps:
            there = F.lead(name, step).over(near) if step > 0 else F.lag(name, -step).over(near)
            features[f"{name}_change_{'past' if step < 0 else 'next'}{abs(step)}"] = there - F.col(name)
    features["ground_seconds_past"] = F.least(F.col("seconds_since_ground"), F.lit(_FAR_S))
    features["ground_seconds_next"] = F.least(F.col("seconds_to_ground"), F.lit(_FAR_S))

    kept = [F.col(name) for name in signals.columns if name not in features]
    chosen = [F.round(features[name].cast("double"), _DECIMALS).alias(name) for name in FEATURES]
    return rows.select(*kept, *chosen).where(~F.col("is_gap"))
