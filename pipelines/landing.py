"""The landing zone: a folder of uploads, `<kind>/<upload day>/...`, written atomically and listed cheaply.

A name that begins with a dot is not (yet) an upload: a file being copied carries one until it is whole.
"""

from __future__ import annotations

import contextlib
import filecmp
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Literal
from uuid import uuid4

Kind = Literal["sessions", "annotations"]


@dataclass
class DayListing:
    """The uploads of one kind and day, without their contents."""

    file_count: int = 0
    byte_count: int = 0
    newest_modification_s: float = 0.0
    """Latest modification time, seconds since the epoch."""
    _digest: int = field(default=0, repr=False)

    def add(self, path: str, status: os.stat_result) -> None:
        """Count one file; the order of adding does not matter."""
        self.file_count += 1
        self.byte_count += status.st_size
        self.newest_modification_s = max(self.newest_modification_s, status.st_mtime)
        line = f"{path}\0{status.st_size}\0{status.st_mtime_ns}".encode("utf-8", "surrogateescape")
        self._digest ^= int.from_bytes(sha256(line).digest()[:8], "big")

    @property
    def digest(self) -> str:
        """Changes when a file comes, goes, grows or is overwritten."""
        return f"{self.file_count}-{self._digest:016x}"


def list_days(landing: Path, kind: Kind) -> dict[str, DayListing]:
    """What lies in the landing zone, by the name of the day's folder, whether or not that is a date.

    Files beside the folders of days are listed under the empty name. An absent folder is empty.
    """
    root = landing / kind
    days: dict[str, DayListing] = {}
    for entry in _entries(root):
        if entry.is_dir():
            listing = days.setdefault(entry.name, DayListing())
            for file in _files_below(Path(entry.path)):
                listing.add(os.path.relpath(file.path, root), file.stat())
        else:
            days.setdefault("", DayListing()).add(entry.name, entry.stat())
    return {name: listing for name, listing in days.items() if listing.file_count}


def uploads_by_name(landing: Path, kind: Kind) -> dict[str, list[Path]]:
    """Every upload of that kind, by file name."""
    names: dict[str, list[Path]] = {}
    for day in _entries(landing / kind):
        for file in _files_below(Path(day.path)) if day.is_dir() else (day,):
            names.setdefault(file.name, []).append(Path(file.path))
    return names


def place(source: Path, landing: Path, kind: Kind, day: date, known: dict[str, list[Path]]) -> Path | None:
    """Copy a file into the landing zone, whole or not at all, and note it in `known` (`uploads_by_name`).

    Returns where it lies now, or None when the same bytes are there under the same name already, on
    whatever day. A different file of that name stays as it is: the new one gets a number.
    """
    name = source.name.lstrip(".") or "unnamed"
    if any(filecmp.cmp(source, file, shallow=False) for file in known.get(name, ())):
        return None
    folder = landing / kind / day.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{name}.{uuid4().hex[:8]}.part"
    try:
        with source.open("rb") as reader, unfinished.open("xb") as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)
            writer.flush()
            os.fsync(writer.fileno())
        target, number = folder / name, 1
        while not _moved(unfinished, target):
            number += 1
            target = folder / f"{Path(name).stem}-{number}{Path(name).suffix}"
    finally:
        unfinished.unlink(missing_ok=True)
    known.setdefault(name, []).append(target)
    return target


def _moved(unfinished: Path, target: Path) -> bool:
    try:
        os.link(unfinished, target)  # unlike a rename, this never replaces a file
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        if target.exists():
            return False
        unfinished.replace(target)
    return True


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        yield from (entry for entry in entries if not entry.name.startswith("."))


def _files_below(folder: Path) -> Iterator[os.DirEntry[str]]:
    for entry in _entries(folder):
        if entry.is_dir():
            yield from _files_below(Path(entry.path))
        elif entry.is_file():
            yield entry
