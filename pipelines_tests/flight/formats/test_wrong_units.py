"""A channel in another unit than declared is refused and named; real and odd flying is not."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.flight.formats import QuarantineError, read_session
from pipelines_tests.flight.formats.made_flight import KNOT, garmin_log, made_flight, trainer_map, trainer_table

RADIANS = np.pi / 180


@pytest.mark.parametrize(
    ("channel", "factor", "unit"),
    [
        ("indicated_airspeed_kt", KNOT, "m/s"),
        ("indicated_airspeed_kt", 1.852, "km/h"),
        ("true_airspeed_kt", KNOT, "m/s"),
        ("ground_speed_kt", KNOT, "m/s"),
        ("ground_speed_kt", 1.852, "km/h"),
        ("ground_speed_kt", 1.15078, "mph"),
        ("altitude_msl_ft", 0.3048, "metres"),
        ("altitude_indicated_ft", 0.3048, "metres"),
        ("vertical_speed_fpm", 0.3048 / 60, "m/s"),
        ("vertical_speed_fpm", -1, "sign"),
        ("roll_deg", RADIANS, "radians"),
        ("roll_deg", -1, "sign"),
        ("pitch_deg", RADIANS, "radians"),
        ("pitch_deg", -1, "sign"),
        ("heading_deg", RADIANS, "radians"),
        ("track_deg", RADIANS, "radians"),
        ("latitude_deg", None, "radians"),
        ("normal_acceleration_g", 9.80665, "m/s^2"),
    ],
)
def test_one_channel_in_a_wrong_unit(read_trainer, flight, channel, factor, unit):
    if factor is None:
        spoilt = {"latitude_deg": flight["latitude_deg"] * RADIANS, "longitude_deg": flight["longitude_deg"] * RADIANS}
    else:
        spoilt = {channel: flight[channel] * factor}
    with pytest.raises(QuarantineError) as caught:
        read_trainer(trainer_table({**flight, **spoilt}))
    error = caught.value
    assert error.code == "wrong_units"
    assert error.location == f"column {channel!r}"
    assert unit in error.reason
    assert "session.csv" in error.reason


def test_two_minutes_of_steep_turns_are_not_taken_for_miles_an_hour(read_trainer):
    flight = made_flight(seconds=120)
    t, speed, bank = flight["elapsed_s"], 100.0, 45.0
    rate = 1091 * np.tan(np.radians(bank)) / speed
    heading = (rate * t) % 360
    place = np.cumsum(speed * KNOT * np.exp(1j * np.radians(heading)))
    turning = {
        "latitude_deg": 47.9 + np.real(place) / 111120,
        "longitude_deg": -97.1 + np.imag(place) / (111120 * np.cos(np.radians(47.9))),
        "altitude_msl_ft": np.full_like(t, 3000.0) + np.sin(t),
        "altitude_indicated_ft": np.full_like(t, 3000.0) + np.sin(t),
        "vertical_speed_fpm": 60 * np.cos(t),
        "indicated_airspeed_kt": speed - 4 + np.sin(t),
        "true_airspeed_kt": speed + np.sin(t),
        "ground_speed_kt": speed + 0.1 * np.sin(t),
        "roll_deg": bank + np.sin(t),
        "heading_deg": heading,
        "track_deg": heading,
        "normal_acceleration_g": 1.41 + 0.01 * np.sin(t),
    }
    assert read_trainer(trainer_table({**flight, **turning})).samples.height == len(t)


def test_all_speeds_and_altitudes_in_si_units(read_trainer, flight):
    speeds = {c: flight[c] * KNOT for c in ("indicated_airspeed_kt", "true_airspeed_kt", "ground_speed_kt")}
    altitudes = {c: flight[c] * 0.3048 for c in ("altitude_msl_ft", "altitude_indicated_ft")}
    for spoilt in (speeds, altitudes, speeds | altitudes):
        with pytest.raises(QuarantineError) as caught:
            read_trainer(trainer_table({**flight, **spoilt}))
        assert caught.value.code == "wrong_units"


def test_airspeed_without_positions_is_judged_by_its_turns(read_trainer, flight):
    blind = {
        c: np.full_like(v, np.nan)
        for c, v in flight.items()
        if c in ("latitude_deg", "longitude_deg", "ground_speed_kt", "track_deg")
    }
    spoilt = {
        **flight,
        **blind,
        "indicated_airspeed_kt": flight["indicated_airspeed_kt"] * KNOT,
        "true_airspeed_kt": flight["true_airspeed_kt"] * KNOT,
    }
    content = trainer_table(spoilt).replace(b"NaN", b"")
    with pytest.raises(QuarantineError) as caught:
        read_trainer(content)
    assert caught.value.location == "column 'indicated_airspeed_kt'"
    assert "bank and rate of turn" in caught.value.reason


def test_metres_without_vertical_speed_are_judged_by_pitch_and_speed(read_trainer, flight):
    spoilt = {c: flight[c] * 0.3048 for c in ("altitude_msl_ft", "altitude_indicated_ft")}
    with pytest.raises(QuarantineError) as caught:
        read_trainer(
            trainer_table({**flight, **spoilt, "vertical_speed_fpm": np.full_like(flight["roll_deg"], np.nan)}).replace(
                b"NaN", b""
            )
        )
    assert caught.value.location == "column 'altitude_msl_ft'"
    assert "metres" in caught.value.reason


def test_time_in_milliseconds_declared_as_seconds(tmp_path):
    flight = made_flight(seconds=160, rate_hz=10)
    path = tmp_path / "map.yaml"
    path.write_text(trainer_map(flight))
    with pytest.raises(QuarantineError) as caught:
        read_session("s.csv", trainer_table({**flight, "elapsed_s": flight["elapsed_s"] * 1000}), [path])
    assert caught.value.code in ("no_time_axis", "wrong_units")


def test_a_garmin_log_in_metres_and_metres_per_second(flight):
    spoilt = {**flight, "altitude_msl_ft": flight["altitude_msl_ft"] * 0.3048}
    with pytest.raises(QuarantineError) as caught:
        read_session("log.csv", garmin_log(spoilt))
    assert (caught.value.code, caught.value.location) == ("wrong_units", "column 'AltMSL'")
    with pytest.raises(QuarantineError) as caught:
        read_session("log.csv", garmin_log({**flight, "indicated_airspeed_kt": flight["indicated_airspeed_kt"] * KNOT}))
    assert (caught.value.code, caught.value.location) == ("wrong_units", "column 'IAS'")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rate_hz", [1, 5])
def test_sound_flights_pass(tmp_path, seed, rate_hz):
    flight = made_flight(seconds=500 + 90 * seed, rate_hz=rate_hz, seed=seed)
    path = tmp_path / "map.yaml"
    path.write_text(trainer_map(flight))
    session = read_session("s.csv", trainer_table(flight), [path])
    assert session.sample_count == len(flight["elapsed_s"])
    assert session.repairs == []


def test_a_session_on_the_ground_passes(flight):
    parked = {c: v[:90] for c, v in flight.items()}
    assert read_session("log.csv", garmin_log(parked)).sample_count == 89
