"""Per-second signals of a flight that no single channel gives: one altitude, heights above fields, turn rate.

Everything is made of Spark window functions over one session's seconds, so that the embedded engine
and Apache Spark compute the same, for one session as for thousands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipelines.flight.aircraft import AIRCRAFT

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

LONG_GAP_S = 10
"""After more seconds than these without a sample nothing before tells what is flown now."""

GENERIC_STALL_KT = 45.0
"""Clean stalling speed assumed for an unknown type: that of the common single-engine trainers."""

_GROUND_SPEED_KT = 32.0
_GROUND_AIRSPEED_KT = 38.0
_KT_PER_DEGREE_PER_S = 60.0 * 3600.0

SIGNALS: tuple[str, ...] = (
    "altitude_ft",
    "height_ft",
    "height_departure_ft",
    "height_destination_ft",
    "airspeed_kt",
    "ground_speed_kt",
    "speed_ratio",
    "ground_speed_ratio",
    "climb_fpm",
    "pitch_deg",
    "bank_deg",
    "turn_rate_dps",
    "load_factor_g",
    "engine_rpm",
    "seconds_since_ground",
    "seconds_to_ground",
)
"""What `with_signals` adds to session_id, aircraft_type, stretch, second and the labels."""


def with_signals(sessions: DataFrame, samples: DataFrame) -> DataFrame:
    """One row per session and second, gaps included, with SIGNALS; null where the channels do not tell.

    `stretch` numbers the parts of a session between long gaps: no window may reach across one.
    Heights are above the field that was last left (departure) or is next reached (destination), known
    from the seconds on the ground; `height_ft` takes the lower field's view of the two, so it is the
    height above whichever runway is nearer, or above the session's lowest point where none was touched.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    whole = Window.partitionBy("session_id")
    order = whole.orderBy("second")
    until_now = order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    from_now = order.rowsBetween(Window.currentRow, Window.unboundedFollowing)
    before = order.rowsBetween(Window.unboundedPreceding, -1)

    types = sessions.select("session_id", "aircraft_type")
    rows = samples.join(types, "session_id", "inner")
    last_sample = F.max(F.when(~F.col("is_gap"), F.col("second"))).over(before)
    rows = rows.withColumn(
        "restart", F.when(~F.col("is_gap") & (F.col("second") - last_sample > LONG_GAP_S + 1), 1).otherwise(0)
    )
    rows = rows.withColumn("stretch", F.sum("restart").over(until_now))
    near = Window.partitionBy("session_id", "stretch").orderBy("second")

    def lag(column: str, seconds: int) -> Column:
        return F.lag(column, seconds).over(near) if seconds > 0 else F.lead(column, -seconds).over(near)

    def slope(column: str, seconds: int) -> Column:
        return (lag(column, -seconds) - lag(column, seconds)) / (2.0 * seconds)

    counts = {name: F.count(name).over(whole) for name in ("altitude_msl_ft", "altitude_indicated_ft")}
    mostly = F.count(F.when(~F.col("is_gap"), 1)).over(whole) / 2.0
    rows = rows.withColumn(
        "altitude_ft",
        F.when(counts["altitude_msl_ft"] >= mostly, F.col("altitude_msl_ft"))
        .when(counts["altitude_indicated_ft"] >= mostly, F.col("altitude_indicated_ft"))
        .otherwise(F.col("altitude_agl_ft")),
    )
    eastward = slope("longitude_deg", 2) * F.cos(F.radians("latitude_deg"))
    northward = slope("latitude_deg", 2)
    rows = (
        rows.withColumn("position_speed_kt", F.sqrt(eastward * eastward + northward * northward) * _KT_PER_DEGREE_PER_S)
        .withColumn("ground_speed_kt", F.coalesce("ground_speed_kt", "position_speed_kt"))
        .withColumn("airspeed_kt", F.coalesce("indicated_airspeed_kt", "true_airspeed_kt"))
        .withColumn("altitude_rate_fpm", slope("altitude_ft", 3) * 60.0)
        .withColumn("climb_fpm", F.coalesce("vertical_speed_fpm", "altitude_rate_fpm"))
        .withColumn("bank_deg", F.col("roll_deg"))
        .withColumn("load_factor_g", F.col("normal_acceleration_g"))
        .withColumn("direction_deg", F.coalesce("heading_deg", "track_deg"))
        .withColumn("turn_rate_dps", _wrapped(lag("direction_deg", -2) - lag("direction_deg", 2)) / 4.0)
    )
    stall = _by_type({name: aircraft.stall_clean_kt for name, aircraft in AIRCRAFT.items()}, GENERIC_STALL_KT)
    rows = rows.withColumn("speed_ratio", F.col("airspeed_kt") / stall).withColumn(
        "ground_speed_ratio", F.col("ground_speed_kt") / stall
    )

    rolling = (
        (F.coalesce("ground_speed_kt", "airspeed_kt") < _GROUND_SPEED_KT)
        & (F.coalesce("airspeed_kt", F.lit(0.0)) < _GROUND_AIRSPEED_KT)
        & (F.abs(F.coalesce("altitude_rate_fpm", F.lit(0.0))) < 200.0)
        & (F.abs(F.coalesce("bank_deg", F.lit(0.0))) < 10.0)
    )
    rows = rows.withColumn("slow", F.when(rolling, 1.0).otherwise(0.0))
    steady = near.rowsBetween(-4, 4)
    rows = rows.withColumn("ground_second", F.when(F.min("slow").over(steady) > 0.5, F.col("second")))
    # The last ground second before (the next one after) is a running maximum (minimum); its altitude
    # is then looked up, which is far cheaper than `last(ignorenulls)` over an unbounded window.
    rows = rows.withColumn("left_ground", F.max("ground_second").over(until_now)).withColumn(
        "meets_ground", F.min("ground_second").over(from_now)
    )
    fields = rows.where(F.col("ground_second").isNotNull()).select("session_id", "ground_second", "altitude_ft")
    rows = rows.join(
        fields.select(
            "session_id", F.col("ground_second").alias("left_ground"), F.col("altitude_ft").alias("departure_ft")
        ),
        ["session_id", "left_ground"],
        "left",
    ).join(
        fields.select(
            "session_id", F.col("ground_second").alias("meets_ground"), F.col("altitude_ft").alias("destination_ft")
        ),
        ["session_id", "meets_ground"],
        "left",
    )
    rows = rows.withColumn("seconds_since_ground", (F.col("second") - F.col("left_ground")).cast("double")).withColumn(
        "seconds_to_ground", (F.col("meets_ground") - F.col("second")).cast("double")
    )
    lowest = F.min("altitude_ft").over(whole)
    return (
        rows.withColumn("height_departure_ft", F.col("altitude_ft") - F.col("departure_ft"))
        .withColumn("height_destination_ft", F.col("altitude_ft") - F.col("destination_ft"))
        .withColumn(
            "height_ft",
            F.coalesce(_nearer("height_departure_ft", "height_destination_ft"), F.col("altitude_ft") - lowest),
        )
        .select("session_id", "aircraft_type", "stretch", "second", "is_gap", *SIGNALS, "maneuver", "is_upset")
    )


def _wrapped(degrees: Column) -> Column:
    from pyspark.sql import functions as F

    return degrees - 360.0 * F.floor((degrees + 180.0) / 360.0)


def _nearer(one: str, other: str) -> Column:
    from pyspark.sql import functions as F

    first = F.abs(F.col(one)) <= F.abs(F.coalesce(other, one))
    return F.when(first, F.col(one)).otherwise(F.coalesce(other, one))


def _by_type(values: Mapping[str, float], fallback: float) -> Column:
    from pyspark.sql import functions as F

    chosen = F.lit(fallback)
    for aircraft_type, value in values.items():
        chosen = F.when(F.col("aircraft_type") == aircraft_type, F.lit(float(value))).otherwise(chosen)
    return chosen
