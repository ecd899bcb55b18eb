"""Functions for worker processes, where they can import them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def numbered(part: int) -> tuple[int, int, str | None]:
    """The part, the process that worked on it, and a variable of its environment; takes a moment."""
    time.sleep(0.1)
    return part, os.getpid(), os.environ.get("SET_LATER")


def settings(part: int) -> tuple[int, str]:
    """How many threads polars has in the process, and where Arrow takes its memory from."""
    import polars
    import pyarrow

    return polars.thread_pool_size(), pyarrow.default_memory_pool().backend_name


def fragile(part: str) -> str:
    """The part, unless it says how to fail."""
    if part == "fail":
        raise ValueError("a planted failure")
    if part == "die":
        os.kill(os.getpid(), signal.SIGSEGV)
    return part


def endless(folder: Path) -> None:
    """Leave this process's id as a file's name, and never end."""
    (folder / str(os.getpid())).touch()
    time.sleep(3600)
