"""Questions about a table's commits, by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.tables.contract import TableName
from pipelines.tables.table_log import Commit, log_of

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine

__all__ = [
    "Commit",
    "IncompleteHistoryError",
    "current_version",
    "history",
    "history_until",
    "latest_change",
    "log_state_matches",
]


class IncompleteHistoryError(Exception):
    """A commit that a question needs is no longer in the table's log."""


def current_version(engine: Engine, name: TableName) -> int:
    """The table's newest version.

    Raises:
        IncompleteHistoryError: the table has no log at all.
    """
    version = log_of(engine, name).newest()
    if version is None:
        raise IncompleteHistoryError(f"{name} has no commits: create it before asking for its history.")
    return version


def history(engine: Engine, name: TableName) -> list[Commit]:
    """Every commit that the log still holds, oldest first."""
    return log_of(engine, name).commits()


def history_until(engine: Engine, name: TableName, version: int) -> list[Commit | None]:
    """Every commit from the first one to `version`; one that the log does not hold (any more) is None."""
    held = {commit.version: commit for commit in history(engine, name)}
    return [held.get(each) for each in range(version + 1)]


def latest_change(engine: Engine, name: TableName) -> Commit | None:
    """The newest commit that changed rows; None if the log holds none."""
    return log_of(engine, name).latest_change()


def log_state_matches(engine: Engine, name: TableName, version: int) -> str | None:
    """Why the files that readers see at `version` are not those that its commits name; None if they are."""
    return log_of(engine, name).state_problem(version)
