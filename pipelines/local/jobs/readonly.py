"""Tables that a task may only read, where no mount can protect them: it is given a copy of its own.

A Delta table's files never change once written, so the copy is hard links, made when the task first asks the catalog
for the table and brought up to date whenever it asks again. What the task writes ends in the copy; the table itself is
never touched. A commit found in the copy that is not the table's own fails the run.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from pipelines.local.catalog.metastore import local_path
from pipelines.local.identity import Principal
from pipelines.local.store import Document
from pipelines.local.workspace import Workspace


class UnauthorizedWriteError(Exception):
    """A task wrote to a table that its principal may only read."""


class ReadOnlyCopies:
    """The copies of one task. In a mount namespace none are needed: the kernel refuses the write."""

    def __init__(self, workspace: Workspace, principal: Principal, folder: Path, isolation: str) -> None:
        self._workspace = workspace
        self._principal = principal
        self._folder = folder / "tables"
        self._needed = isolation != "namespace"
        self._copied: dict[str, Path] = {}

    def location_for(self, table: Document) -> str:
        """Where the task finds the table."""
        name = table["full_name"]
        privileges = self._workspace.metastore.privileges
        if not self._needed or privileges.may(self._principal, self._workspace.name, "MODIFY", "table", name):
            return table["storage_location"]
        source = local_path(table["storage_location"])
        copy = self._folder / name
        _link(source, copy)
        self._copied[name] = source
        return f"file://{copy}"

    def verify(self) -> None:
        """Make sure that the task has only read.

        Raises:
            UnauthorizedWriteError: it has written; names the table. Nothing of it is in the table.
        """
        try:
            for name, source in self._copied.items():
                if _foreign_commits(source, self._folder / name):
                    raise UnauthorizedWriteError(
                        f"PERMISSION_DENIED: User does not have MODIFY on Table '{name}'. "
                        "The commit was not taken over into the table."
                    )
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)


def _link(source: Path, copy: Path) -> None:
    # Files before the log entries that name them, so that the copy is a valid table at any moment.
    for folder, log in ((source, False), (source / "_delta_log", True)):
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(source)
            if path.is_dir() or (inside.parts[0] == "_delta_log") != log:
                continue
            target = copy / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError, FileNotFoundError):
                if path.name == "_last_checkpoint" or source.stat().st_dev != copy.stat().st_dev:
                    shutil.copyfile(path, target)
                else:
                    os.link(path, target)


def _foreign_commits(source: Path, copy: Path) -> list[str]:
    found = []
    for commit in (copy / "_delta_log").glob("*.json"):
        original = source / "_delta_log" / commit.name
        if not original.exists() or original.read_bytes() != commit.read_bytes():
            found.append(commit.name)
    return found
