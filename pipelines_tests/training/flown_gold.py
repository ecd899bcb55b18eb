"""Gold of short, drawn flights: from parking over a circuit with airwork back to parking, labelled, attested."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from pipelines.engines.engine import Engine
from pipelines.flight.aircraft import AIRCRAFT
from pipelines.flight.channels import CHANNEL_NAMES
from pipelines.models.manifest import load_manifests
from pipelines.tables.attestation import attest, signed
from pipelines.tables.contract import TableContract
from pipelines.tables.contracts import FLIGHT_SAMPLES, GOLD_SESSIONS
from pipelines.training.split import split_of

UPLOAD_DAY = date(2026, 11, 20)
FIELD_FT = 850.0

# maneuver, seconds, climb fpm, speed in stalling speeds at the end, bank, pitch, rpm
_COURSE = (
    ("ground", 30, 0, 0.1, 0, 0, 900),
    ("takeoff", 22, 60, 1.35, 0, 6, 2600),
    ("climb", 70, 800, 1.7, 0, 9, 2550),
    ("turn", 40, 0, 2.1, 20, 2, 2300),
    ("cruise", 50, 0, 2.3, 0, 1, 2350),
    ("steep_turn", 30, 0, 2.1, 45, 4, 2450),
    ("slow_flight", 40, 0, 1.15, 0, 10, 2100),
    ("cruise", 30, 0, 2.2, 0, 1, 2400),
    ("descent", 40, -600, 2.2, 0, -3, 1800),
    ("approach", 60, -620, 1.4, 0, -3, 1500),
    ("landing", 20, -100, 0.2, 0, 3, 900),
    ("ground", 25, 0, 0.1, 0, 0, 900),
)


def drawn_flight(seed: int, aircraft_type: str = "c172p") -> pd.DataFrame:
    """Gold seconds of one flight: second, is_gap, all channels, maneuver, is_upset; the last second of each
    maneuver is unlabelled."""
    random = np.random.default_rng(seed)
    stall = AIRCRAFT[aircraft_type].stall_clean_kt
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ("climb", "speed", "bank", "pitch", "rpm")}
    labels: list[Any] = []
    speed = 0.1
    side = random.choice([-1.0, 1.0])
    for maneuver, seconds, climb, target, bank, pitch, rpm in _COURSE:
        length = int(seconds * random.uniform(0.85, 1.25))
        parts["climb"].append(np.full(length, float(climb)))
        parts["speed"].append(np.linspace(speed, target, length))
        parts["bank"].append(np.full(length, side * bank))
        parts["pitch"].append(np.full(length, float(pitch)))
        parts["rpm"].append(np.full(length, float(rpm)))
        labels += [maneuver] * (length - 1) + [None]
        speed = target
    drawn = {name: np.concatenate(values) for name, values in parts.items()}
    count = len(labels)
    height = np.maximum(np.cumsum(drawn["climb"] / 60.0), 0.0)
    landed = np.array([label in ("ground", "landing") for label in labels])
    landed[: count // 2] = False
    height[landed] = 0.0
    airspeed = drawn["speed"] * stall + random.normal(0, 1.0, count)
    speed_now = np.maximum(airspeed, 0.0)
    turn_rate = np.degrees(np.tan(np.radians(drawn["bank"])) * 9.81 / np.maximum(speed_now * 0.514, 10.0))
    flight = pd.DataFrame({"second": np.arange(count), "is_gap": False, **dict.fromkeys(CHANNEL_NAMES, np.nan)})
    flight["altitude_msl_ft"] = FIELD_FT + height + random.normal(0, 1.5, count)
    flight["altitude_indicated_ft"] = flight["altitude_msl_ft"] + 12.0
    flight["indicated_airspeed_kt"] = speed_now
    flight["ground_speed_kt"] = np.maximum(speed_now - 4.0, 0.0)
    flight["vertical_speed_fpm"] = np.gradient(height) * 60.0 + random.normal(0, 30.0, count)
    flight["pitch_deg"] = drawn["pitch"] + random.normal(0, 0.5, count)
    flight["roll_deg"] = drawn["bank"] + random.normal(0, 1.0, count)
    flight["heading_deg"] = np.mod(350.0 + np.cumsum(turn_rate), 360.0)
    flight["normal_acceleration_g"] = 1.0 / np.cos(np.radians(drawn["bank"])) + random.normal(0, 0.02, count)
    flight["engine_rpm"] = drawn["rpm"] + random.normal(0, 15.0, count)
    flight["maneuver"] = labels
    flight["is_upset"] = False
    return flight


def flights_by_part(model: str, first_seed: int = 0, **wanted: int) -> dict[str, tuple[str | None, pd.DataFrame]]:
    """As many drawn flights as wanted of each part of the model's split, which follows from the sessions' ids."""
    unseen = load_manifests()[model].training.unseen_aircraft_type
    found: dict[str, tuple[str | None, pd.DataFrame]] = {}
    for number in itertools.count(first_seed):
        if not any(wanted.values()):
            break
        session_id, aircraft_type = f"{number:016x}", unseen if number % 5 == 4 else "c172p"
        part = split_of(session_id, aircraft_type, unseen)
        if wanted.get(part):
            wanted[part] -= 1
            found[session_id] = (aircraft_type, drawn_flight(number, aircraft_type))
    return found


def write_gold(engine: Engine, flights: Mapping[str, tuple[str | None, pd.DataFrame]], digest: str = "first") -> None:
    """Append flights (session id -> aircraft type, seconds) to gold as an attested run would."""
    session_rows, sample_rows = [], []
    for session_id, (aircraft_type, flight) in flights.items():
        common = {"session_id": session_id, "upload_day": UPLOAD_DAY, "source_digest": digest}
        session_rows.append(
            {
                **common,
                "source_format": "drawn",
                "aircraft_type": aircraft_type,
                "duration_s": float(len(flight)),
                "second_count": len(flight),
                "gap_share": float(flight["is_gap"].mean()),
                "labelled_share": float(flight["maneuver"].notna().mean()),
                "missing_channels": [],
            }
        )
        rows = flight.astype(object).where(flight.notna(), None)
        sample_rows += [{**common, **row} for row in rows.to_dict("records")]
    append_attested(engine, FLIGHT_SAMPLES, sample_rows)
    append_attested(engine, GOLD_SESSIONS, session_rows)


def append_attested(engine: Engine, contract: TableContract, rows: Sequence[dict[str, Any]]) -> None:
    """Append rows in one commit with a valid attestation."""
    engine.create(contract)
    schema = ", ".join(f"{column.name} {column.type}" for column in contract.columns)
    table = engine.spark.createDataFrame(
        [tuple(row.get(name) for name in contract.column_names) for row in rows], schema
    )
    metadata = attest("test", contract.name.asset_key, "0" * 16, {"drawn": True})
    engine.append(contract.name, table, signed(engine, contract.name, metadata))
