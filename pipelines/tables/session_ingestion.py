"""From the landing zone to silver: each new session file is read once and accounted for in the ledger."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pipelines.tables.arrow_rows import rows_to_arrow
from pipelines.tables.contract_guard import ensure_tables
from pipelines.tables.contracts import SAMPLES, SESSION_FILES, SILVER_SESSIONS
from pipelines.tables.digests import Digested, digest_files
from pipelines.tables.history import current_version
from pipelines.tables.ingest_report import DeferredFile, IngestReport, QuarantinedFile
from pipelines.tables.interrupted import ledger_metadata, samples_metadata, take_back_interrupted
from pipelines.tables.landed_files import LandedFile, list_landed
from pipelines.tables.ledger import Entry, accepted_files, finished_versions, record
from pipelines.tables.retries import until_committed
from pipelines.tables.session_parsing import SessionFile, explain_refusals, growing, parse_samples

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine

Progress = Callable[[int, int, str], None]

BATCH_FILES = 500
BATCH_BYTES = 2 * 1024**3
"""A batch is committed as a whole: what a crash can cost, and what a ledger commit waits for."""


def ingest_sessions(
    engine: Engine,
    landing: Path,
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
    """
    report = IngestReport(upload_day)
    maps = _column_maps(session_maps)
    ensure_tables(engine, SESSION_FILES, SILVER_SESSIONS, SAMPLES)
    with engine.exclusive(SESSION_FILES.name):
        with _timed(report, "listing"):
            files = list_landed(landing / "sessions", upload_day)
            finished = finished_versions(engine, SESSION_FILES, upload_day) if files else set()
            new = [file for file in files if (file.file_path, file.file_version) not in finished]
            report.listed, report.known = len(files), len(files) - len(new)
        if new:
            with _timed(report, "recovery"):
                samples_batch, report.recovered = take_back_interrupted(engine)
            done = 0
            for batch in _batches(new):
                samples_batch = _Batch(engine, upload_day, run_id, maps, report).ingest(batch, samples_batch)
                done += len(batch)
                if progress is not None:
                    progress(done, len(new), f"{report.accepted} sessions, {len(report.quarantined)} quarantined")
        for contract in (SESSION_FILES, SILVER_SESSIONS, SAMPLES):
            report.table_versions[str(contract.name)] = current_version(engine, contract.name)
    return report


