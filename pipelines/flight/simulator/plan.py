"""The plan of one training session: everything that `fly_session` needs, and nothing drawn at random later."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipelines.flight.simulator.weather import Weather


@dataclass(frozen=True)
class Task:
    """One task of the lesson: the name of a task function and its arguments."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SessionPlan:
    """One session: who flies what, where, in which air, and the tasks in order.

    `start_height_ft` is the height of an air start, None for a start on the runway. `time_limit_s` ends the
    session even if tasks are left. Directions are true degrees; `variation_deg` east positive.
    """

    seed: int
    aircraft_type: str
    skill: float
    weather: Weather
    started_at: datetime
    latitude: float
    longitude: float
    elevation_ft: float
    variation_deg: float
    heading_true: float
    start_height_ft: float | None
    fuel_share: float
    tasks: tuple[Task, ...]
    time_limit_s: float = 1100.0
    rate_hz: float = 10.0
