"""A flight made by a few lines of kinematics: consistent in every channel, so that a test can spoil one of them."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

START = datetime(2024, 7, 20, 15, 0, 0, tzinfo=UTC)
KNOT = 1852 / 3600


def made_flight(seconds: int = 1200, rate_hz: float = 1.0, seed: int = 7) -> dict[str, np.ndarray]:
    """Canonical channels of a flight with taxi, takeoff, climb, turns both ways, wind, descent; plus `elapsed_s`."""
    random = np.random.default_rng(seed)
    step = 1 / rate_hz
    t = np.arange(round(seconds * rate_hz)) * step
    share = t / seconds
    indicated = np.interp(share, [0, 0.08, 0.1, 0.2, 0.5, 0.9, 0.97, 1], [0, 0, 60, 78, 105, 90, 62, 0])
    indicated = np.where(indicated > 1, indicated + random.normal(0, 0.4, len(t)), indicated)
    flying = share > 0.1
    altitude = np.interp(share, [0, 0.1, 0.4, 0.6, 0.97, 1], [850, 850, 3500, 3500, 850, 850])
    altitude = altitude + 120 * np.sin(t / 37) * np.clip((share - 0.15) * 8, 0, 1) * np.clip((0.9 - share) * 8, 0, 1)
    vertical = np.gradient(altitude, step) * 60
    true_speed = indicated * (1 + altitude / 60000)
    roll = np.where(flying & (share < 0.9), 32 * np.sin(t / 21) * np.cos(t / 190), 0.0)
    rate = np.where(true_speed > 30, 1091 * np.tan(np.radians(roll)) / np.maximum(true_speed, 30), 0.0)
    heading = (40 + np.cumsum(rate) * step) % 360
    air = true_speed * np.exp(1j * np.radians(heading))
    ground = np.where(true_speed > 30, air + 12 * np.exp(1j * np.radians(250)), air)
    north, east = np.cumsum(np.real(ground)) * step * KNOT, np.cumsum(np.imag(ground)) * step * KNOT
    gamma = np.degrees(np.arctan2(vertical / 60 * 0.3048, np.maximum(true_speed, 40) * KNOT))
    noise = lambda size: random.normal(0, size, len(t))  # noqa: E731
    return {
        "elapsed_s": t,
        "latitude_deg": 47.9 + north / 111120,
        "longitude_deg": -97.1 + east / (111120 * np.cos(np.radians(47.9))),
        "altitude_msl_ft": altitude + noise(0.6),
        "altitude_indicated_ft": altitude - 20 + noise(1.0),
        "indicated_airspeed_kt": np.maximum(indicated, 0),
        "true_airspeed_kt": true_speed,
        "ground_speed_kt": np.abs(ground),
        "vertical_speed_fpm": vertical + noise(15),
        "pitch_deg": 1.5 * gamma + np.where(flying, 3, 0) + noise(0.3),
        "roll_deg": roll + noise(0.3),
        "heading_deg": (heading + noise(0.1)) % 360,
        "track_deg": (np.degrees(np.angle(ground)) + noise(0.1)) % 360,
        "normal_acceleration_g": 1 / np.cos(np.radians(roll)) + noise(0.02),
        "lateral_acceleration_g": noise(0.02),
        "engine_rpm": np.where(flying, 2400, 1000) + noise(8),
        "fuel_flow_gph": np.where(flying, 9.0, 2.0) + noise(0.05),
        "outside_air_temperature_c": 18 - altitude / 500,
    }


GARMIN_COLUMNS = {
    "Latitude": ("latitude_deg", 7), "Longitude": ("longitude_deg", 7), "AltB": ("altitude_indicated_ft", 1),
    "BaroA": (None, 2), "AltMSL": ("altitude_msl_ft", 1), "OAT": ("outside_air_temperature_c", 1),
    "IAS": ("indicated_airspeed_kt", 2), "GndSpd": ("ground_speed_kt", 2), "VSpd": ("vertical_speed_fpm", 2),
    "Pitch": ("pitch_deg", 2), "Roll": ("roll_deg", 2), "LatAc": ("lateral_acceleration_g", 2),
    "NormAc": ("normal_acceleration_g", 2), "HDG": ("heading_deg", 1), "TRK": ("track_deg", 1),
    "E1 FFlow": ("fuel_flow_gph", 2), "E1 RPM": ("engine_rpm", 1), "TAS": ("true_airspeed_kt", 0),
    "GPSfix": (None, 0),
}  # fmt: skip


def garmin_stamps(count: int, offset: str = "-05:00", start: datetime = START) -> list[tuple[str, str, str]]:
    """Local date, local time and offset of a row a second."""
    hours = timedelta(hours=int(offset[:3]))
    return [
        (f"{m:%Y-%m-%d}", f"{m:%H:%M:%S}", offset) for m in (start + hours + timedelta(seconds=s) for s in range(count))
    ]


def garmin_log(
    flight: dict[str, np.ndarray],
    *,
    stamps: list[tuple[str, str, str]] | None = None,
    columns: dict[str, tuple[str | None, int]] | None = None,
    airframe: str = "Cessna 172S",
    cut_off: bool = True,
) -> bytes:
    """The flight as a Garmin log; with `cut_off` its last row breaks off, as when the power is switched off."""
    columns = columns or GARMIN_COLUMNS
    count = len(flight["elapsed_s"])
    stamps = stamps or garmin_stamps(count)
    cells = []
    for channel, decimals in columns.values():
        values = np.full(count, 29.92) if channel is None else flight[channel]
        values = values - 1 if channel == "normal_acceleration_g" else values
        cells.append(["" if np.isnan(v) else f"{v:.{decimals}f}" for v in values.tolist()])
    rows = [", ".join([*stamps[row], *(column[row].rjust(8) for column in cells)]) for row in range(count)]
    if cut_off:
        rows[-1] = rows[-1][: len(rows[-1]) // 2]
    names = ["  Lcl Date", "Lcl Time", "UTCOfst", *(name.rjust(8) for name in columns)]
    head = [
        f'#airframe_info, log_version="1.00", airframe_name="{airframe}", system_id="1", mode=NORMAL, ',
        "#yyy-mm-dd, hh:mm:ss,   hh:mm" + ", unit" * len(columns),
        ", ".join(names),
    ]
    return "\n".join([*head, *rows]).encode() + (b"" if cut_off else b"\n")


def table(columns: dict[str, object], delimiter: str = ",") -> bytes:
    """Columns of any values as delimited text."""
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_csv(buffer, separator=delimiter)
    return buffer.getvalue()


TRAINER_MAP = """
name: trainer
description: A source made for the tests, in canonical units.
device_kind: simulator
header_columns_required: [t, latitude_deg, altitude_msl_ft]
time: {column: t, kind: elapsed, unit: s}
channels:
"""


def trainer_map(flight: dict[str, np.ndarray], *, time: str | None = None) -> str:
    """A map in which every column of `flight` has its canonical name and unit."""
    from pipelines.flight.channels import CHANNELS

    lines = [f'  {c}: {{column: {c}, unit: "{CHANNELS[c].unit}"}}' for c in flight if c in CHANNELS]
    text = TRAINER_MAP + "\n".join(lines) + "\n"
    return text.replace("time: {column: t, kind: elapsed, unit: s}", f"time: {time}") if time else text


def trainer_table(flight: dict[str, np.ndarray], **changes: object) -> bytes:
    """The flight as comma-separated text with its elapsed time in `t`; `changes` replace columns."""
    columns: dict[str, object] = {"t": np.round(flight["elapsed_s"], 3)}
    columns |= {name: np.round(values, 6) for name, values in flight.items() if name != "elapsed_s"}
    return table(columns | changes)
