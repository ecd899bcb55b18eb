"""The instructor's rules for upsets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines.flight.upset_rules import kind_of_upset, upset_by_rule


def _flight(**changed: float) -> pd.DataFrame:
    normal = {
        "airspeed_kt": 90.0,
        "climb_fpm": 0.0,
        "pitch_deg": 2.0,
        "bank_size_deg": 5.0,
        "load_factor_g": 1.0,
        "slowest_near": 1.5,
    }
    seconds = pd.DataFrame([normal] * 21)
    for name, value in changed.items():
        seconds.loc[10, name] = value
    return seconds


@pytest.mark.parametrize(
    "changed",
    [
        {"bank_size_deg": 65},
        {"pitch_deg": 35},
        {"pitch_deg": -25},
        {"pitch_deg": 35, "slowest_near": 0.3},
        {"airspeed_kt": 45, "pitch_deg": 12, "climb_fpm": -800},
        {"airspeed_kt": 62, "pitch_deg": 12, "climb_fpm": -800, "load_factor_g": 2.0},
    ],
    ids=["overbank", "nose high", "nose low", "nearly stopped in the air", "stall", "stall under load"],
)
def test_an_upset_is_marked_at_its_second_and_nowhere_else(changed: dict[str, float]) -> None:
    marked = upset_by_rule(_flight(**changed), "c172s")
    assert np.flatnonzero(marked).tolist() == [10]


def test_a_nose_that_drops_at_low_speed_is_a_stall() -> None:
    flight = _flight()
    flight.loc[8:12, "airspeed_kt"] = 52.0
    flight.loc[8:9, "pitch_deg"] = 14.0
    flight.loc[10:11, "climb_fpm"] = -700.0
    assert upset_by_rule(flight, "c172s")[10:12].all()


@pytest.mark.parametrize(
    "changed",
    [
        {"bank_size_deg": 50, "load_factor_g": 1.5},
        {"airspeed_kt": 52, "pitch_deg": 9},
        {"airspeed_kt": 45, "pitch_deg": 12, "climb_fpm": -800, "slowest_near": 0.1},
        {"airspeed_kt": np.nan, "pitch_deg": np.nan, "bank_size_deg": np.nan, "climb_fpm": np.nan},
    ],
    ids=["steep turn", "slow flight", "flare", "nothing known"],
)
def test_training_maneuvers_and_missing_channels_are_no_upsets(changed: dict[str, float]) -> None:
    assert not upset_by_rule(_flight(**changed), "c172s").any()
    assert not upset_by_rule(_flight(**changed), None).any()


def test_an_event_is_named_by_its_most_extreme_attitude() -> None:
    assert kind_of_upset(np.array([5.0, -22.0]), np.array([70.0, 80.0])) == "overbank"
    assert kind_of_upset(np.array([40.0]), np.array([10.0])) == "nose_high"
    assert kind_of_upset(np.array([-28.0]), np.array([30.0])) == "nose_low"
    assert kind_of_upset(np.array([15.0, -8.0]), np.array([20.0, 10.0])) == "stall"
    assert kind_of_upset(np.array([np.nan]), np.array([np.nan])) == "stall"
