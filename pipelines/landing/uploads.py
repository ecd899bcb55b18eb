"""What a folder and a bucket have in common: the uploads of one kind, listed, read as listed, and added to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

_UNFINISHED = (".tmp", ".part")


class FileChangedError(Exception):
    """A file is no longer what it was when the landing zone was listed: somebody wrote it again, or still does."""


class LandingUnavailableError(Exception):
    """The landing zone as a whole cannot be used: unreachable, refused, or too busy. No file's fault.

    Not an OSError, which would be taken as one file's own trouble and leave that file to the next run.
    """


@dataclass(frozen=True)
class LandedFile:
    """One version of one file below `<landing>/<kind>`."""

    file_path: str
    """Path below the kind's folder, as the ledger holds it; bytes that are not UTF-8 appear as \\xNN."""
    file_version: str
    """`<modification time in ns>-<size>`, for an object in S3 with `-<ETag>`: differs once it is written again."""
    size_bytes: int
    address: str
    """Where to open it: a path, which may hold surrogate escapes for bytes that are not UTF-8, or `s3://...`."""

    @property
    def name(self) -> str:
        """The file's name without folders."""
        return self.file_path.rsplit("/", 1)[-1]

    @property
    def modified_ns(self) -> int:
        """Modification time, nanoseconds since the epoch; negative before it, as some clocks and programs have it."""
        return written_ns(self.file_version)


@dataclass(frozen=True)
class Page:
    """A part of a listing."""

    files: list[LandedFile]
    last: str | None
    """Where the next page begins; None if this is the last one."""


class Uploads(Protocol):
    """The uploads of one kind: everything below `<landing>/<kind>`.

    Every method raises LandingUnavailableError if a bucket cannot be used, and OSError if a folder cannot.
    """

    pages_per_tick: int
    """How many pages the landing sensor may read at a tick, of recent days and of older ones each."""

    def entries(self) -> list[str]:
        """Names of what lies directly here, which should be upload days; none if there is nothing."""
        ...

    def pages(self, entry: str, after: str | None = None) -> Iterator[Page]:
        """The files of that entry, which is a day, whole uploads only, from `after` (a page's `last`) on."""
        ...

    def files(self) -> Iterator[LandedFile]:
        """Every whole upload, whatever its entry."""
        ...

    def read(self, file: LandedFile) -> bytes:
        """The file's bytes, all of the version that was listed.

        Raises:
            FileChangedError: the file is another version now.
            OSError: this file cannot be read: it is gone, or its own permissions or state forbid it.
        """
        ...

    def holds(self, file: LandedFile, source: Path) -> bool:
        """Whether the file has the same bytes as that local one; False if it is gone."""
        ...

    def add(self, source: Path, file_path: str) -> LandedFile | None:
        """Put a copy of a local file there, whole or not at all; None if the path is taken, which then stays."""
        ...


def written_ns(file_version: str) -> int:
    """The modification time that a file's version begins with, nanoseconds since the epoch."""
    before_1970 = file_version.startswith("-")
    number = int(file_version.removeprefix("-").split("-", 1)[0])
    return -number if before_1970 else number


def is_unfinished(name: str) -> bool:
    """Whether a name says that its upload is not whole yet; so does the name of any folder on the way to it."""
    return name.startswith(".") or name.lower().endswith(_UNFINISHED)
