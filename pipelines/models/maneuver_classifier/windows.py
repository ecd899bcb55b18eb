"""Features of one second: its signals, and what the seconds before and after it look like.

Sessions are analysed after the flight, so a second may look ahead. Every window ends where a long gap
begins. Values are rounded so that the last digits of two engines' signals cannot choose another branch of a
tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipelines.flight.rolling import Kind, rolled, shifted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_DECIMALS = 3
_SOURCES = (
    "altitude_ft",
    "height_ft",
    "height_departure_ft",
    "height_destination_ft",
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
_SMOOTHED = ("speed_ratio", "ground_speed_ratio", "climb_fpm", "pitch_deg", "bank_size_deg", "turn_size_dps")
_NOW = (*_SMOOTHED, "load_factor_g", "engine_rpm", "height_ft", "height_departure_ft", "height_destination_ft")
_FRAMES = {"past30": (-30, 0), "next30": (0, 30), "past90": (-90, 0), "next90": (0, 90)}

_AROUND: dict[Kind, tuple[str, ...]] = {
    "mean": (*_SMOOTHED, "engine_rpm"),
    "minimum": ("speed_ratio", "ground_speed_ratio", "pitch_deg", "load_factor_g", "bank_size_deg", "climb_fpm"),
    "maximum": ("pitch_deg", "load_factor_g", "bank_size_deg", "turn_size_dps", "climb_fpm"),
}
_ASIDE: dict[Kind, tuple[str, ...]] = {
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
    """The rows of `with_signals` that hold a sample, with FEATURES beside their other columns."""
    kept = [field for field in signals.schema.fields if field.name not in FEATURES and field.name != "is_gap"]
    types = {field.name: field.dataType.simpleString() for field in kept} | dict.fromkeys(FEATURES, "double")
    return signals.groupBy("session_id").applyInPandas(
        _session_windows, ", ".join(f"{n} {t}" for n, t in types.items())
    )


def windows_of(signals: pd.DataFrame) -> pd.DataFrame:
    """FEATURES of each second of one stretch without long gaps, ordered by second, gap seconds included.

    Window functions of SQL evaluate a hundred frames a row at a time; the same by columns is an order
    of magnitude faster, and equal to the last digit on every engine.
    """
    columns = {name: signals[name].to_numpy(dtype=float) for name in _SOURCES}
    columns["bank_size_deg"] = np.abs(columns["bank_deg"])
    columns["turn_size_dps"] = np.abs(columns["turn_rate_dps"])
    features = {name: columns[name] for name in _NOW}

    def add(names: tuple[str, ...], start: int, end: int, kind: Kind, label: str) -> None:
        found = rolled(np.column_stack([columns[name] for name in names]), start, end, kind)
        features.update({f"{name}_{label}": found[:, place] for place, name in enumerate(names)})

    for half in _HALF_WIDTHS_S:
        for kind, names in _AROUND.items():
            add(names, -half, half, kind, f"{kind}_within{half}")
        altitude = columns["altitude_ft"][:, None]
        top, bottom = (rolled(altitude, -half, half, kind)[:, 0] for kind in ("maximum", "minimum"))
        features[f"altitude_range_within{half}"] = top - bottom
    for label, (start, end) in _FRAMES.items():
        for kind, names in _ASIDE.items():
            add(names, start, end, kind, f"{kind}_{label}")
    for name, steps in _CHANGES.items():
        for step in steps:
            there = shifted(columns[name], step)
            features[f"{name}_change_{'past' if step < 0 else 'next'}{abs(step)}"] = there - columns[name]
    features["ground_seconds_past"] = np.minimum(columns["seconds_since_ground"], _FAR_S)
    features["ground_seconds_next"] = np.minimum(columns["seconds_to_ground"], _FAR_S)
    return pd.DataFrame({name: np.round(features[name], _DECIMALS) for name in FEATURES}, index=signals.index)


def _session_windows(signals: pd.DataFrame) -> pd.DataFrame:
    ordered = signals.sort_values("second", kind="stable").reset_index(drop=True)
    features = pd.concat([windows_of(stretch) for _, stretch in ordered.groupby("stretch")])
    rest = ordered.drop(columns=[name for name in FEATURES if name in ordered])
    return pd.concat([rest, features], axis=1).loc[~ordered["is_gap"]].drop(columns="is_gap")
