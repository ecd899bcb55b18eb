"""The files of one upload day in the landing zone: listed cheaply, and read only as what was listed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

_UNFINISHED = (".tmp", ".part")


class FileChangedError(Exception):
    """A file is no longer what it was when the folder was listed: somebody is still writing it."""


@dataclass(frozen=True)
class LandedFile:
    """One version of one file below `<landing>/<kind>`."""

    file_path: str
    """Path below the kind's folder, as the ledger holds it; bytes that are not UTF-8 appear as \\xNN."""
    file_version: str
    """`<modification time in ns>-<size>`: differs whenever the file has been written again."""
    size_bytes: int
    address: str
    """Where to open it; may hold surrogate escapes for bytes that are not UTF-8."""

    @property
    def name(self) -> str:
        """The file's name without folders."""
        return self.file_path.rsplit("/", 1)[-1]


def list_landed(kind_folder: Path, upload_day: date) -> list[LandedFile]:
    """The files of that day, by path; an absent folder is empty.

    Left out: names that begin with a dot or end in `.tmp` or `.part` (uploads that are not whole yet), and
    symbolic links, which could lead out of the day's folder, unless they lead to a file within it.
    Object stores would replace this one function.
    """
    root = kind_folder / upload_day.isoformat()
    found = [_landed(path, entry) for path, entry in _files_below(str(root), root.name, os.path.realpath(root))]
    return sorted(found, key=lambda file: file.file_path)


def read_as_listed(file: LandedFile) -> bytes:
    """The file's bytes, all of one version.

    Raises:
        FileChangedError: the file's size or modification time is not the listed one, before or after reading.
    """
    with Path(file.address).open("rb") as stream:
        if _version(os.fstat(stream.fileno())) != file.file_version:
            raise FileChangedError(file.file_path)
        content = stream.read()
        if _version(os.fstat(stream.fileno())) != file.file_version or len(content) != file.size_bytes:
            raise FileChangedError(file.file_path)
    return content


def _landed(path: str, entry: os.DirEntry[str]) -> LandedFile:
    status = entry.stat()
    if not path.isascii():  # it may hold surrogate escapes, which no table could
        path = os.fsencode(path).decode("utf-8", "backslashreplace")
    return LandedFile(path, _version(status), status.st_size, entry.path)


def _version(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns}-{status.st_size}"


def _files_below(folder: str, path: str, real_root: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """The files below a folder, each with its path below the kind's folder."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        name = entry.name
        if name.startswith(".") or name.lower().endswith(_UNFINISHED):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files_below(entry.path, f"{path}/{name}", real_root)
        elif entry.is_file() and (
            not entry.is_symlink() or os.path.realpath(entry.path).startswith(real_root + os.sep)
        ):
            yield f"{path}/{name}", entry
