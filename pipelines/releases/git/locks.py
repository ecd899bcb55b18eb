"""Locks between processes that end with their holders, children that inherited the descriptor included."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

_POLL_SECONDS = 0.02


class LockedError(Exception):
    """Someone else holds the lock, and went on holding it."""


@contextlib.contextmanager
def locked(file: Path, seconds: float, *, shared: bool = False) -> Iterator[int]:
    """Hold the lock on `file`, alone or with other sharers, and yield its descriptor.

    Raises:
        LockedError: it could not be had within `seconds`.
    """
    ends = time.monotonic() + seconds
    kind = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if _taken(descriptor, kind) and _still_there(descriptor, file):
                yield descriptor
                return
        finally:
            os.close(descriptor)
        if time.monotonic() >= ends:
            raise LockedError(f"{file} is held by another process.")
        time.sleep(_POLL_SECONDS)


def _taken(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True


def _still_there(descriptor: int, file: Path) -> bool:
    """Whether the locked file is the one at that path: its last holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except FileNotFoundError:
        return False
