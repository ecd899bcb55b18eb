"""Where this machine keeps what would be costly to get again: downloads, archives of code, compiled code."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from filelock import FileLock


def cache_folder(variables: Mapping[str, str]) -> Path:
    """Where downloads are kept between runs and shared by all checkouts: `PIPELINES_CACHE`, else the user's cache."""
    if "PIPELINES_CACHE" in variables:
        return Path(variables["PIPELINES_CACHE"]).expanduser().resolve()
    base = variables.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).expanduser().resolve() / "pipelines"


def kept(folder: Path, name: str, make: Callable[[], bytes], most: int = 20) -> bytes:
    """The file's content, made at the first call. The folder keeps `most` files, those that were used last."""
    file = folder / name
    if (found := _used(file)) is not None:
        return found
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "writing.lock"):  # several processes want the same at once
            if (found := _used(file)) is None:
                found = make()
                _keep(file, found)
                _forget_old(folder, most)
            return found
    except OSError:  # a disk that is full or may not be written keeps nothing
        return make()


def _used(file: Path) -> bytes | None:
    try:
        content = file.read_bytes()
    except OSError:
        return None
    with suppress(OSError):
        os.utime(file)
    return content


def _keep(file: Path, content: bytes) -> None:
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    unfinished.write_bytes(content)
    unfinished.replace(file)


def _forget_old(folder: Path, most: int) -> None:
    by_use = sorted((one for one in folder.iterdir() if one.suffix != ".lock"), key=lambda one: one.stat().st_mtime)
    for old in by_use[:-most]:
        old.unlink(missing_ok=True)
