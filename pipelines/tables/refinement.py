"""Refining one gold table: what is pending, what is ready, and the one attested commit that brings it there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines.tables.arrow_rows import rows_to_frame
from pipelines.tables.attestation import signed
from pipelines.tables.contract import TableContract
from pipelines.tables.contract_guard import ensure_tables, require_contracts
from pipelines.tables.contracts import (
    ANNOTATION_FILES,
    ANNOTATIONS,
    FLIGHT_SAMPLES,
    GOLD_SESSIONS,
    MANEUVERS,
    SAMPLES,
    SESSION_FILES,
    SILVER_SESSIONS,
)
from pipelines.tables.history import current_version
from pipelines.tables.pending import Pending, PendingSession, find_pending
from pipelines.tables.retries import until_committed
from pipelines.tables.selecting import in_list

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from pipelines.engines.engine import Engine


@dataclass
class GoldReport:
    """What one run did to one gold table."""

    table: str
    upload_day: date
    session_ids: list[str] = field(default_factory=list)
    """Sessions that this run refined."""
    removed: list[str] = field(default_factory=list)
    """Sessions that left gold because their files were overwritten by others."""
    deferred: list[str] = field(default_factory=list)
    """Sessions whose annotations changed during the run: the next run refines them."""
    ambiguous: list[str] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    """Annotations that name several sessions, or none; see `pipelines.tables.pending`."""
    row_count: int = 0
    """Rows that the refined sessions have in the table."""
    version: int = 0
    """The table's version after the run."""
    has_changed: bool = False
    """Whether the run made a commit."""


class Refinement:
    """One table's refinement: the table held exclusively, its contract met, and what is pending for the day."""

    def __init__(self, engine: Engine, contract: TableContract, upload_day: date, metadata: str) -> None:
        self.engine = engine
        self.contract = contract
        self.metadata = metadata
        self.report = GoldReport(str(contract.name), upload_day)
        self.pending = Pending()
        self._exclusive = engine.exclusive(contract.name)
        self._ready: list[PendingSession] = []

    def __enter__(self) -> Refinement:
        signed(self.engine, self.contract.name, self.metadata)  # raises before any work if it could not be attested
        ensure_tables(self.engine, SESSION_FILES, SILVER_SESSIONS, SAMPLES, ANNOTATION_FILES, ANNOTATIONS)
        ensure_tables(self.engine, FLIGHT_SAMPLES, GOLD_SESSIONS, self.contract)
        self._exclusive.__enter__()
        try:
            self.before = current_version(self.engine, self.contract.name)
            self.pending = find_pending(self.engine, self.report.upload_day)
        except BaseException:
            self._exclusive.__exit__(None, None, None)
            raise
        self.report.session_ids = [session.session_id for session in self.pending.sessions]
        self.report.removed = sorted(self.pending.superseded)
        self.report.ambiguous = self.pending.ambiguous
        self.report.unmatched = self.pending.unmatched
        return self

    def __exit__(self, *error: Any) -> None:
        try:
            self.report.version = current_version(self.engine, self.contract.name)
            self.report.has_changed = self.report.version > self.before
        finally:
            self._exclusive.__exit__(*error)

    def digests_of_seconds(self) -> dict[str, str]:
        """Source digests of the sessions concerned, as their flight samples hold them."""
        if not self.pending.session_ids:
            return {}
        rows = (
            self._rows_of(FLIGHT_SAMPLES, self.pending.session_ids)
            .select("session_id", "source_digest")
            .distinct()
            .toArrow()
            .to_pylist()
        )
        digests: dict[str, str] = {}
        for row in rows:  # two digests in one session could only be of a writer that is not this one
            digests[row["session_id"]] = "" if row["session_id"] in digests else row["source_digest"]
        return digests

    def ready(self) -> list[PendingSession]:
        """The pending sessions whose flight samples were made from what is pending now; the others are deferred."""
        made = self.digests_of_seconds()
        self._ready = [each for each in self.pending.sessions if made.get(each.session_id) == each.source_digest]
        self._defer_others()
        return self._ready

    def with_current_maneuvers(
        self, sessions: list[PendingSession], expected: Callable[[PendingSession], list[dict[str, Any]]]
    ) -> list[PendingSession]:
        """Those of the sessions whose rows in `main.gold.maneuvers` are the expected ones; the others are deferred."""
        ensure_tables(self.engine, MANEUVERS)
        held = _by_session(
            self._rows_of(MANEUVERS, [session.session_id for session in sessions])
            .select(*MANEUVERS.column_names)
            .toArrow()
            .to_pylist()
        )
        self._ready = [
            each
            for each in sessions
            if sorted(held.get(each.session_id, []), key=lambda row: row["segment"]) == expected(each)
        ]
        self._defer_others()
        return self._ready

    def _defer_others(self) -> None:
        ready = {session.session_id for session in self._ready}
        self.report.session_ids = sorted(ready)
        self.report.deferred = sorted(each.session_id for each in self.pending.sessions if each.session_id not in ready)

    def replace(self, rows: list[dict[str, Any]]) -> None:
        """Make `rows` all that the table holds of the ready and the superseded sessions; no commit if they are."""
        ids = {session.session_id for session in self._ready} | set(self.pending.superseded)
        self.report.row_count = len(rows)
        if not ids:
            return
        key = self.contract.key
        held = self._rows_of(self.contract, sorted(ids)).select(*self.contract.column_names).toArrow().to_pylist()
        wanted = {tuple(row[name] for name in key): row for row in rows}
        if {tuple(row[name] for name in key): row for row in held} == wanted:
            return
        others = [name for name in self.contract.column_names if name not in (*key, *self.contract.partition_by)]
        same = " AND ".join(f"t.{name} <=> s.{name}" for name in others)
        self.merge(lambda: rows_to_frame(self.engine, self.contract, rows), ids, f"NOT ({same})", replaces=bool(held))

    def merge(self, source: Callable[[], DataFrame], ids: set[str], differs: str, *, replaces: bool) -> None:
        """One signed commit that gives these sessions the source's rows."""
        require_contracts(self.engine, self.contract)
        days = in_list("t.upload_day", self.pending.days)
        on = " AND ".join(f"t.{name} = s.{name}" for name in (*self.contract.partition_by, *self.contract.key))
        clauses = "WHEN NOT MATCHED THEN INSERT *"
        if replaces:
            clauses = (
                f"WHEN MATCHED AND {differs} THEN UPDATE SET * {clauses} "
                f"WHEN NOT MATCHED BY SOURCE AND {days} AND {in_list('t.session_id', ids)} THEN DELETE"
            )
        until_committed(
            lambda: self.engine.merge(
                self.contract.name,
                f"{days} AND {on}",
                clauses,
                source(),
                signed(self.engine, self.contract.name, self.metadata),
            )
        )

    def _rows_of(self, contract: TableContract, session_ids: Iterable[str]) -> DataFrame:
        days = in_list("upload_day", self.pending.days)
        return self.engine.table(contract.name).where(f"{days} AND {in_list('session_id', session_ids)}")


def _by_session(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        grouped.setdefault(row["session_id"], []).append(row)
    return grouped
