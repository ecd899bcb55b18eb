"""The time-axis rule, by example and by property."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipelines.flight.formats import QuarantineError
from pipelines.flight.formats.clock import build_time_axis


def axis(stamps, period=None):
    return build_time_axis("some.csv", np.asarray(stamps, dtype=np.float64), period)


def test_fine_stamps_are_kept():
    stamps = 1.6e9 + np.cumsum(np.random.default_rng(1).uniform(0.03, 0.2, 500))
    made = axis(stamps)
    assert np.allclose(made.elapsed_s, stamps - stamps[0], atol=1e-6)
    assert made.start == pytest.approx(stamps[0], abs=0.001)
    assert made.repairs == ()


def test_thousands_of_repeated_stamps_are_spread():
    true = np.arange(0, 400, 0.02)
    stamps = np.floor(true / 0.5) * 0.5 + 0.013
    made = axis(stamps)
    assert np.abs(made.elapsed_s - true).max() < 0.03
    assert np.diff(made.elapsed_s).min() > 0
    assert "repeated the time" in made.repairs[0]


def test_whole_seconds_at_ten_rows_a_second_become_even():
    true = np.arange(0, 600, 0.1) + 0.37
    made = axis(np.floor(true))
    assert np.abs(made.elapsed_s - (true - true[0])).max() < 0.6
    steps = np.diff(made.elapsed_s)
    assert steps.min() > 0.05
    assert steps.max() < 0.15


def test_pause_stays_a_gap():
    stamps = np.concatenate([np.arange(100), np.arange(700, 900)])
    assert np.array_equal(axis(stamps, 1.0).elapsed_s, stamps)
    fine = np.concatenate([np.arange(100) * 0.1, 60 + np.arange(100) * 0.1])
    assert np.allclose(axis(fine + 0.05).elapsed_s, fine)


def test_clock_set_by_hours_is_no_gap():
    stamps = np.concatenate([np.arange(50), 7200 + np.arange(50, 400)])
    made = axis(stamps, 1.0)
    assert np.array_equal(made.elapsed_s, np.arange(400))
    assert made.start == 7200
    assert "set forward" in made.repairs[0]


def test_clock_that_strays_and_returns_is_ignored():
    for stray in (-10, 25, 300):
        stamps = np.arange(400.0)
        stamps[200:212] += stray
        made = axis(stamps, 1.0)
        assert np.array_equal(made.elapsed_s, np.arange(400))
        assert made.start == 0
        assert "came back" in made.repairs[0]


def test_rows_before_between_and_after_stamps():
    stamps = np.arange(100.0) + 1000
    stamps[[0, 1, 2, 50, 98, 99]] = np.nan
    made = axis(stamps, 1.0)
    assert np.array_equal(made.elapsed_s, np.arange(100))
    assert made.start == 1000


@pytest.mark.parametrize(
    "stamps",
    [
        np.full(100, np.nan),
        np.full(100, 5.0),
        np.arange(100)[::-1].astype(float),
        np.arange(100) * 60.0,
        np.concatenate([[1.0, 2.0], np.full(98, np.nan)]),
        np.arange(200) * 1800.0,
    ],
)
def test_no_time_axis(stamps):
    with pytest.raises(QuarantineError) as caught:
        axis(stamps)
    assert caught.value.code == "no_time_axis"
    assert "some.csv" in caught.value.reason


def assert_sound(made, rows):
    assert len(made.elapsed_s) == rows
    assert made.elapsed_s[0] == 0
    assert np.isfinite(made.elapsed_s).all()
    assert np.diff(made.elapsed_s).min() >= 0
    assert np.isfinite(made.start)
    assert made.elapsed_s[-1] <= 48 * 3600


@settings(max_examples=200, deadline=None)
@given(
    arrays(np.float64, st.integers(2, 300), elements=st.floats(-1e6, 1e6) | st.just(float("nan"))),
    st.sampled_from([None, 1.0]),
)
def test_any_stamps_give_a_sound_axis_or_quarantine(stamps, period):
    try:
        made = axis(stamps, period)
    except QuarantineError as error:
        refusal = error
    else:
        assert_sound(made, len(stamps))
        return
    assert refusal.code == "no_time_axis"


@settings(max_examples=150, deadline=None)
@given(
    st.integers(120, 600),
    st.lists(st.tuples(st.integers(10, 590), st.integers(1, 3)), max_size=8, unique_by=lambda loss: loss[0]),
    st.lists(st.integers(10, 590), max_size=20, unique=True),
    st.one_of(st.none(), st.tuples(st.integers(10, 590), st.integers(5, 30))),
    st.integers(0, 30),
)
def test_a_second_a_row_with_lost_late_blank_rows_and_a_jump_back(rows, lost, late, jump, blank):
    """Truth is known: the axis is never more than a second off before the clock jumps, nor drifts after it."""
    true = np.arange(rows, dtype=np.float64)
    for row, count in lost:
        true[row:] += count
    stamps = true.copy()
    for row in late:
        if row < rows:
            stamps[row] += 1
    if jump and jump[0] < rows:
        stamps[jump[0] :] -= jump[1]
    stamps[:blank] = np.nan
    made = axis(stamps + 1.7e9, 1.0)
    assert_sound(made, rows)
    error = made.elapsed_s - (true - true[0])
    assert np.abs(error - error[blank]).max() <= 4 + sum(count for row, count in lost if row <= blank)
    assert np.diff(made.elapsed_s).min() >= 0.9


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.02, 0.1, 0.25, 1.0]))
def test_same_stamps_same_axis(seed, period):
    random = np.random.default_rng(seed)
    stamps = np.floor(np.cumsum(random.uniform(0.5, 1.5, 200) * period) * 4) / 4
    try:
        first, second = axis(stamps), axis(stamps.copy())
    except QuarantineError:
        return
    assert np.array_equal(first.elapsed_s, second.elapsed_s)
    assert (first.start, first.repairs) == (second.start, second.repairs)
    assert_sound(first, 200)
