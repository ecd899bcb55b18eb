"""Writes a session as a Garmin G1000 would log it: 1 Hz, only what that system records, with its oddities.

The oddities are those of real logs: three header lines, space-padded columns, blank stamps and positions
before the position fix, whole-second stamps that repeat or skip, load factor less 1 g, airspeed that reads
zero (or slightly below) when slow, a last row cut off where the power went.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from pipelines.flight.simulator.aircraft import TRAINER_MODELS
from pipelines.flight.simulator.recorder import sample
from pipelines.flight.simulator.session import FlownSession

_COLUMNS: tuple[tuple[str, str, int], ...] = (
    ("Lcl Date", "#yyy-mm-dd", 10), ("Lcl Time", "hh:mm:ss", 8), ("UTCOfst", "hh:mm", 7), ("AtvWpt", "ident", 6),
    ("Latitude", "degrees", 12), ("Longitude", "degrees", 12), ("AltB", "ft Baro", 7), ("BaroA", "inch", 5),
    ("AltMSL", "ft msl", 7), ("OAT", "deg C", 5), ("IAS", "kt", 6), ("GndSpd", "kt", 6), ("VSpd", "fpm", 8),
    ("Pitch", "deg", 6), ("Roll", "deg", 6), ("LatAc", "G", 6), ("NormAc", "G", 6), ("HDG", "deg", 5),
    ("TRK", "deg", 5), ("volt1", "volts", 5), ("volt2", "volts", 5), ("amp1", "amps", 5), ("FQtyL", "gals", 6),
    ("FQtyR", "gals", 6), ("E1 FFlow", "gph", 8), ("E1 OilT", "deg F", 7), ("E1 OilP", "psi", 7),
    ("E1 RPM", "rpm", 6), ("E1 CHT1", "deg F", 7), ("E1 EGT1", "deg F", 7), ("AltGPS", "ft wgs", 7),
    ("TAS", "kt", 3), ("HSIS", "enum", 4), ("CRS", "deg", 6), ("NAV1", "MHz", 6), ("COM1", "MHz", 7),
    ("WndSpd", "kt", 6), ("WndDr", "deg", 6), ("MagVar", "deg", 6), ("AfcsOn", "bool", 6), ("VSpdG", "fpm", 6),
    ("GPSfix", "enum", 6), ("HAL", "mt", 4),
)  # fmt: skip


def encode(flown: FlownSession) -> bytes:
    """The session as the bytes of a Garmin log file (ASCII, CR LF line ends as the avionics writes)."""
    plan = flown.plan
    sampled = sample(flown, 1.0, seed_word=2)
    random = np.random.default_rng([plan.seed, 3])
    count = len(sampled["elapsed_s"])
    cells = _cells(flown, sampled, random, count)
    name = TRAINER_MODELS[plan.aircraft_type].handbook.name
    first = (
        f'#airframe_info, log_version="1.00", airframe_name="{name}", unit_software_part_number="006-B0000-01", '
        f'unit_software_version="10.01", system_id="{plan.seed & 0xFFFFFFFF:08X}", mode=NORMAL, '
    )
    units = ", ".join(unit.rjust(width) for _, unit, width in _COLUMNS)
    names = ", ".join(title.rjust(width) for title, _, width in _COLUMNS)
    lines = [first, units, names]
    for row in range(count):
        lines.append(", ".join(cells[title][row].rjust(width) for title, _, width in _COLUMNS))  # noqa: PERF401
    # The power goes while the last row is being written.
    lines[-1] = lines[-1][: int(random.integers(20, len(lines[-1]) - 20))]
    return "\r\n".join(lines).encode("ascii")


def _cells(
    flown: FlownSession, sampled: dict[str, np.ndarray], random: np.random.Generator, count: int
) -> dict[str, list[str]]:
    plan = flown.plan
    on_ground = sampled["on_ground"] > 0.5
    # On the ground the receiver is still searching when the log begins; in the air it has long had its fix.
    blank = int(random.integers(2, 9)) if on_ground[0] and random.random() < 0.5 else 0
    before_fix = np.arange(count) < blank
    hours = round(plan.longitude / 15.0)
    jitter = np.cumsum(random.normal(0.0, 0.02, count)) + random.uniform(0.2, 0.8) + random.normal(0.0, 0.06, count)
    seconds = np.floor(sampled["elapsed_s"] + np.clip(jitter, 0.0, 1.0)).astype(int)
    local = [plan.started_at + timedelta(hours=hours, seconds=int(second)) for second in seconds]
    airspeed = sampled["indicated_airspeed_kt"]
    airspeed = np.where(airspeed < 20.0, -np.abs(random.normal(0.0, 0.004, count)), airspeed)
    flow = sampled["fuel_flow_gph"]
    used = np.cumsum(flow) / 3600.0
    tank = 26.0 * plan.fuel_share
    warm = 1.0 - np.exp(-sampled["elapsed_s"] / 240.0)
    wind_known = ~before_fix & (airspeed > 40.0)
    direction = (sampled["wind_direction_deg"] + 180.0) % 360.0 - 180.0

    def number(values: np.ndarray, decimals: int, shown: np.ndarray | None = None) -> list[str]:
        texts = [f"{value:.{decimals}f}" for value in values.tolist()]
        if shown is None:
            return texts
        return [text if visible else "" for text, visible in zip(texts, shown.tolist(), strict=True)]

    def constant(text: str) -> list[str]:
        return [text] * count

    fixed = ~before_fix
    msl = sampled["altitude_msl_ft"]
    return {
        "Lcl Date": [f"{moment:%Y-%m-%d}" if seen else "" for moment, seen in zip(local, fixed, strict=True)],
        "Lcl Time": [f"{moment:%H:%M:%S}" if seen else "" for moment, seen in zip(local, fixed, strict=True)],
        "UTCOfst": [f"{hours:+03d}:00" if seen else "" for seen in fixed],
        "AtvWpt": constant(""),
        "Latitude": number(sampled["latitude_deg"], 7, fixed),
        "Longitude": number(sampled["longitude_deg"], 7, fixed),
        "AltB": number(np.round(sampled["altitude_indicated_ft"]) - 0.2, 1),
        "BaroA": constant(f"{29.92 + 0.01 * (plan.seed % 30 - 15):.2f}"),
        "AltMSL": number(msl, 1, fixed),
        "OAT": number(np.round(sampled["outside_air_temperature_c"] * 4.0) / 4.0, 1),
        "IAS": number(airspeed, 2),
        "GndSpd": number(sampled["ground_speed_kt"], 2, fixed),
        "VSpd": number(sampled["vertical_speed_fpm"] + random.normal(0.0, 10.0, count), 2),
        "Pitch": number(sampled["pitch_deg"], 2),
        "Roll": number(sampled["roll_deg"], 2),
        "LatAc": number(sampled["lateral_acceleration_g"], 2),
        "NormAc": number(sampled["normal_acceleration_g"] - 1.0, 2),
        "HDG": number(sampled["heading_deg"], 1),
        "TRK": number(sampled["track_deg"], 1, fixed),
        "volt1": number(27.9 + random.normal(0.0, 0.05, count), 1),
        "volt2": number(27.9 + random.normal(0.0, 0.05, count), 1),
        "amp1": number(1.5 + random.normal(0.0, 0.4, count), 1),
        "FQtyL": number(tank - 0.5 * used, 2),
        "FQtyR": number(tank - 0.5 * used, 2),
        "E1 FFlow": number(flow, 2),
        "E1 OilT": number(140.0 + 45.0 * warm + random.normal(0.0, 0.1, count), 2),
        "E1 OilP": number(62.0 + random.normal(0.0, 0.3, count), 2),
        "E1 RPM": number(sampled["engine_rpm"], 1),
        "E1 CHT1": number(230.0 + 110.0 * warm + random.normal(0.0, 0.3, count), 2),
        "E1 EGT1": number(1050.0 + 25.0 * flow + random.normal(0.0, 2.0, count), 2),
        "AltGPS": number(msl - 88.0, 1, fixed),
        "TAS": number(np.where(airspeed > 20.0, sampled["true_airspeed_kt"], 0.0), 0),
        "HSIS": constant("GPS"),
        "CRS": constant("109.0"),
        "NAV1": constant("109.10"),
        "COM1": constant("118.400"),
        "WndSpd": number(sampled["wind_speed_kt"], 2, wind_known),
        "WndDr": number(direction, 1, wind_known),
        "MagVar": constant(f"{-plan.variation_deg:.1f}"),
        "AfcsOn": constant(""),
        "VSpdG": number(sampled["vertical_speed_fpm"], 1, fixed),
        "GPSfix": ["3DDiff" if seen else "NoSoln" for seen in fixed],
        "HAL": constant("1852"),
    }
