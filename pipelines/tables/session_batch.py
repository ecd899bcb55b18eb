"""One batch of session files, from their bytes to silver and the ledger."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pipelines.tables.arrow_rows import rows_to_arrow
from pipelines.tables.contracts import SAMPLES, SESSION_FILES, SILVER_SESSIONS
from pipelines.tables.digests import Digested, digest_files
from pipelines.tables.history import current_version
from pipelines.tables.ingest_report import DeferredFile, IngestReport, QuarantinedFile, timed
from pipelines.tables.interrupted import ledger_metadata, samples_metadata
from pipelines.tables.landed_files import LandedFile
from pipelines.tables.ledger import Entry, accepted_files, record
from pipelines.tables.reader_trial import ParsingNote, deadly_files
from pipelines.tables.retries import until_committed
from pipelines.tables.session_parsing import SessionFile, append_samples, explain_refusals, growing

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine


class SessionBatch:
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
        self.by_digest: dict[str, list[LandedFile]] = {}
        self.note = ParsingNote(engine, upload_day)

    def digest(self, files: list[LandedFile]) -> None:
        """Take the files' digests, which needs no table yet; what cannot be read is entered or deferred here."""
        from pipelines.flight.formats.limits import MAX_STORED_BYTES

        readable = [file for file in files if file.size_bytes <= MAX_STORED_BYTES]
        for file in files:
            if file.size_bytes > MAX_STORED_BYTES:
                self._quarantine(file, None, *_too_large(file, MAX_STORED_BYTES))
        for each in digest_files(self.engine, readable):
            self._sort_in(each)

    def ingest(self, samples_batch: str | None) -> str | None:
        """Ingest the digested files; returns the id of the last batch of samples that the ledger now vouches for."""
        by_digest = self.by_digest
        with timed(self.report, "digests"):
            known = accepted_files(self.engine, SESSION_FILES, set(by_digest))
        first = {digest: same[0] for digest, same in by_digest.items() if digest not in known}
        self._set_deadly_aside(first, by_digest)
        facts: dict[str, dict[str, Any]] = {}
        if first:
            batch_id = uuid4().hex
            with timed(self.report, "samples"):
                sessions = [SessionFile(digest[:16], file) for digest, file in first.items()]
                metadata = samples_metadata(batch_id, self.upload_day)
                before = current_version(self.engine, SAMPLES.name)
                self.note.write(set(first))
                reports = append_samples(self.engine, sessions, self.upload_day, self.maps, metadata)
                self.note.remove()
                if current_version(self.engine, SAMPLES.name) > before:
                    samples_batch = batch_id
            with timed(self.report, "sessions"):
                facts = self._write_sessions(reports)
        with timed(self.report, "ledger"):
            self._settle(by_digest, known, facts)
            if self.entries:
                vouched = ledger_metadata(samples_batch)
                until_committed(
                    lambda: record(self.engine, SESSION_FILES, self.upload_day, self.entries, self.run_id, vouched)
                )
        self.report.session_ids += sorted(facts)
        self.report.row_count += sum(fact["sample_count"] for fact in facts.values())
        return samples_batch

    def _set_deadly_aside(self, first: dict[str, LandedFile], by_digest: dict[str, list[LandedFile]]) -> None:
        """Quarantine the files that killed the run before this one; see `pipelines.tables.reader_trial`."""
        suspects = {digest: first[digest] for digest in self.note.left_behind() & set(first)}
        if not suspects:
            return
        with timed(self.report, "trial"):
            deadly = deadly_files(dict(sorted(suspects.items())), self.maps)
        for digest, refusal in deadly.items():
            del first[digest]
            for file in by_digest.pop(digest):
                self._quarantine(file, digest, refusal.code, refusal.reason, refusal.location, refusal.remedy)

    def _sort_in(self, each: Digested) -> None:
        """Add the file to those of its digest, which are by path."""
        if each.is_growing:
            refusal = growing(each.file)
            self._quarantine(each.file, None, refusal.code, refusal.reason, refusal.location, refusal.remedy)
        elif each.digest is None:
            self.report.deferred.append(DeferredFile(each.file.file_path, each.failure or "not readable"))
        else:
            self.by_digest.setdefault(each.digest, []).append(each.file)

    def _write_sessions(self, reports: dict[str, str]) -> dict[str, dict[str, Any]]:
        """Write `main.silver.sessions` from the reports that stand with the samples; facts by session id."""
        facts: dict[str, dict[str, Any]] = {session_id: json.loads(report) for session_id, report in reports.items()}
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
                f"t.upload_day = DATE'{self.upload_day.isoformat()}' AND t.session_id = s.session_id",
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
