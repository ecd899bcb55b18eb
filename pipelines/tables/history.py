"""A table's commits, read from its Delta log: what Sail's SQL has no statement for.

On Databricks the same functions would use `DESCRIBE HISTORY`; nothing else in the project reads a log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.tables.contract import TableName

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine

_COMMIT_FILE = re.compile(r"^(\d{20})\.json$")
_CARRIED_BY_MERGE = re.compile(r"'(\{.*\})' IS NOT NULL\s*\)*\s*$", re.DOTALL)


class IncompleteHistoryError(Exception):
    """A commit that a question needs is no longer in the table's log."""


@dataclass(frozen=True)
class Commit:
    """One version of a table. `metadata` is the text that its writer attached, None if there is none."""

    version: int
    timestamp: datetime
    operation: str
    author: str
    metadata: str | None
    changes_data: bool
    added_files: tuple[str, ...]
    removed_files: tuple[str, ...]


def current_version(engine: Engine, name: TableName) -> int:
    """The table's newest version.

    Raises:
        IncompleteHistoryError: the table has no log at all.
    """
    versions = _versions(_log(engine, name))
    if not versions:
        raise IncompleteHistoryError(f"{name} has no commits: create it before asking for its history.")
    return versions[-1]


def history(engine: Engine, name: TableName) -> list[Commit]:
    """Every commit that the log still holds, oldest first."""
    log = _log(engine, name)
    return [read_commit(log, version) for version in _versions(log)]


def commits_since(engine: Engine, name: TableName, version: int) -> list[Commit]:
    """The commits after `version`, oldest first."""
    log = _log(engine, name)
    return [read_commit(log, each) for each in _versions(log) if each > version]


def commit_of(engine: Engine, name: TableName, version: int) -> Commit:
    """One commit.

    Raises:
        IncompleteHistoryError: the log does not hold it (any more).
    """
    log = _log(engine, name)
    if not _commit_path(log, version).exists():
        raise IncompleteHistoryError(f"{name} version {version}: {_commit_path(log, version).name} is not in its log.")
    return read_commit(log, version)


def latest_change(engine: Engine, name: TableName) -> Commit | None:
    """The newest commit that changed rows; None if the log holds none."""
    log = _log(engine, name)
    for version in reversed(_versions(log)):
        commit = read_commit(log, version)
        if commit.changes_data:
            return commit
    return None


def read_commit(log: Path, version: int) -> Commit:
    """The commit in `<log>/<version>.json`."""
    information: dict[str, Any] = {}
    added: list[str] = []
    removed: list[str] = []
    changes_data = False
    path = _commit_path(log, version)
    for action in _actions(path):
        if "commitInfo" in action:
            information = action["commitInfo"]
        for kind, files in (("add", added), ("remove", removed)):
            if kind in action:
                files.append(action[kind]["path"])
                changes_data |= bool(action[kind].get("dataChange", True))
    stamp = information.get("timestamp")
    seconds = stamp / 1000 if isinstance(stamp, int | float) else path.stat().st_mtime
    return Commit(
        version=version,
        timestamp=datetime.fromtimestamp(seconds, UTC),
        operation=str(information.get("operation", "unknown")),
        author=_author(information),
        metadata=_metadata(information),
        changes_data=changes_data,
        added_files=tuple(added),
        removed_files=tuple(removed),
    )


def _log(engine: Engine, name: TableName) -> Path:
    return engine.location(name) / "_delta_log"


def _versions(log: Path) -> list[int]:
    if not log.is_dir():
        return []
    matches = (_COMMIT_FILE.match(path.name) for path in log.iterdir())
    return sorted(int(match.group(1)) for match in matches if match)


def _commit_path(log: Path, version: int) -> Path:
    return log / f"{version:020d}.json"


def _actions(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def _author(information: dict[str, Any]) -> str:
    engine = information.get("engineInfo") or information.get("clientVersion") or "an unknown writer"
    user = information.get("userName") or information.get("userId")
    return f"{user} with {engine}" if user else str(engine)


def _metadata(information: dict[str, Any]) -> str | None:
    if information.get("userMetadata"):
        return str(information["userMetadata"])
    parameters = information.get("operationParameters") or {}
    # Where an engine keeps no user metadata for MERGE, `SailEngine.merge` carries it as a literal of the condition.
    if information.get("operation") == "MERGE":
        match = _CARRIED_BY_MERGE.search(str(parameters.get("mergePredicate", "")))
        if match:
            return match.group(1)
    return None


def log_state_matches(engine: Engine, name: TableName, version: int) -> str | None:
    """Why the files that readers see at `version` are not those that its commits name; None if they are.

    A checkpoint that somebody replaced, or a data file that was cut or swapped for one of another size, shows here.
    """
    from urllib.parse import unquote

    from deltalake import DeltaTable

    location = engine.location(name)
    log = _log(engine, name)
    live: dict[str, int] = {}
    for each in range(version + 1):
        for action in _actions(_commit_path(log, each)):
            if "remove" in action:
                live.pop(action["remove"]["path"], None)
            elif "add" in action:
                live[action["add"]["path"]] = action["add"]["size"]
    committed = {unquote(path): size for path, size in live.items()}
    actions = DeltaTable(str(location), version=version).get_add_actions(flatten=True)
    seen = {unquote(path) for path in actions.column("path").to_pylist()}
    if seen != set(committed):
        return "the files that readers see are not those that its commits name: a checkpoint was replaced."
    for path, size in committed.items():
        file = location / path
        if not file.exists():
            return f"{path} is missing."
        if file.stat().st_size != size:
            return f"{path} has {file.stat().st_size} bytes, its commit wrote {size}."
    return None
