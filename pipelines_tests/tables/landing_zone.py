"""A landing zone made for a test, and what the tables hold after it was ingested."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from pipelines.engines.engine import Engine
from pipelines.tables.attestation import attest
from pipelines.tables.contract import TableContract
from pipelines.tables.contracts import APPROACHES, FLIGHT_SAMPLES, GOLD_SESSIONS, MANEUVERS
from pipelines.tables.gold import (
    GoldReport,
    refine_approaches,
    refine_flight_samples,
    refine_maneuvers,
    refine_sessions,
)
from pipelines.tables.ingestion import ingest_annotations, ingest_sessions
from pipelines_tests.flight.formats.made_flight import garmin_log, made_flight

DAY = date(2026, 11, 20)
NEXT_DAY = date(2026, 11, 21)
SECONDS = 300

Annotation = tuple[str, float, float, str, str]
"""session_file, start_s, end_s, maneuver, instructor."""


def session_bytes(seed: int, seconds: int = SECONDS, airframe: str = "Cessna 172S") -> bytes:
    """A short log of a Garmin; another seed is another flight."""
    return garmin_log(made_flight(seconds=seconds, seed=seed), airframe=airframe, cut_off=False)


class LandingZone:
    """A folder that tests put files into as uploads would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def session(self, name: str, seed: int | bytes, day: date = DAY) -> Path:
        """Upload a session under that path below the day's folder: a flight by its seed, or any bytes."""
        return self._put("sessions", day, name, seed if isinstance(seed, bytes) else session_bytes(seed))

    def annotations(self, name: str, rows: Sequence[Annotation], day: date = DAY) -> Path:
        """Upload an instructor's file."""
        lines = ["session_file,start_s,end_s,maneuver,instructor,comment"]
        lines += [f"{file},{start},{end},{maneuver},{by}," for file, start, end, maneuver, by in rows]
        return self._put("annotations", day, name, ("\n".join(lines) + "\n").encode())

    def _put(self, kind: str, day: date, name: str, content: bytes) -> Path:
        path = self.folder / kind / day.isoformat() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path


def ingest(engine: Engine, landing: LandingZone, day: date = DAY, run_id: str = "run") -> None:
    """Sessions and annotations of that day."""
    ingest_sessions(engine, landing.folder, day, run_id)
    ingest_annotations(engine, landing.folder, day, run_id)


def refine(engine: Engine, day: date = DAY, run_id: str = "run") -> dict[str, GoldReport]:
    """All of gold for that day, by table name."""
    steps = (
        (FLIGHT_SAMPLES, refine_flight_samples),
        (MANEUVERS, refine_maneuvers),
        (APPROACHES, refine_approaches),
        (GOLD_SESSIONS, refine_sessions),
    )
    return {contract.name.table: step(engine, day, attested(contract, run_id)) for contract, step in steps}


def attested(contract: TableContract, run_id: str = "run") -> str:
    """Commit metadata of a run for that table."""
    return attest(run_id, contract.name.asset_key, "0123abcd", {"rows_are_plausible": True})


def rows(engine: Engine, contract: TableContract, where: str = "true") -> list[dict[str, Any]]:
    """The table's rows by key."""
    return _by_key(contract, engine.table(contract.name).where(where).select(*contract.column_names).toArrow())


def stable_rows(engine: Engine, contract: TableContract) -> list[tuple[Any, ...]]:
    """What is the same whenever the same input was processed, by key; values compare to the last bit.

    Read by delta-rs whatever the engine: asking Apache Spark for all tables takes as long as a step that makes one.
    """
    table = DeltaTable(str(engine.location(contract.name))).to_pyarrow_table(columns=list(contract.column_names))
    return [tuple(str(row[name]) for name in contract.stable_columns) for row in _by_key(contract, table)]


def _by_key(contract: TableContract, table: pa.Table) -> list[dict[str, Any]]:
    return sorted(table.to_pylist(), key=lambda row: tuple(str(row[name]).rjust(12) for name in contract.key))
