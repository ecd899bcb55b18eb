"""What a machine keeps: made once, told apart by name, forgotten when it was not used for long."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from pipelines.machine_cache import cache_folder, kept


def test_it_is_in_the_users_cache_unless_told_otherwise() -> None:
    assert cache_folder({"XDG_CACHE_HOME": "/var/cache/me"}) == Path("/var/cache/me/pipelines")
    assert cache_folder({"XDG_CACHE_HOME": "/x", "PIPELINES_CACHE": "/elsewhere"}) == Path("/elsewhere")


def test_a_file_is_made_once(tmp_path: Path) -> None:
    assert kept(tmp_path / "new", "one", lambda: b"first") == b"first"
    assert kept(tmp_path / "new", "one", lambda: b"second") == b"first"
    assert kept(tmp_path / "new", "two", lambda: b"second") == b"second"


def test_those_that_were_not_used_for_longest_are_forgotten(tmp_path: Path) -> None:
    for number in range(3):
        kept(tmp_path, str(number), lambda: b"old", most=3)
        os.utime(tmp_path / str(number), (number, number))
    kept(tmp_path, "0", lambda: b"new", most=3)  # used again
    kept(tmp_path, "3", lambda: b"new", most=3)
    assert kept(tmp_path, "0", lambda: b"new", most=3) == b"old"
    assert kept(tmp_path, "1", lambda: b"new", most=3) == b"new"


def test_several_who_want_the_same_at_once_wait_for_one(tmp_path: Path) -> None:
    made, begun, go = [], threading.Event(), threading.Event()

    def make() -> bytes:
        made.append(1)
        begun.set()
        go.wait(10)
        return b"made"

    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(kept(tmp_path, "x", make))) for _ in range(3)]
    for thread in threads:
        thread.start()
    begun.wait(10)
    go.set()
    for thread in threads:
        thread.join()
    assert (found, len(made)) == ([b"made"] * 3, 1)


def test_where_nothing_can_be_kept_it_is_made_every_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert kept(tmp_path / "file" / "below", "one", lambda: b"made") == b"made"


def test_an_error_in_making_keeps_nothing(tmp_path: Path) -> None:
    def fail() -> bytes:
        raise LookupError("none")

    with pytest.raises(LookupError):
        kept(tmp_path, "one", fail)
    assert kept(tmp_path, "one", lambda: b"made") == b"made"
