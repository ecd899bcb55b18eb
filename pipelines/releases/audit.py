"""The record of releases as a Delta table: `prod.ops.release_audit`, which is only ever added to.

A move is added by an insert-only `MERGE` on its number. Delta admits one of two that collide, and the other, tried
again, finds the number taken and adds nothing: the table is what makes a move happen once.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipelines.releases.entry import By, Entry
from pipelines.releases.plan import InvalidPlanError, Plan, plan_from_json
from pipelines.releases.record import Record
from pipelines.tables.arrow_rows import rows_to_frame
from pipelines.tables.contract import TableContract
from pipelines.tables.contract_guard import ensure_tables
from pipelines.tables.contracts.operations import RELEASE_AUDIT
from pipelines.tables.reading import rows_where
from pipelines.tables.retries import until_committed

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine


class UnreadableAuditError(Exception):
    """A row of the audit that no release can have written; the message names the row."""


class AuditTable:
    """The record, kept in the engine's tables; the table is created at the first use."""

    def __init__(self, engine: Engine, contract: TableContract = RELEASE_AUDIT) -> None:
        self.engine = engine
        self.contract = contract

    def read(self) -> Record:
        """Every entry.

        Raises:
            ContractViolationError: the table is not what its contract says. UnreadableAuditError: a row is not.
        """
        ensure_tables(self.engine, self.contract)
        rows = rows_where(self.engine, self.contract, "true", self.contract.column_names)
        return Record.of(_entry(row) for row in rows.to_pylist())

    def write(self, entries: Sequence[Entry]) -> bool:
        """Add the entries of one move in one commit, all or none; False if its number is taken.

        Raises:
            ValueError: the entries are of several moves.
        """
        moves = {(entry.sequence, entry.move_id) for entry in entries}
        if len(moves) != 1:
            raise ValueError(f"{self.contract.name}: entries of {len(moves)} moves cannot be one commit.")
        ensure_tables(self.engine, self.contract)
        [(sequence, move_id)] = moves
        until_committed(lambda: self._insert(entries))
        mine = self.engine.table(self.contract.name).where(f"sequence = {int(sequence)}").select("move_id").toArrow()
        return mine.column("move_id").to_pylist() == [move_id] * len(entries)

    def _insert(self, entries: Sequence[Entry]) -> None:
        self.engine.merge(
            self.contract.name,
            # The constant lets an engine see that rows of other moves do not matter.
            f"t.sequence = s.sequence AND t.sequence = {int(entries[0].sequence)}",
            "WHEN NOT MATCHED THEN INSERT *",
            rows_to_frame(self.engine, self.contract, [_row(entry) for entry in entries]),
        )


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "sequence": entry.sequence,
        "move_id": entry.move_id,
        "transition": entry.transition,
        "model": entry.model,
        "release": entry.release,
        "revision": entry.revision,
        "actor": entry.by.actor,
        "reason": entry.by.reason,
        "plan_before": entry.before.to_json() if entry.before else None,
        "plan_after": entry.after.to_json() if entry.after else None,
        "evidence": json.dumps(_finite(entry.evidence), sort_keys=True, default=str),
        "recorded_at": entry.recorded_at,
    }


def _finite(value: Any) -> Any:
    """The same with null for numbers that JSON does not have, such as a metric that was not measured."""
    if isinstance(value, Mapping):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _entry(row: Mapping[str, Any]) -> Entry:
    try:
        stamp: datetime = row["recorded_at"]
        return Entry(
            sequence=row["sequence"],
            move_id=row["move_id"],
            transition=row["transition"],
            model=row["model"],
            release=row["release"],
            revision=row["revision"],
            by=By(row["actor"], row["reason"]),
            before=_plan(row["plan_before"]),
            after=_plan(row["plan_after"]),
            recorded_at=(stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).astimezone(UTC),
            evidence=json.loads(row["evidence"]),
        )
    except (InvalidPlanError, ValueError) as error:
        raise UnreadableAuditError(
            f"{RELEASE_AUDIT.name}: move {row['sequence']} of {row['model']} ({row['transition']}) cannot be read: "
            f"{error} Find the commit that wrote it (pipelines.releases.audit_findings) and restore the table."
        ) from error


def _plan(text: str | None) -> Plan | None:
    return None if text is None else plan_from_json(text)