class _Batch:
    """The steps of one batch, in the order that makes the ledger's commit the point of no return."""

    def __init__(
        self, engine: Engine, upload_day: date, run_id: str, maps: tuple[Path, ...], report: IngestReport
    ) -> None:
        self.engine = engine
        self.upload_day = upload_day
        self.run_id = run_id
        self.maps = maps
        self.report = report
        self.entries: list[Entry] = []

    def ingest(self, files: list[LandedFile], samples_batch: str | None) -> str | None:
        """Ingest the files; returns the id of the last batch of samples that the ledger now vouches for."""
        from pipelines.flight.formats.limits import MAX_STORED_BYTES

        readable = [file for file in files if file.size_bytes <= MAX_STORED_BYTES]
        for file in files:
            if file.size_bytes > MAX_STORED_BYTES:
                self._quarantine(file, None, *_too_large(file, MAX_STORED_BYTES))
        with _timed(self.report, "digests"):
            by_digest = self._by_digest(digest_files(self.engine, readable))
            known = accepted_files(self.engine, SESSION_FILES, set(by_digest))
        first = {digest: same[0] for digest, same in by_digest.items() if digest not in known}
        facts: dict[str, dict[str, Any]] = {}
        if first:
            batch_id = uuid4().hex
            with _timed(self.report, "samples"):
                sessions = [SessionFile(digest[:16], file) for digest, file in first.items()]
                metadata = samples_metadata(batch_id, self.upload_day)
                before = current_version(self.engine, SAMPLES.name)
                until_committed(
                    lambda: self.engine.append(
                        SAMPLES.name, parse_samples(self.engine, sessions, self.upload_day, self.maps), metadata
                    )
                )
                if current_version(self.engine, SAMPLES.name) > before:
                    samples_batch = batch_id
            with _timed(self.report, "sessions"):
                facts = self._write_sessions([session.session_id for session in sessions])
        with _timed(self.report, "ledger"):
            self._settle(by_digest, known, facts)
            if self.entries:
                vouched = ledger_metadata(samples_batch)
                until_committed(
                    lambda: record(self.engine, SESSION_FILES, self.upload_day, self.entries, self.run_id, vouched)
                )
        self.report.session_ids += sorted(facts)
        self.report.row_count += sum(fact["sample_count"] for fact in facts.values())
        return samples_batch

    def _by_digest(self, digested: list[Digested]) -> dict[str, list[LandedFile]]:
        """Files by digest, smallest path first; what could not be read is entered or deferred here."""
        by_digest: dict[str, list[LandedFile]] = {}
        for each in digested:
            if each.is_growing:
                refusal = growing(each.file)
                self._quarantine(each.file, None, refusal.code, refusal.reason, refusal.location, refusal.remedy)
            elif each.digest is None:
                self.report.deferred.append(DeferredFile(each.file.file_path, each.failure or "not readable"))
            else:
                by_digest.setdefault(each.digest, []).append(each.file)
        return by_digest

    def _write_sessions(self, session_ids: list[str]) -> dict[str, dict[str, Any]]:
        """Write `main.silver.sessions` from the reports that stand with the samples; facts by session id."""
        wanted = ", ".join(f"'{session_id}'" for session_id in session_ids)
        day = f"DATE'{self.upload_day.isoformat()}'"
        reports = (
            self.engine.table(SAMPLES.name)
            .where(f"upload_day = {day} AND session_id IN ({wanted}) AND parse_report IS NOT NULL")
            .select("session_id", "parse_report")
            .toArrow()
        )
        facts = {row["session_id"]: json.loads(row["parse_report"]) for row in reports.to_pylist()}
        if not facts:
            return facts
        now = datetime.now(UTC)
        rows = [
            {
                **fact,
                "session_id": session_id,
                "upload_day": self.upload_day,
                "started_at": datetime.fromisoformat(fact["started_at"]) if fact["started_at"] else None,
                "ingested_at": now,
                "ingest_run_id": self.run_id,
            }
            for session_id, fact in sorted(facts.items())
        ]
        until_committed(
            lambda: self.engine.merge(
                SILVER_SESSIONS.name,
                f"t.upload_day = {day} AND t.session_id = s.session_id",
                # What an interrupted run left was taken back; on Sail an update clause would cost a second of planning.
                "WHEN NOT MATCHED THEN INSERT *",
                self.engine.spark.createDataFrame(rows_to_arrow(SILVER_SESSIONS, rows)),
            )
        )
        return facts

    def _settle(
        self,
        by_digest: dict[str, list[LandedFile]],
        known: dict[str, dict[str, Any]],
        facts: dict[str, dict[str, Any]],
    ) -> None:
        """Enter every file whose digest is known: accepted, duplicate, or quarantined with its reason."""
        refused: list[tuple[str, LandedFile]] = []
        for digest, same in sorted(by_digest.items()):
            session_id = digest[:16]
            if digest in known:
                original, source_format = known[digest]["file_path"], known[digest]["source_format"]
            elif session_id in facts:
                original, source_format = same[0].file_path, facts[session_id]["source_format"]
                details = {"session_id": session_id, "source_format": source_format}
                self.entries.append(Entry(same[0], digest, "accepted", details=details))
                self.report.accepted += 1
                same = same[1:]
            else:
                refused += [(digest, file) for file in same]
                continue
            details = {"session_id": session_id, "source_format": source_format}
            for file in same:
                sentence = f"Same bytes as {original}."
                self.entries.append(Entry(file, digest, "duplicate", reason=sentence, details=details))
                self.report.duplicates += 1
        refusals = explain_refusals(self.engine, [file for _, file in refused], self.maps)
        for (digest, file), refusal in zip(refused, refusals, strict=True):
            if refusal.code is None:
                reason = "it could not be read at first and could later: the next run takes it"
                self.report.deferred.append(DeferredFile(file.file_path, reason))
            else:
                content = None if refusal.code == "growing" else digest
                self._quarantine(file, content, refusal.code, refusal.reason, refusal.location, refusal.remedy)

    def _quarantine(
        self,
        file: LandedFile,
        digest: str | None,
        code: str | None,
        reason: str | None,
        location: str | None,
        remedy: str | None,
    ) -> None:
        self.entries.append(Entry(file, digest, "quarantined", code, reason, location, remedy))
        self.report.quarantined.append(QuarantinedFile(file.file_path, code or "", reason or "", location, remedy))


def _too_large(file: LandedFile, limit: int) -> tuple[str, str, str, str]:
    reason = f"{file.name} has {file.size_bytes:,} bytes; a session file has at most {limit:,}."
    return "too_large", reason, "file", "Export the sessions one by one."


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


@contextmanager
def _timed(report: IngestReport, stage: str) -> Iterator[None]:
    start = time.perf_counter()
    try:
        yield
    finally:
        report.stage_seconds[stage] = report.stage_seconds.get(stage, 0.0) + time.perf_counter() - start
