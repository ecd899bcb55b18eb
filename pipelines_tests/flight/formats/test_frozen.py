from __future__ import annotations

import numpy as np
import pytest

from pipelines.flight.formats import read_session
from pipelines_tests.flight.formats.made_flight import garmin_log, made_flight


@pytest.mark.parametrize(
    ("channel", "column"),
    [
        ("indicated_airspeed_kt", "IAS"),
        ("altitude_msl_ft", "AltMSL"),
        ("altitude_indicated_ft", "AltB"),
        ("ground_speed_kt", "GndSpd"),
        ("pitch_deg", "Pitch"),
        ("roll_deg", "Roll"),
        ("heading_deg", "HDG"),
        ("vertical_speed_fpm", "VSpd"),
        ("normal_acceleration_g", "NormAc"),
        ("engine_rpm", "E1 RPM"),
    ],
)
def test_a_sensor_frozen_for_minutes_in_flight_is_made_missing_there(flight, channel, column):
    stuck = flight[channel].copy()
    stuck[400:580] = stuck[400]
    session = read_session("log.csv", garmin_log({**flight, channel: stuck}))
    values = session.samples[channel]
    assert values[400:580].null_count() == 180
    assert values.null_count() == 180
    (repair,) = [repair for repair in session.repairs if "stood still" in repair]
    assert f"'{column}'" in repair
    assert "179 s" in repair
    others = [c for c in ("latitude_deg", "indicated_airspeed_kt", "altitude_msl_ft", "roll_deg") if c != channel]
    assert all(session.samples[other].null_count() == 0 for other in others)


def test_a_frozen_position_is_made_missing_as_a_whole(flight):
    stuck = {
        c: np.concatenate([v[:400], np.full(150, v[400]), v[550:]])
        for c, v in flight.items()
        if c in ("latitude_deg", "longitude_deg")
    }
    session = read_session("log.csv", garmin_log({**flight, **stuck}))
    assert session.samples["latitude_deg"].null_count() == session.samples["longitude_deg"].null_count() == 150


def test_flying_along_a_meridian_keeps_its_longitude():
    flight = made_flight()
    flight["longitude_deg"][300:500] = -97.1
    assert read_session("log.csv", garmin_log(flight)).samples["longitude_deg"].null_count() == 0


def test_parked_is_not_frozen(flight):
    parked = {c: np.concatenate([np.full(300, v[0]), v]) for c, v in flight.items()}
    parked["elapsed_s"] = np.arange(len(parked["roll_deg"]), dtype=float)
    session = read_session("log.csv", garmin_log(parked))
    assert not [repair for repair in session.repairs if "stood still" in repair]


def test_a_sensor_frozen_for_the_whole_flight_is_missing(flight):
    session = read_session("log.csv", garmin_log({**flight, "heading_deg": np.full_like(flight["heading_deg"], 123.4)}))
    airborne = slice(200, 1000)
    assert session.samples["heading_deg"][airborne].null_count() == 800


def test_coarse_sensors_may_rest_longer(flight):
    coarse = np.round(flight["true_airspeed_kt"] / 10) * 10
    session = read_session("log.csv", garmin_log({**flight, "true_airspeed_kt": coarse}))
    assert session.samples["true_airspeed_kt"].null_count() == 0
