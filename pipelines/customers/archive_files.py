"""A customer's files: walked without following links, copied with their digests, removed."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from pipelines.customers.archive_manifest import FILES, ArchivedFile, chunks_of, digest_of
from pipelines.landing.folder import file_version

_LOOKS = 5
"""How often a folder that is to be emptied is looked at: others may write while it is."""


class ChangedMeanwhileError(Exception):
    """Something of the customer changed while it was archived, or since; the message says what, and to go again."""


@dataclass(frozen=True)
class FoundFile:
    """A file of the customer, with its version: it changes whenever the file is written."""

    path: str
    version: str


def walk(files: Path) -> tuple[list[FoundFile], list[str]]:
    """All files below the folder by path, unfinished uploads too, and what is left out: links, pipes and the like."""
    found: list[FoundFile] = []
    left_out: list[str] = []
    for path, entry in _below(files, ""):
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(status.st_mode):
            found.append(FoundFile(path, file_version(status)))
        else:
            left_out.append(as_text(path))
    return sorted(found, key=lambda each: each.path), sorted(left_out)


def copy_listed(files: Path, found: FoundFile, archive: Path) -> ArchivedFile:
    """Copy a file of the customer into the archive, as it was found.

    Raises:
        ChangedMeanwhileError: the file changed since it was found, or is gone.
    """
    source = files / found.path
    try:
        archived = copied(source, archive, f"{FILES}/{found.path}", found.version)
        status = source.lstat()
    except FileNotFoundError as error:
        raise ChangedMeanwhileError(f"{as_text(found.path)} is gone: archive again.") from error
    if file_version(status) != found.version:
        raise ChangedMeanwhileError(f"{as_text(found.path)} changed while it was archived: archive again.")
    return archived


def copied(source: Path, archive: Path, path: str, version: str = "") -> ArchivedFile:
    """Copy a file to that path of the archive, unless it is there already from an attempt that was cut off."""
    target = archive / path
    size, digest = digest_of(source)
    if not target.is_file() or digest_of(target) != (size, digest):
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f".{uuid4().hex}.part")
        try:
            with unfinished.open("xb") as opened:
                for chunk in chunks_of(source):
                    opened.write(chunk)
                opened.flush()
                os.fsync(opened.fileno())
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
    return ArchivedFile(path, size, digest, version)


def remove_below(files: Path) -> int:
    """Empty the folder, which may be a volume's; the number of files. Links go, what they lead to stays.

    Its folders go out of sight whole before they are emptied: whoever answers requests would take one for new whose
    answer is gone already. What was being written in that moment is removed by another look.
    """
    count = len(walk(files)[0])
    for left in reversed(range(_LOOKS)):
        entries = list(os.scandir(files)) if files.is_dir() else []
        if not entries:
            break
        for entry in entries:
            try:
                _remove(entry)
            except OSError as error:
                if error.errno != errno.ENOTEMPTY or not left:
                    raise
    return count


def _remove(entry: os.DirEntry[str]) -> None:
    if entry.is_dir(follow_symlinks=False):
        _remove_folder(Path(entry.path))
    else:
        Path(entry.path).unlink(missing_ok=True)


def _remove_folder(folder: Path) -> None:
    aside = folder.with_name(f".{uuid4().hex}.removed")
    try:
        folder.rename(aside)
    except OSError:  # some storage can rename no folder
        aside = folder
    shutil.rmtree(aside)


def _below(folder: Path, path: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        inner = f"{path}/{entry.name}" if path else entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _below(Path(entry.path), inner)
        else:
            yield inner, entry


def as_text(path: str) -> str:
    """The path for a message: bytes of a name that are no text are written out."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
