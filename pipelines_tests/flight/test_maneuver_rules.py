"""The instructor's rules on drawn flights whose maneuvers are plain to see."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines.flight.maneuver_rules import RULE_COLUMNS, maneuvers_by_rule


def flight(**columns: object) -> pd.DataFrame:
    """Two minutes of straight and level flight high above the field, but for `columns`."""
    level = {
        "height_ft": 2500.0,
        "airspeed_kt": 105.0,
        "ground_speed_kt": 105.0,
        "climb_fpm": 0.0,
        "bank_deg": 0.0,
        "pitch_deg": 2.0,
        "load_factor_g": 1.0,
        "seconds_since_ground": np.nan,
        "seconds_to_ground": np.nan,
    }
    assert set(level) == set(RULE_COLUMNS)
    return pd.DataFrame({**level, **columns}, index=range(120))


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, "cruise"),
        ({"climb_fpm": 600.0}, "climb"),
        ({"climb_fpm": -600.0}, "descent"),
        ({"bank_deg": -20.0}, "turn"),
        ({"bank_deg": 45.0}, "steep_turn"),
        ({"bank_deg": -45.0}, "steep_turn"),
        ({"airspeed_kt": 50.0}, "slow_flight"),
        ({"height_ft": 0.0, "airspeed_kt": 5.0, "ground_speed_kt": 5.0, "seconds_since_ground": 0.0}, "ground"),
        (
            {
                "height_ft": np.linspace(900, 60, 120),
                "climb_fpm": -420.0,
                "seconds_to_ground": np.arange(140, 20, -1.0),
            },
            "approach",
        ),
    ],
)
def test_a_plain_maneuver_is_read_as_what_it_is(columns: dict[str, object], expected: str) -> None:
    assert set(maneuvers_by_rule(flight(**columns), "c172p")) == {expected}


def test_takeoff_and_landing_are_told_from_taxiing() -> None:
    seconds = np.arange(120)
    rolling = np.clip(seconds - 20, 0, 60) * 1.1
    height = np.clip(seconds - 70, 0, None) * 10.0
    leaving = flight(
        height_ft=height,
        airspeed_kt=rolling,
        ground_speed_kt=rolling,
        climb_fpm=np.where(seconds > 70, 600.0, 0.0),
        seconds_since_ground=np.clip(seconds - 48, 0, None).astype(float),
    )
    found = maneuvers_by_rule(leaving, "c172p")
    assert list(dict.fromkeys(found)) == ["ground", "takeoff", "climb"]
    arriving = leaving.iloc[::-1].reset_index(drop=True)
    arriving["climb_fpm"] = -arriving["climb_fpm"]
    arriving["seconds_to_ground"] = arriving["seconds_since_ground"]
    arriving["seconds_since_ground"] = np.where(arriving["seconds_to_ground"] > 0, np.nan, 0.0)
    found = maneuvers_by_rule(arriving, "c172p")
    assert list(dict.fromkeys(found)) == ["approach", "landing", "ground"]


def test_a_stall_is_a_slow_break_with_the_nose_dropping() -> None:
    seconds = np.arange(120)
    speed = np.interp(seconds, [0, 50, 60, 75, 119], [95, 45, 43, 85, 100])
    pitch = np.interp(seconds, [0, 50, 58, 61, 75, 119], [3, 16, 18, -8, 2, 2])
    climb = np.interp(seconds, [0, 57, 61, 70, 80, 119], [0, 0, -1500, -1500, 0, 0])
    found = maneuvers_by_rule(flight(airspeed_kt=speed, pitch_deg=pitch, climb_fpm=climb), "c172p")
    assert found[62] == "stall"
    assert set(found[100:]) == {"cruise"}
    assert (found == "stall").sum() < 25


def test_a_given_up_approach_is_a_go_around_until_500_ft() -> None:
    seconds = np.arange(120)
    height = np.interp(seconds, [0, 60, 119], [700, 120, 900])
    climb = np.where(seconds < 60, -580.0, 800.0)
    found = maneuvers_by_rule(flight(height_ft=height, climb_fpm=climb, airspeed_kt=65.0), "c172p")
    assert found[30] == "approach"
    assert found[75] == "go_around"
    assert found[115] == "climb"


def test_without_airspeed_the_ground_speed_serves() -> None:
    assert set(maneuvers_by_rule(flight(airspeed_kt=np.nan), None)) == {"cruise"}
