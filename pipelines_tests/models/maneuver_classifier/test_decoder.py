"""The course through the probabilities, and its segments."""

from __future__ import annotations

import itertools

import numpy as np

from pipelines.flight.maneuvers import MANEUVERS
from pipelines.models.maneuver_classifier.decoder import (
    change_costs,
    maneuver_by_second,
    most_likely_course,
    possible,
    segments_of,
)


def probabilities(*rows: dict[str, float]) -> np.ndarray:
    """Rows over MANEUVERS; what a row leaves out is shared by the others."""
    table = np.zeros((len(rows), len(MANEUVERS)))
    for number, row in enumerate(rows):
        table[number] = (1 - sum(row.values())) / (len(MANEUVERS) - len(row))
        for name, value in row.items():
            table[number, MANEUVERS.index(name)] = value
    return table


def names(course: np.ndarray) -> list[str]:
    return [MANEUVERS[number] for number in course]


def test_a_single_doubtful_second_does_not_change_the_maneuver() -> None:
    rows = [{"cruise": 0.8}] * 5 + [{"turn": 0.6, "cruise": 0.3}] + [{"cruise": 0.8}] * 5
    course = most_likely_course(probabilities(*rows), np.zeros(11, dtype=bool), change_costs(4.0, 12.0))
    assert names(course) == ["cruise"] * 11


def test_a_lasting_change_is_followed() -> None:
    rows = [{"cruise": 0.8}] * 8 + [{"turn": 0.8}] * 8
    course = most_likely_course(probabilities(*rows), np.zeros(16, dtype=bool), change_costs(4.0, 12.0))
    assert names(course) == ["cruise"] * 8 + ["turn"] * 8


def test_after_a_long_gap_anything_may_follow() -> None:
    rows = [{"ground": 0.9}] * 6 + [{"cruise": 0.9}] * 3
    costs = change_costs(4.0, 200.0)
    restarts = np.zeros(9, dtype=bool)
    assert names(most_likely_course(probabilities(*rows), restarts, costs)) == ["ground"] * 9
    restarts[6] = True
    assert names(most_likely_course(probabilities(*rows), restarts, costs)) == ["ground"] * 6 + ["cruise"] * 3


def test_the_course_is_the_best_of_all_courses() -> None:
    random = np.random.default_rng(3)
    table = random.dirichlet(np.ones(len(MANEUVERS)), size=4)
    costs = change_costs(1.0, 3.0)
    scores = np.log(np.maximum(table, 1e-4))

    def total(path: tuple[int, ...]) -> float:
        moves = sum(costs[a, b] for a, b in itertools.pairwise(path))
        return float(sum(scores[second, state] for second, state in enumerate(path)) - moves)

    best = max(itertools.product(range(len(MANEUVERS)), repeat=4), key=total)
    assert tuple(most_likely_course(table, np.zeros(4, dtype=bool), costs)) == best


def test_flights_take_off_before_they_cruise_and_land_before_they_taxi() -> None:
    assert possible("ground", "takeoff")
    assert possible("landing", "takeoff")
    assert not possible("ground", "cruise")
    assert not possible("cruise", "ground")
    assert not possible("cruise", "landing")


def test_segments_end_at_changes_and_at_long_holes() -> None:
    seconds = np.array([0, 1, 2, 5, 6, 30, 31])
    maneuvers = np.array(["climb", "climb", "cruise", "cruise", "cruise", "cruise", "cruise"], dtype=object)
    table = segments_of(seconds, maneuvers, np.full(7, 0.5), longest_hole_s=10)
    assert table[["segment", "maneuver", "start_second", "end_second"]].to_numpy().tolist() == [
        [1, "climb", 0, 1],
        [2, "cruise", 2, 6],
        [3, "cruise", 30, 31],
    ]
    assert maneuver_by_second(np.array([1, 3, 10, 31]), table).tolist() == ["climb", "cruise", None, "cruise"]


def test_no_seconds_give_no_segments() -> None:
    nothing = np.zeros(0)
    assert segments_of(nothing, nothing, nothing, 10).empty
    assert len(most_likely_course(np.zeros((0, len(MANEUVERS))), nothing, change_costs(1, 2))) == 0
