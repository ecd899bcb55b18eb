"""Scores become events, events meet labels, and the threshold follows from both."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines.models.upset_detector.estimator import best_candidate, choose_threshold
from pipelines.models.upset_detector.events import Event, Tally, events_of, flown_hours, labelled_events, tally
from pipelines.models.upset_detector.members import THRESHOLDS

SECOND = np.arange(100)


def _score(**at: float) -> np.ndarray:
    score = np.zeros(100)
    for name, value in at.items():
        score[int(name[1:])] = value
    return score


def test_alarms_close_together_are_one_event_with_the_highest_score() -> None:
    found = events_of(SECOND, _score(s10=0.6, s11=0.9, s15=0.7, s20=0.8), 0.5)
    assert found == [Event(10, 15, 11, 0.9), Event(20, 20, 20, 0.8)]


def test_a_score_below_the_threshold_or_unknown_is_no_event() -> None:
    score = _score(s10=0.49)
    score[50] = np.nan
    assert events_of(SECOND, score, 0.5) == []
    assert events_of(np.zeros(0, dtype=np.int64), np.zeros(0), 0.5) == []


def test_a_gap_in_the_seconds_parts_events() -> None:
    second = np.r_[np.arange(10), np.arange(40, 50)]
    assert [(one.start, one.end) for one in events_of(second, np.ones(20), 0.5)] == [(0, 9), (40, 49)]


def test_labels_become_events_at_every_change() -> None:
    marked = np.zeros(100, dtype=bool)
    marked[[5, 6, 9]] = True
    assert [(one.start, one.end) for one in labelled_events(SECOND, marked)] == [(5, 6), (9, 9)]


def test_an_event_counts_within_two_seconds_of_the_label_and_beyond_is_false() -> None:
    labelled = [Event(10, 12, 10, 1.0), Event(50, 55, 50, 1.0)]
    found = [Event(14, 15, 14, 0.9), Event(58, 60, 58, 0.9), Event(80, 81, 80, 0.9)]
    assert tally(labelled, found, 0.5) == Tally(upsets=2, found=1, false_alarms=2, hours=0.5)


def test_tallies_add_up_and_empty_ones_have_no_rates() -> None:
    total = Tally(2, 1, 3, 0.5) + Tally(2, 2, 0, 1.0)
    assert total == Tally(4, 3, 3, 1.5)
    assert (total.recall, total.false_alarms_per_hour) == (0.75, 2.0)
    assert np.isnan(Tally().recall)
    assert np.isnan(Tally().false_alarms_per_hour)


def test_only_seconds_in_the_air_count_as_flown() -> None:
    assert flown_hours(np.r_[np.full(1800, 90.0), np.zeros(600), np.full(10, np.nan)]) == pytest.approx(0.5)


def test_the_threshold_keeps_within_the_false_alarms_and_finds_most() -> None:
    tallies = [
        Tally(10, 10, 30 if threshold < 0.3 else 5, 10.0) if threshold < 0.6 else Tally(10, 8, 0, 10.0)
        for threshold in THRESHOLDS
    ]
    assert 0.3 <= choose_threshold(tallies, 0.5, 0.2, 0.0) < 0.6
    assert choose_threshold(tallies, 0.1, 0.2, 0.0) >= 0.6
    assert choose_threshold([Tally(10, 10, 50, 10.0)] * len(THRESHOLDS), 0.5, 0.2, 0.0) in THRESHOLDS


def test_one_false_alarm_more_than_expected_costs_no_upset() -> None:
    tallies = [Tally(10, 10, 2, 3.0) if threshold < 0.6 else Tally(10, 6, 0, 3.0) for threshold in THRESHOLDS]
    assert choose_threshold(tallies, 0.5, 0.2, 0.0) < 0.6
    ten_times = [Tally(100, one.found * 10, one.false_alarms * 10, 30.0) for one in tallies]
    assert choose_threshold(ten_times, 0.4, 0.2, 0.0) >= 0.6


def test_few_hours_draw_the_threshold_towards_the_usual_one() -> None:
    few = [Tally(1, 1 if threshold == 0.8 else 0, 0, 1.0) for threshold in THRESHOLDS]
    many = [Tally(99, 99 * one.found, 0, 99.0) for one in few]
    assert choose_threshold(few, 0.5, 0.2, 5.0) == pytest.approx((0.8 + 5 * 0.2) / 6, abs=1e-3)
    assert choose_threshold(many, 0.5, 0.2, 5.0) > 0.75


def test_the_candidate_with_the_best_folds_wins_and_folds_without_upsets_do_not_count() -> None:
    fitted = pd.DataFrame(
        {"candidate": [0, 0, 1, 1], "fold": [0, 1, 0, 1], "average_precision": [0.7, 0.8, 0.9, np.nan]}
    )
    assert best_candidate(fitted) == 1
    assert best_candidate(fitted.assign(average_precision=np.nan)) == 0
