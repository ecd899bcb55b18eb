"""Lessons: from a seed, a random but sensible sequence of tasks for one session of 8 to 15 minutes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from pipelines.flight.simulator.aircraft import TRAINER_MODELS
from pipelines.flight.simulator.lesson import Lesson
from pipelines.flight.simulator.plan import SessionPlan
from pipelines.flight.simulator.weather import Weather

_LESSONS = (
    ("airwork", 0.29),
    ("upset_training", 0.16),
    ("approaches", 0.31),
    ("circuits", 0.15),
    ("departure", 0.09),
)

_PLACES = ((47.9, -97.2), (33.4, -111.8), (29.2, -81.1), (51.5, -1.3), (48.1, 11.3), (-27.6, 153.0))
"""Regions with flight schools; the ground is flat everywhere in the simulator."""


_START_HEIGHT_FT = {"airwork": (2600, 3600), "upset_training": (3200, 4400), "approaches": (1300, 1800)}


def _airwork(lesson: Lesson) -> None:
    lesson.basic()
    ends_with_approach = lesson.chance(0.45)
    tasks = [lesson.steep_turn, lesson.slow_flight, lesson.stall, lesson.stall, lesson.stall, lesson.basic]
    if not ends_with_approach:
        tasks += [lesson.steep_turn, lesson.basic, lesson.basic, lesson.stall]
    for index in lesson.random.permutation(len(tasks)):
        tasks[int(index)]()
    if not ends_with_approach:
        lesson.fill(700.0)
    else:
        lesson.arrive()
        lesson.approach("approach", "land")


def _upset_training(lesson: Lesson) -> None:
    lesson.basic()
    tasks = [lesson.upset, lesson.upset, lesson.stall, lesson.stall, lesson.upset, lesson.basic, lesson.steep_turn,
             lesson.slow_flight, lesson.basic]  # fmt: skip
    for index in lesson.random.permutation(len(tasks)):
        tasks[int(index)]()
    lesson.fill(700.0)


def _approaches(lesson: Lesson) -> None:
    if lesson.chance(0.3):
        lesson.basic()
    lesson.arrive()
    for _ in range(2):
        lesson.approach("approach", "go_around")
        lesson.add("climb_out", height_ft=lesson.between(1120.0, 1220.0))
    lesson.approach("approach", "land")


def _circuits(lesson: Lesson) -> None:
    lesson.depart()
    lesson.around()
    lesson.approach("circuit_approach", "touch_and_go" if lesson.chance(0.5) else "go_around", across=False)
    if lesson.tasks[-1].arguments["ending"] == "touch_and_go":
        lesson.add("takeoff", rotation_margin_kt=lesson.between(0.0, 6.0), flaps=0.34)
    lesson.around()
    lesson.approach("circuit_approach", "land", across=False)


def _departure(lesson: Lesson) -> None:
    lesson.depart()
    lesson.add("climb_out", height_ft=lesson.between(1800.0, 2400.0))
    for _ in range(2):
        lesson.random.choice([lesson.basic, lesson.steep_turn, lesson.slow_flight])()  # pyright: ignore
    lesson.arrive()
    lesson.approach("approach", "land")


_BUILDERS = {
    "airwork": _airwork,
    "upset_training": _upset_training,
    "approaches": _approaches,
    "circuits": _circuits,
    "departure": _departure,
}


def plan_session(
    seed: int,
    aircraft: str | None = None,
    skill: float | None = None,
    lesson: str | None = None,
    rate_hz: float = 10.0,
) -> SessionPlan:
    """The session of a seed: the same arguments always give the same plan.

    `aircraft` is a type of `TRAINER_MODELS`, `skill` 0..1, `lesson` one of airwork, upset_training, approaches,
    circuits, departure; what is not given is drawn. Raises ValueError for an unknown aircraft or lesson.
    """
    random = np.random.default_rng([seed, 20261120])
    drawn_type = str(random.choice(sorted(TRAINER_MODELS)))
    drawn_skill = round(float(np.clip(random.beta(3.0, 2.0), 0.1, 1.0)), 2)
    drawn_lesson = str(random.choice([name for name, _ in _LESSONS], p=[share for _, share in _LESSONS]))
    aircraft_type, lesson_kind = aircraft or drawn_type, lesson or drawn_lesson
    if aircraft_type not in TRAINER_MODELS:
        raise ValueError(f"the simulator has no aircraft {aircraft_type!r}; choose from {', '.join(TRAINER_MODELS)}")
    if lesson_kind not in _BUILDERS:
        raise ValueError(f"there is no lesson {lesson_kind!r}; choose from {', '.join(_BUILDERS)}")
    skill = drawn_skill if skill is None else skill
    wind = round(float(random.gamma(2.2, 3.5)), 1)
    weather = Weather(
        wind_kt=min(wind, 20.0),
        wind_from_deg=float(random.integers(0, 360)),
        gust_kt=round(float(min(random.gamma(1.5, 0.75) + 0.03 * wind, 3.6)), 2),
        temperature_offset_c=round(float(random.normal(0.0, 8.0)), 1),
    )
    latitude, longitude = _PLACES[int(random.integers(len(_PLACES)))]
    built = Lesson(random, aircraft_type, skill)
    _BUILDERS[lesson_kind](built)
    on_ground = lesson_kind in ("circuits", "departure")
    into_wind = (weather.wind_from_deg + float(random.integers(-40, 41))) % 360.0
    minutes = int(random.integers(0, 60 * 24 * 330))
    return SessionPlan(
        seed=seed,
        aircraft_type=aircraft_type,
        skill=skill,
        weather=weather,
        started_at=datetime(2025, 12, 1, tzinfo=UTC) + timedelta(minutes=minutes),
        latitude=latitude + float(random.uniform(-0.5, 0.5)),
        longitude=longitude + float(random.uniform(-0.5, 0.5)),
        elevation_ft=float(random.integers(20, 1500)),
        variation_deg=round(float(random.uniform(-10.0, 10.0)), 1),
        heading_true=into_wind if on_ground else float(random.integers(0, 360)),
        start_height_ft=None if on_ground else float(random.integers(*_START_HEIGHT_FT[lesson_kind])),
        fuel_share=round(float(random.uniform(0.35, 1.0)), 2),
        tasks=tuple(built.tasks),
        rate_hz=rate_hz,
    )
