"""Features of one second for the upset detector: attitude, energy and margin to the stall, now and around.

Sessions are analysed after the flight, so a second may look ahead: a stall shows in what follows it. No window
reaches beyond fifteen seconds. Values are rounded so that two engines' last digits cannot choose another branch of
a tree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pipelines.flight.aircraft import AIRCRAFT
from pipelines.flight.upset_rules import GENERIC_STALL_KT

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

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

RULE_COLUMNS = ("airspeed_kt", "climb_fpm", "pitch_deg", "bank_size_deg", "load_factor_g", "slowest_near")
"""What the instructor's rule looks at, beside the aircraft type."""


def upset_windows(sessions: DataFrame, samples: DataFrame) -> DataFrame:
    """One row per session and second with a sample: key, aircraft type, FEATURES, `airspeed_kt` and `is_upset`."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    near = Window.partitionBy("session_id").orderBy("second")

    def at(name: str, seconds: int) -> Column:
        return F.lead(name, seconds).over(near) if seconds > 0 else F.lag(name, -seconds).over(near)

    rows = _signals(samples.join(sessions.select("session_id", "aircraft_type"), "session_id", "inner"), at)
    statistics = {"largest": F.max, "smallest": F.min}
    features: dict[str, Column] = {name: F.col(name) for name in _NOW}
    for frame, (start, end) in _FRAMES.items():
        seconds = near.rowsBetween(start, end)
        for kind, names in _AROUND.items():
            for name in names:
                features[f"{name}_{kind}_{frame}"] = statistics[kind](name).over(seconds)
    for name, steps in _CHANGES.items():
        for step in steps:
            features[f"{name}_change_{'past' if step < 0 else 'next'}{abs(step)}"] = at(name, step) - F.col(name)
    return (
        rows.select(
            "session_id",
            "aircraft_type",
            "second",
            "is_gap",
            F.round("airspeed_kt", _DECIMALS).alias("airspeed_kt"),
            "is_upset",
            *(F.round(features[name].cast("double"), _DECIMALS).alias(name) for name in FEATURES),
        )
        .where(~F.col("is_gap"))
        .drop("is_gap")
    )


def _signals(rows: DataFrame, at: Callable[[str, int], Column]) -> DataFrame:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    stall_kt = _by_type({name: aircraft.stall_clean_kt for name, aircraft in AIRCRAFT.items()}, GENERIC_STALL_KT)
    rows = rows.withColumn("altitude_ft", F.coalesce("altitude_msl_ft", "altitude_indicated_ft"))
    rows = (
        rows.withColumn("airspeed_kt", F.coalesce("indicated_airspeed_kt", "true_airspeed_kt"))
        .withColumn(
            "climb_fpm", F.coalesce("vertical_speed_fpm", (at("altitude_ft", 2) - at("altitude_ft", -2)) * 15.0)
        )
        .withColumn("bank_size_deg", F.abs("roll_deg"))
        .withColumn("load_factor_g", F.col("normal_acceleration_g"))
        .withColumn("direction_deg", F.coalesce("heading_deg", "track_deg"))
        .withColumn("speed_ratio", F.col("airspeed_kt") / stall_kt)
    )
    # The stall speed rises with the root of the load factor; without an accelerometer, with that of a level turn.
    level_turn = 1.0 / F.cos(F.radians(F.least("bank_size_deg", F.lit(75.0))))
    load = F.greatest(F.coalesce("load_factor_g", level_turn), F.lit(0.2))
    through_air = F.greatest(F.coalesce("true_airspeed_kt", "airspeed_kt"), F.lit(20.0)) * _FEET_PER_MINUTE_PER_KNOT
    path_deg = F.degrees(F.asin(F.greatest(F.least(F.col("climb_fpm") / through_air, F.lit(1.0)), F.lit(-1.0))))
    upright = F.greatest(F.cos(F.radians("roll_deg")), F.lit(0.3))
    slow = Window.partitionBy("session_id").orderBy("second").rowsBetween(-_NEAR_GROUND_S, _NEAR_GROUND_S)
    turned = at("direction_deg", 1) - at("direction_deg", -1)
    return (
        rows.withColumn("stall_ratio", F.col("speed_ratio") / F.sqrt(load))
        .withColumn("angle_of_attack_estimate_deg", (F.col("pitch_deg") - path_deg) / upright)
        .withColumn("pitch_rate_dps", (at("pitch_deg", 1) - at("pitch_deg", -1)) / 2.0)
        .withColumn("roll_rate_size_dps", F.abs(_wrapped(at("roll_deg", 1) - at("roll_deg", -1))) / 2.0)
        .withColumn("turn_rate_size_dps", F.abs(_wrapped(turned)) / 2.0)
        .withColumn("speed_ratio_rate", (at("speed_ratio", 2) - at("speed_ratio", -2)) / 4.0)
        .withColumn("climb_rate_change_fpm", at("climb_fpm", 1) - at("climb_fpm", -1))
        .withColumn("slowest_near", F.min("speed_ratio").over(slow))
    )


def _wrapped(degrees: Column) -> Column:
    from pyspark.sql import functions as F

    return degrees - 360.0 * F.floor((degrees + 180.0) / 360.0)


def _by_type(values: Mapping[str, float], fallback: float) -> Column:
    from pyspark.sql import functions as F

    chosen = F.lit(fallback)
    for aircraft_type, value in values.items():
        chosen = F.when(F.col("aircraft_type") == aircraft_type, F.lit(float(value))).otherwise(chosen)
    return chosen
