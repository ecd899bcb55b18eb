"""One sample per whole second: the nearest, or a gap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.flight import cleaning
from pipelines.flight.channels import CHANNEL_NAMES, CHANNELS
from pipelines.flight.cleaning import nearest_samples, second_count, within_range


@pytest.mark.parametrize(
    ("elapsed", "expected"),
    [
        ([0.0], [0]),
        ([0.0, 1.0, 2.0], [0, 1, 2]),
        ([0.0, 0.6, 1.3, 2.0], [0, 2, 3]),
        ([0.0, 0.5, 1.5, 2.0], [0, 1, 3]),  # 0.5 and 1.5 are equally near to second 1: the first is taken
        ([0.0, 1.0, 1.0, 1.0, 2.0], [0, 1, 4]),  # of samples at the same time the first
        ([0.0, 3.0], [0, -1, -1, 1]),
        ([0.0, 0.5, 2.51, 3.0], [0, 1, -1, 3]),  # 0.51 s away is a gap, half a second is not
        ([0.0, 0.4, 0.9], [0]),
    ],
)
def test_nearest_samples(elapsed: list[float], expected: list[int]) -> None:
    assert nearest_samples(np.array(elapsed)).tolist() == expected


@given(st.lists(st.integers(0, 40), min_size=1, max_size=60))
def test_nearest_is_what_looking_at_every_sample_finds(tenths: list[int]) -> None:
    elapsed = np.array(sorted(tenths)) / 10
    elapsed -= elapsed[0]
    for second, found in enumerate(nearest_samples(elapsed).tolist()):
        distance = np.round(np.abs(elapsed - second), 6)
        expected = int(np.argmin(distance)) if distance.min() <= 0.5 else -1
        assert found == expected


def test_second_count_forgives_rounding() -> None:
    assert second_count(0.0) == 1
    assert second_count(599.9999999) == 601
    assert second_count(599.9) == 600


def test_values_outside_the_physical_range_are_nothing() -> None:
    for name in CHANNEL_NAMES:
        low, high = CHANNELS[name].minimum, CHANNELS[name].maximum
        values = within_range(name, np.array([low - 1, low, high, high + 1, np.nan]))
        assert np.isnan(values).tolist() == [True, False, False, True, True], name


def test_rules_digest_follows_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cleaning.rules_digest()
    monkeypatch.setattr(cleaning, "RULES_VERSION", cleaning.RULES_VERSION + 1)
    assert cleaning.rules_digest() != before
