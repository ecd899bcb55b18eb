"""Moving windows over many signals, against pandas' own one signal at a time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines.flight.rolling import Kind, rolled, shifted

PANDAS = {"mean": "mean", "minimum": "min", "maximum": "max"}


@pytest.mark.parametrize("kind", PANDAS)
@pytest.mark.parametrize(("start", "end"), [(0, 0), (-4, 4), (-30, 0), (0, 30), (-1, 0), (0, 1), (-90, 0)])
@pytest.mark.parametrize("seconds", [1, 2, 31, 200])
def test_every_window_is_that_of_pandas(kind: Kind, start: int, end: int, seconds: int) -> None:
    random = np.random.default_rng(seconds)
    signals = random.normal(size=(seconds, 3)) * 1000.0
    signals[random.random(signals.shape) < 0.3] = np.nan
    found = rolled(signals, start, end, kind)
    for column in range(3):
        padded = pd.Series(np.concatenate([signals[:, column], np.full(end, np.nan)]))
        window = padded.rolling(end - start + 1, min_periods=1)
        expected = getattr(window, PANDAS[kind])().to_numpy()[end:]
        np.testing.assert_allclose(found[:, column], expected, rtol=0, atol=1e-9)


def test_nothing_known_in_reach_gives_nothing() -> None:
    signals = np.array([[np.nan], [np.nan], [np.nan], [5.0]])
    for kind in PANDAS:
        assert np.isnan(rolled(signals, -1, 1, kind)[:2, 0]).all()  # pyright: ignore[reportArgumentType]
        assert rolled(signals, -1, 1, kind)[2:, 0].tolist() == [5.0, 5.0]  # pyright: ignore[reportArgumentType]
    assert rolled(np.zeros((0, 2)), -1, 1, "mean").shape == (0, 2)


def test_shifted_values_come_from_that_many_seconds_later_or_earlier() -> None:
    signal = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(shifted(signal, 1), [2.0, 3.0, np.nan])
    np.testing.assert_array_equal(shifted(signal, -2), [np.nan, np.nan, 1.0])
    np.testing.assert_array_equal(shifted(signal, 0), signal)
    assert np.isnan(shifted(signal, 3)).all()
    assert np.isnan(shifted(signal, -7)).all()
