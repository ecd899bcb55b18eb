"""A file system of a few megabytes, to be filled. Mounting one takes root; elsewhere such tests are skipped."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """The folder as a file system of its own of that size, until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    options = ("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs")
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        # Lazily: an engine may still hold one of its files open.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Until the block ends the disk has no byte left."""
    filler = disk / ".filler"
    with filler.open("wb", buffering=0) as opened:
        for size in (1 << 20, 4096, 1):
            with suppress(OSError):
                while opened.write(b"\0" * size):
                    pass
    assert os.statvfs(disk).f_bavail == 0
    try:
        yield
    finally:
        filler.unlink()
