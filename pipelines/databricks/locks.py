"""Locks between the processes of one user on this machine: the steps of a run may each have a process."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from filelock import FileLock

_FILES = 64


def machine_lock(what: str) -> FileLock:
    """A lock for `what`; a context manager, released when its holder dies.

    The files stay, so there are only so many of them: two things may share one and then wait for each other.
    """
    folder = Path(tempfile.gettempdir(), f"pipelines-locks-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    kind = what.partition(" ")[0]
    number = int.from_bytes(hashlib.sha256(what.encode()).digest()[:4], "big") % _FILES
    return FileLock(folder / f"{kind}-{number}.lock")
