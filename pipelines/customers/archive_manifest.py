"""What an archive holds, digest by digest: `manifest.json`, which is written last and makes the archive complete."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

MANIFEST = "manifest.json"
TABLES, FILES = "tables", "files"
_AT_ONCE = 1 << 20


class BrokenArchiveError(Exception):
    """An archive is not, or no longer, what its manifest says; the message names the file and what to do."""


@dataclass(frozen=True)
class ArchivedFile:
    """A file of the archive. `source_version` is what the customer's file was when it was copied; empty for tables'."""

    path: str
    size_bytes: int
    sha256: str
    source_version: str = ""


@dataclass(frozen=True)
class ArchivedTable:
    """A table as it was archived: Delta version, number of rows, and a digest of all rows in any order."""

    name: str
    version: int
    row_count: int
    rows_digest: str


@dataclass(frozen=True)
class Manifest:
    """Everything in an archive. `left_out` are links and other things that are no files of the customer."""

    customer: str
    name: str
    tables: tuple[ArchivedTable, ...]
    files: tuple[ArchivedFile, ...]
    left_out: tuple[str, ...]

    def to_json(self) -> str:
        """The manifest as a JSON text that `manifest_of` reads back."""
        return json.dumps(asdict(self), indent=1, sort_keys=True)


def manifest_of(archive: Path) -> Manifest | None:
    """The manifest of a complete archive; None if the archive is not complete.

    Raises:
        BrokenArchiveError: the manifest cannot be read.
    """
    try:
        raw = json.loads((archive / MANIFEST).read_text(encoding="utf-8"))
        return Manifest(
            raw["customer"],
            raw["name"],
            tuple(ArchivedTable(**each) for each in raw["tables"]),
            tuple(ArchivedFile(**each) for each in raw["files"]),
            tuple(raw["left_out"]),
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenArchiveError(
            f"{archive / MANIFEST} cannot be read ({error}): move this archive away and archive again."
        ) from error


def write_manifest(archive: Path, manifest: Manifest) -> None:
    """Complete the archive: the manifest appears whole or not at all."""
    unfinished = archive / f".{MANIFEST}.part"
    with unfinished.open("w", encoding="utf-8") as opened:
        opened.write(manifest.to_json())
        opened.flush()
        os.fsync(opened.fileno())
    unfinished.replace(archive / MANIFEST)


def require_whole(archive: Path, manifest: Manifest) -> None:
    """Read every file of the archive and go on only if it is the one that was archived, and none is missing.

    Raises:
        BrokenArchiveError: one differs or is missing.
    """
    for file in manifest.files:
        path = archive / file.path
        try:
            found = digest_of(path)
        except OSError as error:
            raise BrokenArchiveError(f"{path} cannot be read ({error.strerror}): archive again. {_KEPT}") from error
        if found != (file.size_bytes, file.sha256):
            raise BrokenArchiveError(f"{path} is not what was archived: archive again. {_KEPT}")


def digest_of(path: Path) -> tuple[int, str]:
    """Size and SHA-256 of a file; a symbolic link is not followed."""
    size, digest = 0, hashlib.sha256()
    for chunk in chunks_of(path):
        size += len(chunk)
        digest.update(chunk)
    return size, digest.hexdigest()


def chunks_of(path: Path) -> Iterator[bytes]:
    """The file's bytes, a piece at a time; a symbolic link is not followed."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as opened:
        while chunk := opened.read(_AT_ONCE):
            yield chunk


_KEPT = "Nothing has been removed."
