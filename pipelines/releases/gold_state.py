"""What became of a gold table's versions: which of them today's rows descend from, and which were undone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.tables.contract import TableName
from pipelines.tables.history import Commit, current_version, history

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine


@dataclass(frozen=True)
class GoldState:
    """One gold table as it is now. `restored` maps the version of each restore to the version that it went back to."""

    current: int
    restored: dict[int, int]

    def vanished(self, version: int) -> bool:
        """Whether the rows of `version` were undone since, or the table never had it (it was made anew)."""
        return version not in self._ancestry()

    def _ancestry(self) -> set[int]:
        found: set[int] = set()
        version = self.current
        while version >= 0:
            found.add(version)
            version = self.restored.get(version, version - 1)
        return found


def gold_state(engine: Engine, tables: Iterable[str]) -> dict[str, GoldState]:
    """The state of these tables, by full name.

    Raises:
        IncompleteHistoryError: a table does not exist.
    """
    states = {}
    for full_name in tables:
        name = TableName.of(full_name)
        current = current_version(engine, name)
        states[full_name] = GoldState(current, restores(history(engine, name)))
    return states


def restores(commits: Sequence[Commit]) -> dict[int, int]:
    """The version that each `RESTORE` went back to: the newest earlier one with the same files.

    Engines record the target in ways of their own, or a time; the files tell it for all of them. Where only SQL leads
    to the table no files are known, so every restore counts as one to nothing known: too many versions are listed
    then, never too few.
    """
    files: set[str] = set()
    seen: list[tuple[int, frozenset[str]]] = []
    found: dict[int, int] = {}
    for commit in commits:
        files = (files - (commit.removed_files or set())) | (commit.added_files or set())
        now = frozenset(files)
        if commit.operation.upper() == "RESTORE":
            # Back to a version whose files are not to be found is back to nothing that we know.
            told = commit.added_files is not None
            found[commit.version] = next((version for version, before in reversed(seen) if told and before == now), -1)
        seen.append((commit.version, now))
    return found
