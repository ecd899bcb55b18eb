"""Features of drawn flights: heights, turn rates, gaps and missing channels, on the engine under test."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipelines.engines.engine import Engine
from pipelines.flight.maneuvers import MANEUVERS
from pipelines.models.maneuver_classifier.limits import within_limits
from pipelines.models.maneuver_classifier.model import FEATURES, features
from pipelines.models.maneuver_classifier.windows import windows_of
from pipelines.tables.contracts import FLIGHT_SAMPLES, GOLD_SESSIONS
from pipelines_tests.training.flown_gold import FIELD_FT, drawn_flight, write_gold


def features_of(engine: Engine, flights: dict[str, pd.DataFrame], aircraft_type: str | None = "c172p") -> pd.DataFrame:
    write_gold(engine, {session_id: (aircraft_type, flight) for session_id, flight in flights.items()})
    gold = {"sessions": engine.table(GOLD_SESSIONS.name), "flight_samples": engine.table(FLIGHT_SAMPLES.name)}
    return features(gold, {}).toPandas().sort_values(["session_id", "second"]).reset_index(drop=True)


@pytest.fixture(scope="module")
def table(module_engine: Engine) -> dict[str, Any]:
    """Features by session: a full flight, the same with a long and a short gap, and with channels missing."""
    full = drawn_flight(5)
    channels = [name for name in full.columns if name not in ("second", "is_gap", "maneuver", "is_upset")]
    gaps = full.copy()
    holes = gaps["second"].between(100, 139) | gaps["second"].between(200, 203)
    gaps.loc[holes, channels] = np.nan
    gaps.loc[holes, "is_gap"] = True
    gaps["maneuver"] = gaps["maneuver"].mask(holes, None)
    bare = full.copy()
    bare[["vertical_speed_fpm", "pitch_deg", "engine_rpm", "altitude_msl_ft"]] = np.nan
    found = features_of(module_engine, {"full": full, "gaps": gaps, "bare": bare})
    return {str(name): rows.reset_index(drop=True) for name, rows in found.groupby("session_id")}


def test_every_second_with_a_sample_has_all_features_and_no_other_has(table: dict[str, Any]) -> None:
    assert set(FEATURES) <= set(table["full"].columns)
    assert len(table["full"]) - len(table["gaps"]) == 44
    assert not table["gaps"]["second"].isin([100, 139, 200, 203]).any()


def test_heights_are_above_the_field(table: dict[str, Any]) -> None:
    rows = table["full"].set_index("second")
    assert rows.loc[10, "height_ft"] == pytest.approx(0, abs=10)
    top = rows["altitude_ft"].idxmax()
    assert rows.loc[top, "height_ft"] == pytest.approx(rows.loc[top, "altitude_ft"] - FIELD_FT, abs=10)


def test_turn_rate_wraps_at_north(table: dict[str, Any]) -> None:
    flight = table["full"]
    assert flight["turn_rate_dps"].abs().max() < 20
    steep = flight[flight["maneuver"] == "steep_turn"]
    assert steep["turn_size_dps_mean_within4"].median() > 8


def test_no_window_reaches_across_a_long_gap(table: dict[str, Any]) -> None:
    rows = table["gaps"].set_index("second")
    assert rows.loc[99, "stretch"] != rows.loc[140, "stretch"]
    assert rows.loc[199, "stretch"] == rows.loc[204, "stretch"]
    assert np.isnan(rows.loc[99, "altitude_ft_change_next60"])
    assert np.isnan(rows.loc[140, "altitude_ft_change_past10"])
    full = table["full"].set_index("second")
    assert rows.loc[60, "climb_fpm_mean_within12"] == full.loc[60, "climb_fpm_mean_within12"]


def test_missing_channels_are_replaced_or_unknown_never_zero(table: dict[str, Any]) -> None:
    full, bare = table["full"], table["bare"]
    assert bare["pitch_deg"].isna().all()
    assert bare["engine_rpm_mean_within4"].isna().all()
    assert (bare["altitude_ft"] - full["altitude_ft"]).abs().median() == pytest.approx(12.0, abs=0.1)
    climbing = full["maneuver"] == "climb"
    assert bare.loc[climbing, "climb_fpm"].median() == pytest.approx(800, abs=80)


def test_windows_are_what_their_names_say() -> None:
    random = np.random.default_rng(1)
    names = ("altitude_ft", "height_ft", "height_departure_ft", "height_destination_ft", "speed_ratio")
    names += ("ground_speed_ratio", "climb_fpm", "pitch_deg", "bank_deg", "turn_rate_dps", "load_factor_g")
    names += ("engine_rpm", "seconds_since_ground", "seconds_to_ground")
    signals = pd.DataFrame({name: random.normal(size=300) for name in names})
    signals.loc[40:45, "climb_fpm"] = np.nan
    found = windows_of(signals)
    climb, bank = signals["climb_fpm"].to_numpy(), signals["bank_deg"].abs().to_numpy()
    for second in (0, 3, 42, 150, 299):
        around = slice(max(second - 12, 0), second + 13)
        assert found["climb_fpm_mean_within12"][second] == pytest.approx(np.nanmean(climb[around]), abs=1e-3)
        assert found["bank_size_deg_maximum_within12"][second] == pytest.approx(bank[around].max(), abs=1e-3)
        after = climb[second : second + 31]
        assert found["climb_fpm_mean_next30"][second] == pytest.approx(np.nanmean(after), abs=1e-3)
        before = climb[max(second - 90, 0) : second + 1]
        assert found["climb_fpm_mean_past90"][second] == pytest.approx(np.nanmean(before), abs=1e-3)
    altitude = signals["altitude_ft"].to_numpy()
    assert found["altitude_ft_change_next60"][100] == pytest.approx(altitude[160] - altitude[100], abs=1e-3)
    assert found["altitude_ft_change_past10"][100] == pytest.approx(altitude[90] - altitude[100], abs=1e-3)


def test_definitions_rule_out_what_cannot_be(table: dict[str, Any]) -> None:
    rows = table["full"]
    even = np.full((len(rows), len(MANEUVERS)), 1 / len(MANEUVERS))
    kept = pd.DataFrame(within_limits(rows, even), columns=pd.Index(MANEUVERS))
    assert kept.sum(axis=1).to_numpy() == pytest.approx(1.0)
    cruising = (rows["maneuver"] == "cruise") & (rows["speed_ratio_minimum_within4"] > 1.8)
    ruled_out = kept[cruising].max()
    assert (ruled_out[["steep_turn", "stall", "takeoff", "landing"]] < 1e-3).all()
    decelerating = (rows["maneuver"] == "slow_flight") & (rows["speed_ratio_mean_within4"] > 1.45)
    kept, rows = kept[~decelerating], rows[~decelerating]
    for name in set(rows["maneuver"].dropna()):
        assert (kept.loc[rows["maneuver"] == name, name] > 0.01).mean() > 0.85, name
