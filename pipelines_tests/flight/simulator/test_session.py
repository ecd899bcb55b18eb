"""Sessions: the same seed gives the same bytes, they end where planned, and every maneuver is flown."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipelines.flight.maneuvers import MANEUVERS
from pipelines.flight.simulator.aircraft import TRAINER_MODELS
from pipelines.flight.simulator.flight import RECORDED
from pipelines.flight.simulator.session import FlownSession, fly_session
from pipelines.flight.simulator.sessions import encode_annotations, encode_session
from pipelines.flight.simulator.syllabus import plan_session
from pipelines.flight.simulator.truth import UPSET, annotate

Fly = Callable[..., FlownSession]


def test_same_seed_gives_the_same_bytes() -> None:
    first, second = (fly_session(plan_session(11, aircraft="c172p", lesson="airwork")) for _ in range(2))

    for file_format in ("csv", "garmin", "parquet"):
        assert encode_session(first, file_format) == encode_session(second, file_format)
    assert encode_annotations(first, "a.csv") == encode_annotations(second, "a.csv")


def test_another_seed_gives_another_flight(fly: Fly) -> None:
    first, second = fly(1, lesson="airwork"), fly(2, lesson="airwork")

    assert first.plan != second.plan
    assert len(first.intents) != len(second.intents) or not np.array_equal(
        first.record["altitude"], second.record["altitude"]
    )


@pytest.mark.parametrize("aircraft", sorted(TRAINER_MODELS))
@pytest.mark.parametrize("lesson", ["airwork", "approaches", "circuits"])
def test_a_lesson_is_flown_to_its_end_in_every_aircraft(fly: Fly, aircraft: str, lesson: str) -> None:
    flown = fly(3, aircraft=aircraft, lesson=lesson)
    record = flown.record

    assert flown.completed, f"lesson not finished after {record['time'][-1]:.0f} s, tried {flown.attempt + 1} times"
    assert set(record) == set(RECORDED)
    assert all(np.isfinite(values).all() for values in record.values())
    assert 420.0 < record["time"][-1] < 1100.0
    assert np.allclose(np.diff(record["time"]), 0.05)
    assert record["height"].min() > 3.0
    assert np.abs(record["load_factor"][record["height"] > 50.0]).max() < 4.5


def test_every_maneuver_and_upsets_are_flown(fly: Fly) -> None:
    seconds: Counter[str] = Counter()
    for seed, lesson in ((1, "airwork"), (2, "airwork"), (5, "upset_training"), (3, "approaches"), (3, "circuits")):
        for row in annotate(fly(seed, lesson=lesson)):
            seconds[row.maneuver] += row.end_s - row.start_s  # type: ignore[assignment]

    assert set(seconds) == {*MANEUVERS, UPSET}
    assert min(seconds.values()) > 5.0, seconds


def test_sessions_end_on_the_ground_where_a_landing_was_planned(fly: Fly) -> None:
    for lesson in ("approaches", "circuits"):
        record = fly(3, lesson=lesson).record
        speed_kt = np.hypot(record["north_fps"], record["east_fps"])[-1] / 1.688

        assert record["wheel_left"][-1] == record["wheel_right"][-1] == 1.0
        assert speed_kt < 25.0


def test_unknown_aircraft_and_lesson_are_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match="no aircraft 'b747'; choose from c172p"):
        plan_session(1, aircraft="b747")
    with pytest.raises(ValueError, match="no lesson 'aerobatics'; choose from airwork"):
        plan_session(1, lesson="aerobatics")


def test_jsbsim_neither_prints_nor_leaves_files(tmp_path: Path) -> None:
    script = (
        "from pipelines.flight.simulator.session import fly_session\n"
        "from pipelines.flight.simulator.syllabus import plan_session\n"
        "import dataclasses\n"
        "plan = plan_session(1, aircraft='c172x', lesson='airwork')\n"
        "fly_session(dataclasses.replace(plan, tasks=plan.tasks[:1]))\n"
    )
    root = Path(__file__).resolve().parents[3]

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path.parent)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []
