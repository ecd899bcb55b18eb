"""Flown sessions, shared by the tests of the simulator because each takes a second or two to fly."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest

from pipelines.flight.simulator.session import FlownSession, fly_session
from pipelines.flight.simulator.syllabus import plan_session


@functools.cache
def _flown(seed: int, aircraft: str | None, lesson: str | None, skill: float | None) -> FlownSession:
    return fly_session(plan_session(seed, aircraft=aircraft, lesson=lesson, skill=skill))


@pytest.fixture(scope="session")
def fly() -> Callable[..., FlownSession]:
    """`fly(seed, aircraft=None, lesson=None, skill=None)`: the flown session, from memory if flown before."""

    def flown(
        seed: int, aircraft: str | None = None, lesson: str | None = None, skill: float | None = None
    ) -> FlownSession:
        return _flown(seed, aircraft, lesson, skill)

    return flown
