"""From the landing zone to silver: each new session file is read once and accounted for in the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.landing.address import Address
from pipelines.tables.contract_guard import ensure_tables, missing_tables
from pipelines.tables.contracts import SAMPLES, SESSION_FILES, SILVER_SESSIONS
from pipelines.tables.history import current_version
from pipelines.tables.ingest_report import IngestReport, timed
from pipelines.tables.interrupted import take_back_interrupted
from pipelines.tables.landed_files import LandedFile, list_landed
from pipelines.tables.ledger import finished_versions
from pipelines.tables.session_batch import SessionBatch

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine

Progress = Callable[[int, int, str], None]

_TABLES = (SESSION_FILES, SILVER_SESSIONS, SAMPLES)

BATCH_FILES = 500
BATCH_BYTES = 2 * 1024**3
"""A batch is committed as a whole: what a crash can cost, and what a ledger commit waits for."""


def ingest_sessions(
    engine: Engine,
    landing: Address,
    upload_day: date,
    run_id: str,
    session_maps: Path | None = None,
    progress: Progress | None = None,
) -> IngestReport:
    """Bring the new session files of `<landing>/sessions/<upload_day>/` to silver.

    A file version that the ledger holds is not read again. Files that cannot be trusted are quarantined in the
    ledger, the others go on. The ledger is written last: after a crash at any point the next run gives the
    tables that an undisturbed one would have given. `progress` is called with (files done, files new, message).

    Raises:
        ContractViolationError: a table is not what its contract says; nothing has been written.
        ColumnMapError: a column map is at fault; no file has been judged by it.
        LandingUnavailableError: the bucket cannot be listed. (If it fails while files are read on Spark's workers,
            their engine's exception says so. What is in the ledger by then stays, the next run goes on from there.)
    """
    report = IngestReport(upload_day)
    maps = _column_maps(session_maps)
    engine.fork_processes()
    with engine.exclusive(SESSION_FILES.name):
        missing = missing_tables(engine, *_TABLES)
        with timed(report, "listing"):
            files = list_landed(landing / "sessions", upload_day)
            is_asked = bool(files) and SESSION_FILES not in missing
            finished = finished_versions(engine, SESSION_FILES, upload_day) if is_asked else set()
            new = [file for file in files if (file.file_path, file.file_version) not in finished]
            report.listed, report.known = len(files), len(files) - len(new)
        samples_batch, done = None, 0
        for files in _batches(new):
            batch = SessionBatch(engine, upload_day, run_id, maps, report)
            with timed(report, "digests"), _beside(engine, partial(batch.digest, files)):
                if not done:
                    ensure_tables(engine, *missing)
            if not done:
                with timed(report, "recovery"):
                    samples_batch, report.recovered = take_back_interrupted(engine)
            samples_batch = batch.ingest(samples_batch)
            done += len(files)
            if progress is not None:
                progress(done, len(new), f"{report.accepted} sessions, {len(report.quarantined)} quarantined")
        if not new:
            ensure_tables(engine, *missing)
        for contract in _TABLES:
            report.table_versions[str(contract.name)] = current_version(engine, contract.name)
    return report


@contextmanager
def _beside(engine: Engine, work: Callable[[], None]) -> Iterator[None]:
    """Do `work`, which uses no table, while the block starts the engine; before it, if `work` takes the engine, too."""
    if not engine.python_is_threaded:
        work()
        yield
        return
    with ThreadPoolExecutor(1) as threads:
        working = threads.submit(work)
        yield
    working.result()


def _column_maps(session_maps: Path | None) -> tuple[Path, ...]:
    """The places of column maps, all of them read once here so that a bad one stops the run and judges no file."""
    from pipelines.flight.formats.map_folders import BUILT_IN_MAPS, load_column_maps

    places = (BUILT_IN_MAPS,) if session_maps is None or not session_maps.exists() else (BUILT_IN_MAPS, session_maps)
    load_column_maps(places)
    return places


def _batches(files: list[LandedFile]) -> Iterator[list[LandedFile]]:
    batch: list[LandedFile] = []
    size = 0
    for file in files:
        if batch and (len(batch) == BATCH_FILES or size + file.size_bytes > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size_bytes
    if batch:
        yield batch
