"""Trying again when another commit came first, and only then."""

from __future__ import annotations

import pytest

from pipelines.tables import retries
from pipelines.tables.retries import until_committed


class _Fails:
    def __init__(self, message: str, times: int) -> None:
        self.message = message
        self.left = times

    def __call__(self) -> str:
        self.left -= 1
        if self.left >= 0:
            raise RuntimeError(self.message)
        return "written"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries.time, "sleep", lambda _: None)


@pytest.mark.parametrize(
    "message", ["Failed to commit transaction: 15", "Missing commit file for version 3", "[DELTA_CONCURRENT_APPEND] x"]
)
def test_collision_is_tried_again(message: str) -> None:
    assert until_committed(_Fails(message, 3)) == "written"


def test_endless_collisions_are_raised() -> None:
    with pytest.raises(RuntimeError, match="Missing commit file"):
        until_committed(_Fails("Missing commit file", 1000))


def test_other_errors_are_raised_at_once() -> None:
    write = _Fails("disk full", 1)
    with pytest.raises(RuntimeError, match="disk full"):
        until_committed(write)
    assert until_committed(write) == "written"
