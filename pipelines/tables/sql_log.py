"""A table's log as SQL tells it, where the table is no folder of this machine: on Databricks.

Limits: SQL shows which operation a commit was and how many files it touched, not which files. So whether a commit
changed rows is judged by those, on the safe side: what is not known to leave rows alone counts as a change. And
files that were exchanged behind the log cannot be noticed; on Databricks only Unity Catalog's own writers reach the
storage of a managed table.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Any

from pipelines.tables.contract import TableName
from pipelines.tables.table_log import Commit, TableShape, author_of, metadata_of

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine

_LEAVE_ROWS_ALONE = frozenset(
    {
        "CREATE TABLE", "SET TBLPROPERTIES", "UNSET TBLPROPERTIES", "ADD CONSTRAINT", "DROP CONSTRAINT",
        "ADD COLUMNS", "CHANGE COLUMN", "UPDATE COLUMN METADATA", "SET TABLE COMMENT", "UPGRADE PROTOCOL",
        "ADD FEATURE", "OPTIMIZE", "VACUUM START", "VACUUM END", "CLUSTER BY", "COMPUTE STATS", "ANALYZE TABLE",
    }
)  # fmt: skip
_RECENT = 20
"""Commits among which the latest change is looked for first."""


class SqlLog:
    """The log of a table that only its name leads to."""

    def __init__(self, engine: Engine, name: TableName) -> None:
        self._engine, self._name = engine, name

    def newest(self) -> int | None:
        return max((commit.version for commit in self._described("LIMIT 1")), default=None)

    def commits(self) -> list[Commit]:
        return sorted(self._described(""), key=lambda commit: commit.version)

    def latest_change(self) -> Commit | None:
        for limit in (f"LIMIT {_RECENT}", ""):
            changes = [commit for commit in self._described(limit) if commit.changes_data]
            if changes:
                return max(changes, key=lambda commit: commit.version)
        return None

    def state_problem(self, version: int) -> str | None:
        """Always None: see the limits of this module."""
        del version
        return None

    def shape(self) -> TableShape:
        self._engine.refresh(self._name)
        schema = self._engine.spark.table(str(self._name)).schema
        [detail] = self._engine.spark.sql(f"DESCRIBE DETAIL {self._name}").select("partitionColumns").collect()
        return TableShape(
            {field.name: (field.dataType.simpleString().upper(), field.nullable) for field in schema.fields},
            tuple(detail["partitionColumns"]),
        )

    def _described(self, limit: str) -> list[Commit]:
        if not self._engine.exists(self._name):
            return []
        self._engine.refresh(self._name)
        rows = self._engine.spark.sql(f"DESCRIBE HISTORY {self._name} {limit}").collect()
        return [_commit(row.asDict(recursive=True)) for row in rows]


def _commit(row: Mapping[str, Any]) -> Commit:
    return Commit(
        version=row["version"],
        timestamp=row["timestamp"].astimezone(UTC),
        operation=row["operation"],
        author=author_of(row),
        metadata=metadata_of(row),
        changes_data=_changes_data(row["operation"], row["operationMetrics"] or {}),
    )


def _changes_data(operation: str, metrics: Mapping[str, str]) -> bool:
    """Whether the commit changed rows: unless its operation never does, or it says that it touched no file."""
    if operation in _LEAVE_ROWS_ALONE:
        return False
    touched = [int(value) for name, value in metrics.items() if name.startswith("num") and _counts_files(name)]
    return not touched or any(touched)


def _counts_files(metric: str) -> bool:
    return "Files" in metric or "DeletionVectors" in metric
