"""Files written whole or not at all, below a folder that no path may leave."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from pipelines.local.errors import ApiError

_PART = ".upload-"


def below(root: Path, path: str) -> Path:
    """The file that a path of the API names below `root`.

    Raises:
        ApiError: the path is not absolute, or leaves the root.
    """
    if not path.startswith("/") or "\0" in path or ".." in Path(path).parts:
        raise ApiError("INVALID_PARAMETER_VALUE", f"Path must be absolute and may not hold '..': {path}")
    return root.joinpath(*Path(path).parts[1:])


@contextlib.contextmanager
def being_written(target: Path) -> Iterator[Path]:
    """A file to write; it takes the target's name at the end, on disk, unless writing failed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.parent / f"{_PART}{os.getpid()}-{uuid4().hex}"
    try:
        yield part
        with part.open("rb+") as written:
            os.fsync(written.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def entries(folder: Path) -> list[Path]:
    """What a folder holds, by name; files still being written are not there yet."""
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith(_PART))


def remove_parts(root: Path) -> None:
    """Remove what was being written when a server was killed; another server that shares the folder is left alone."""
    for part in root.rglob(f"{_PART}*"):
        writer = part.name.removeprefix(_PART).partition("-")[0]
        if not writer.isdigit() or int(writer) == os.getpid() or not _is_alive(int(writer)):
            part.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except ProcessLookupError:
        return False
    return True
