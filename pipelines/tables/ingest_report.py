"""What one run of an ingestion did, as plain values for logs, metadata and checks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True)
class QuarantinedFile:
    """A file that was put aside, and what its sender can do."""

    file_path: str
    reason_code: str
    reason: str
    location: str | None
    remedy: str | None


@dataclass(frozen=True)
class DeferredFile:
    """A file that this run could not read, for a reason outside of it; the next run tries again."""

    file_path: str
    reason: str


@dataclass
class IngestReport:
    """What one run of an ingestion did with one upload day."""

    upload_day: date
    listed: int = 0
    """Files in the day's folder."""
    known: int = 0
    """Files that earlier runs have dealt with."""
    accepted: int = 0
    duplicates: int = 0
    quarantined: list[QuarantinedFile] = field(default_factory=list)
    deferred: list[DeferredFile] = field(default_factory=list)
    session_ids: list[str] = field(default_factory=list)
    """Sessions that are new in silver."""
    row_count: int = 0
    """Rows written to silver: samples, or annotations."""
    recovered: list[str] = field(default_factory=list)
    """Sessions of an interrupted earlier run that were taken back before this one began."""
    table_versions: dict[str, int] = field(default_factory=dict)
    """Version of every table after the run."""
    stage_seconds: dict[str, float] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """New files by what became of them."""
        return {
            "accepted": self.accepted,
            "duplicate": self.duplicates,
            "quarantined": len(self.quarantined),
            "deferred": len(self.deferred),
        }

    @property
    def quarantine_reasons(self) -> dict[str, int]:
        """Number of newly quarantined files by reason code."""
        codes = [file.reason_code for file in self.quarantined]
        return {code: codes.count(code) for code in sorted(set(codes))}


@contextmanager
def timed(report: IngestReport, stage: str) -> Iterator[None]:
    """Add the time that the block takes to the report's stage."""
    start = time.perf_counter()
    try:
        yield
    finally:
        report.stage_seconds[stage] = report.stage_seconds.get(stage, 0.0) + time.perf_counter() - start
