"""The landing zone: a folder of uploads, `<kind>/<upload day>/...`, written atomically and listed cheaply.

A name that begins with a dot is not (yet) an upload: a file being copied carries one until it is whole.
"""

from __future__ import annotations

import contextlib
import filecmp
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Literal
from uuid import uuid4

from pipelines.tables.landed_files import list_landed

Kind = Literal["sessions", "annotations"]


@dataclass(frozen=True)
class DayListing:
    """The uploads of one kind and day, without their contents."""

    file_count: int
    byte_count: int
    newest_modification_s: float
    """Latest modification time, seconds since the epoch."""
    digest: str
    """Changes when a file comes, goes, grows or is overwritten."""


def list_day(landing: Path, kind: Kind, day: date) -> DayListing:
    """What has been uploaded on that day."""
    files = list_landed(landing / kind, day)
    digest = sha256()
    for file in files:
        digest.update(f"{file.file_path}\0{file.file_version}\n".encode())
    return DayListing(
        file_count=len(files),
        byte_count=sum(file.size_bytes for file in files),
        newest_modification_s=max((int(file.file_version.split("-")[0]) for file in files), default=0) / 1e9,
        digest=f"{len(files)}-{digest.hexdigest()[:16]}",
    )


def top_entries(landing: Path, kind: Kind) -> list[str]:
    """Names of what lies directly in the kind's folder, which should be upload days; none if it is absent."""
    return sorted(entry.name for entry in _entries(landing / kind))


def uploads_by_name(landing: Path, kind: Kind) -> dict[str, list[Path]]:
    """Every upload of that kind, by file name."""
    names: dict[str, list[Path]] = {}
    for folder, _, files in os.walk(landing / kind):
        for name in files:
            names.setdefault(name, []).append(Path(folder, name))
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
