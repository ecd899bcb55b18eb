from __future__ import annotations

import numpy as np
import pytest

from pipelines.flight.formats import read_session
from pipelines_tests.flight.formats.made_flight import garmin_log

DIP = np.array([-2, -25, -52, -75, -74, -8, 18, 18, 10, 4], dtype=float)


def test_airspeed_that_collapses_at_a_steady_ground_speed_is_made_missing(flight):
    # fly straight and level, so that the ground speed is steady
    level = {**flight, "ground_speed_kt": np.where(flight["ground_speed_kt"] > 60, 105.0, flight["ground_speed_kt"])}
    level |= {c: np.full_like(flight[c], np.nan) for c in ("latitude_deg", "longitude_deg", "track_deg")}
    level["ground_speed_kt"] = level["ground_speed_kt"] + np.random.default_rng(1).normal(0, 0.3, 1200)
    airspeed = flight["indicated_airspeed_kt"].copy()
    airspeed[600:610] += DIP
    session = read_session("log.csv", garmin_log({**level, "indicated_airspeed_kt": airspeed}))
    for channel in ("indicated_airspeed_kt", "true_airspeed_kt", "vertical_speed_fpm", "altitude_indicated_ft"):
        assert session.samples[channel][600:609].null_count() == 9
        assert 12 <= session.samples[channel].null_count() <= 20
    assert session.samples["altitude_msl_ft"].null_count() == 0
    assert any("air data were disturbed" in repair for repair in session.repairs)


def test_an_airspeed_that_the_ground_speed_follows_is_flown(flight):
    faster = {c: flight[c].copy() for c in ("indicated_airspeed_kt", "true_airspeed_kt", "ground_speed_kt")}
    for values in faster.values():
        values[600:610] += DIP / 1.5
    session = read_session("log.csv", garmin_log({**flight, **faster}))
    assert session.samples["indicated_airspeed_kt"].null_count() == 0


@pytest.mark.parametrize("channel", ["ground_speed_kt", "indicated_airspeed_kt"])
def test_nothing_is_judged_without_either_speed(flight, channel):
    session = read_session("log.csv", garmin_log({**flight, channel: np.full_like(flight[channel], np.nan)}))
    assert not [repair for repair in session.repairs if "air data" in repair]
