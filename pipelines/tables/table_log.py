"""What a table's log tells, whichever way leads to it: its commits, its columns, its partitioning.

Where the table is a folder of this machine, its Delta log is read (`folder_log`): Sail's SQL has no statement for
most of this. Elsewhere, on Databricks, SQL is all there is (`sql_log`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from pipelines.tables.contract import TableName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.engines.engine import Engine

_CARRIED_BY_MERGE = re.compile(r"'(\{.*\})' IS NOT NULL\s*\)*\s*$", re.DOTALL)


@dataclass(frozen=True)
class Commit:
    """One version of a table. `metadata` is the text that its writer attached, None if there is none."""

    version: int
    timestamp: datetime
    operation: str
    author: str
    metadata: str | None
    changes_data: bool
    added_files: frozenset[str] | None = None
    removed_files: frozenset[str] | None = None
    """Files that the commit added and removed; None where only SQL leads to the table, which does not tell them."""


@dataclass(frozen=True)
class TableShape:
    """A table as it is: Spark SQL type and nullability by column, in order, and the columns that split its files."""

    columns: dict[str, tuple[str, bool]]
    partition_by: tuple[str, ...]


class TableLog(Protocol):
    """One table's log."""

    def newest(self) -> int | None:
        """The newest version; None if there is no commit at all."""
        ...

    def commits(self) -> list[Commit]:
        """Every commit that the log still holds, oldest first."""
        ...

    def latest_change(self) -> Commit | None:
        """The newest commit that changed rows; None if the log holds none."""
        ...

    def state_problem(self, version: int) -> str | None:
        """Why the files that readers see at `version` are not those that its commits name; None if they are."""
        ...

    def shape(self) -> TableShape:
        """The table's columns and partitioning."""
        ...


def log_of(engine: Engine, name: TableName) -> TableLog:
    """The table's log, by the way that the engine offers."""
    folder = engine.folder(name)
    if folder is None:
        from pipelines.tables.sql_log import SqlLog

        return SqlLog(engine, name)
    from pipelines.tables.folder_log import FolderLog

    return FolderLog(folder)


def author_of(information: Mapping[str, Any]) -> str:
    """Who made a commit, from what its writer noted."""
    engine = information.get("engineInfo") or information.get("clientVersion") or "an unknown writer"
    user = information.get("userName") or information.get("userId")
    return f"{user} with {engine}" if user else str(engine)


def metadata_of(information: Mapping[str, Any]) -> str | None:
    """The text that a commit's writer attached, from what else it noted."""
    if information.get("userMetadata"):
        return str(information["userMetadata"])
    parameters = information.get("operationParameters") or {}
    # Where an engine keeps no user metadata for MERGE, `SailEngine.merge` carries it as a literal of the condition.
    if information.get("operation") == "MERGE":
        match = _CARRIED_BY_MERGE.search(str(parameters.get("mergePredicate", "")))
        if match:
            return match.group(1)
    return None
