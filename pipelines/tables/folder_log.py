"""A table's log as files of this machine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.tables.table_log import Commit, TableShape, author_of, metadata_of

_COMMIT_FILE = re.compile(r"^(\d{20})\.json$")
_SPARK_TYPES = {"long": "BIGINT", "integer": "INT"}
"""What Delta's log calls otherwise than Spark SQL."""


class FolderLog:
    """The Delta log in a table's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "_delta_log"

    def newest(self) -> int | None:
        return max(self._versions(), default=None)

    def commits(self) -> list[Commit]:
        return [self._commit(version) for version in self._versions()]

    def latest_change(self) -> Commit | None:
        commits = (self._commit(version) for version in reversed(self._versions()))
        return next((commit for commit in commits if commit.changes_data), None)

    def state_problem(self, version: int) -> str | None:
        """A checkpoint that somebody replaced, or a data file that was cut or swapped for one of another size."""
        from urllib.parse import unquote

        from deltalake import DeltaTable

        live: dict[str, int] = {}
        for each in range(version + 1):
            for action in _actions(self._path(each)):
                if "remove" in action:
                    live.pop(action["remove"]["path"], None)
                elif "add" in action:
                    live[action["add"]["path"]] = action["add"]["size"]
        committed = {unquote(path): size for path, size in live.items()}
        actions = DeltaTable(str(self._folder), version=version).get_add_actions(flatten=True)
        seen = {unquote(path) for path in actions.column("path").to_pylist()}
        if seen != set(committed):
            return "the files that readers see are not those that its commits name: a checkpoint was replaced."
        for path, size in committed.items():
            file = self._folder / path
            if not file.exists():
                return f"{path} is missing."
            if file.stat().st_size != size:
                return f"{path} has {file.stat().st_size} bytes, its commit wrote {size}."
        return None

    def shape(self) -> TableShape:
        from deltalake import DeltaTable

        table = DeltaTable(str(self._folder))
        fields = json.loads(table.schema().to_json())["fields"]
        return TableShape(
            {field["name"]: (_spark_type(field["type"]), field["nullable"]) for field in fields},
            tuple(table.metadata().partition_columns),
        )

    def _versions(self) -> list[int]:
        if not self._log.is_dir():
            return []
        matches = (_COMMIT_FILE.match(path.name) for path in self._log.iterdir())
        return sorted(int(match.group(1)) for match in matches if match)

    def _path(self, version: int) -> Path:
        return self._log / f"{version:020d}.json"

    def _commit(self, version: int) -> Commit:
        information: dict[str, Any] = {}
        changes_data = False
        files: dict[str, set[str]] = {"add": set(), "remove": set()}
        path = self._path(version)
        for action in _actions(path):
            if "commitInfo" in action:
                information = action["commitInfo"]
            for kind, paths in files.items():
                if kind in action:
                    paths.add(action[kind]["path"])
                    changes_data |= bool(action[kind].get("dataChange", True))
        stamp = information.get("timestamp")
        seconds = stamp / 1000 if isinstance(stamp, int | float) else path.stat().st_mtime
        return Commit(
            version=version,
            timestamp=datetime.fromtimestamp(seconds, UTC),
            operation=str(information.get("operation", "unknown")),
            author=author_of(information),
            metadata=metadata_of(information),
            changes_data=changes_data,
            added_files=frozenset(files["add"]),
            removed_files=frozenset(files["remove"]),
        )


def _actions(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def _spark_type(delta_type: Any) -> str:
    if isinstance(delta_type, dict):
        if delta_type["type"] == "array":
            return f"ARRAY<{_spark_type(delta_type['elementType'])}>"
        return str(delta_type["type"]).upper()
    return _SPARK_TYPES.get(delta_type, str(delta_type).upper())
