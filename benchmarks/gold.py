"""Gold of simulated sessions, made by the project's own way from files: flown, parsed, cleaned, attested."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.engines import open_engine
from pipelines.flight.simulator.sessions import simulate_sessions
from pipelines.machine_cache import cache_folder
from pipelines.tables import gold
from pipelines.tables.annotation_ingestion import ingest_annotations
from pipelines.tables.attestation import attest
from pipelines.tables.ingestion import ingest_sessions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.engines.engine import Engine
    from pipelines.tables.contract import TableContract

DAY = date(2026, 11, 20)
_STEPS = ("refine_flight_samples", "refine_maneuvers", "refine_approaches", "refine_sessions")
_PACKAGE = Path(__file__).parents[1] / "pipelines"


@contextmanager
def gold_of_simulated(first_seed: int, count: int) -> Iterator[Engine]:
    """An engine whose gold holds these sessions; flown, read and refined at the first call with this code."""
    folder = cache_folder(os.environ) / "benchmarks" / f"gold-{first_seed}-{count}-{_code_digest()}"
    if not folder.is_dir():
        unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
        shutil.rmtree(unfinished, ignore_errors=True)
        for number, _ in enumerate(simulate_sessions(count, first_seed, unfinished / "landing", DAY), start=1):
            if number % 20 == 0:
                print(f"  flown {number} of {count} sessions", flush=True)
        refine_landed(unfinished)
        unfinished.rename(folder)
    engine = open_engine("sail", folder / "warehouse")
    try:
        yield engine
    finally:
        engine.stop()


def refine_landed(folder: Path, say: Callable[[str], None] = print) -> None:
    """From `<folder>/landing` to gold in `<folder>/warehouse`."""
    engine = open_engine("sail", folder / "warehouse")
    try:
        report = ingest_sessions(engine, folder / "landing", DAY, "benchmark")
        ingest_annotations(engine, folder / "landing", DAY, "benchmark")
        say(f"  {report.accepted} sessions in silver")
        for step in _STEPS:
            contract = _contract_of(step)
            metadata = attest("benchmark", contract.name.asset_key, "0" * 16, {"benchmark": True})
            done = getattr(gold, step)(engine, DAY, metadata)
            say(f"  {done.table}: {done.row_count:,} rows")
    finally:
        engine.stop()


def _contract_of(step: str) -> TableContract:
    from pipelines.tables import contracts

    return {
        "refine_flight_samples": contracts.FLIGHT_SAMPLES,
        "refine_maneuvers": contracts.MANEUVERS,
        "refine_approaches": contracts.APPROACHES,
        "refine_sessions": contracts.GOLD_SESSIONS,
    }[step]


def _code_digest() -> str:
    """Digest of what makes the gold: simulator, formats, criteria, tables."""
    files = sorted([*(_PACKAGE / "flight").rglob("*.py"), *(_PACKAGE / "tables").rglob("*.py")])
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.relative_to(_PACKAGE).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]
