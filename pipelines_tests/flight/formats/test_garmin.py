from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from pipelines.flight.channels import CHANNEL_NAMES
from pipelines.flight.formats import QuarantineError, read_session
from pipelines_tests.flight.formats.made_flight import GARMIN_COLUMNS, START, garmin_log, garmin_stamps


def test_channels_come_out_in_canonical_units(flight):
    session = read_session("log.csv", garmin_log(flight))
    samples = session.samples
    assert session.source_format == "garmin"
    assert session.device_kind == "aircraft"
    assert (session.airframe_name, session.aircraft_type) == ("Cessna 172S", "c172s")
    assert samples.columns == ["sample_index", "elapsed_s", "recorded_at", *CHANNEL_NAMES]
    assert samples.schema["recorded_at"] == pl.Datetime("us", "UTC")
    assert all(samples.schema[channel] == pl.Float64 for channel in CHANNEL_NAMES)
    for channel, decimals in (("indicated_airspeed_kt", 2), ("altitude_msl_ft", 1), ("roll_deg", 2)):
        assert np.allclose(samples[channel], flight[channel][:-1], atol=0.51 * 10**-decimals)


def test_load_factor_is_logged_less_one(flight):
    samples = read_session("log.csv", garmin_log(flight)).samples
    assert np.allclose(samples["normal_acceleration_g"], flight["normal_acceleration_g"][:-1], atol=0.006)


def test_last_row_is_dropped_and_counted(flight):
    session = read_session("log.csv", garmin_log(flight))
    assert session.sample_count == len(flight["elapsed_s"]) - 1 == len(session.samples)
    assert session.dropped_rows == 1
    assert any("cut off" in repair for repair in session.repairs)


def test_what_the_avionics_lacks_is_null_never_zero(flight):
    session = read_session("log.csv", garmin_log(flight))
    for channel in ("flaps_deg", "throttle_position", "elevator_position", "on_ground", "altitude_agl_ft"):
        assert channel in session.missing_channels
        assert session.samples[channel].null_count() == session.sample_count


def test_utc_from_local_time_and_offset(flight):
    session = read_session("log.csv", garmin_log(flight))
    assert session.started_at == START == datetime(2024, 7, 20, 15, tzinfo=UTC)
    assert session.samples["recorded_at"][60] == datetime(2024, 7, 20, 15, 1, tzinfo=UTC)


@pytest.mark.parametrize("altimeter", ["AltB", "AltInd"])
def test_columns_vary_by_airframe(flight, altimeter):
    columns = {altimeter if name == "AltB" else name: cell for name, cell in GARMIN_COLUMNS.items()}
    columns |= {"E1 MAP": (None, 2), "E2 RPM": ("fuel_flow_gph", 1), "PichC": (None, 1)}
    samples = read_session("log.csv", garmin_log(flight, columns=columns)).samples
    assert np.allclose(samples["altitude_indicated_ft"], flight["altitude_indicated_ft"][:-1], atol=0.06)
    assert np.allclose(samples["engine_rpm"], flight["engine_rpm"][:-1], atol=0.06)


def test_airframe_without_engine_columns(flight):
    columns = {name: cell for name, cell in GARMIN_COLUMNS.items() if not name.startswith("E1")}
    session = read_session("log.csv", garmin_log(flight, columns=columns))
    assert {"engine_rpm", "fuel_flow_gph"} <= set(session.missing_channels)
    assert session.samples["pitch_deg"].null_count() == 0


def test_blank_date_and_time_until_the_fix(flight):
    stamps = garmin_stamps(len(flight["elapsed_s"]))
    blank = 25
    stamps = [("          ", "        ", "      ")] * blank + stamps[blank:]
    without_fix = {**flight}
    for channel in ("latitude_deg", "longitude_deg", "ground_speed_kt", "altitude_msl_ft"):
        without_fix[channel] = np.where(np.arange(len(stamps)) < blank, np.nan, flight[channel])
    session = read_session("log.csv", garmin_log(without_fix, stamps=stamps))
    assert session.started_at == START
    assert session.samples["elapsed_s"].to_list()[: blank + 2] == list(range(blank + 2))
    assert session.samples["latitude_deg"].null_count() == blank
    assert any("25 row(s) had no readable time" in repair for repair in session.repairs)


def test_clock_jumping_back_ten_seconds_keeps_the_row_order(flight):
    stamps = garmin_stamps(len(flight["elapsed_s"]))
    stamps = stamps[:400] + garmin_stamps(len(stamps))[390:-10]
    session = read_session("log.csv", garmin_log(flight, stamps=stamps))
    elapsed = session.samples["elapsed_s"].to_numpy()
    assert np.array_equal(elapsed, np.arange(len(elapsed)))
    assert any("set back by" in repair and "sample 400" in repair for repair in session.repairs)
    assert session.samples["recorded_at"].is_sorted()


def test_repeated_and_skipped_seconds_become_an_even_axis(flight):
    random = np.random.default_rng(3)
    stamps = garmin_stamps(len(flight["elapsed_s"]) + 1)
    # the unit stamps some rows a moment late: a repeated second, then a skipped one
    late = random.random(len(flight["elapsed_s"])) < 0.2
    shifted = [stamps[row + int(is_late)] for row, is_late in enumerate(late)]
    session = read_session("log.csv", garmin_log(flight, stamps=shifted))
    elapsed = session.samples["elapsed_s"].to_numpy()
    assert session.sample_count == len(flight["elapsed_s"]) - 1
    assert np.diff(elapsed).min() >= 1
    assert np.abs(elapsed - np.arange(len(elapsed))).max() <= 1


def test_lost_seconds_stay_lost(flight):
    kept = np.ones(len(flight["elapsed_s"]), dtype=bool)
    kept[300:360] = False
    kept[500] = False
    stamps = [stamp for stamp, keep in zip(garmin_stamps(len(kept)), kept, strict=True) if keep]
    part = {channel: values[kept] for channel, values in flight.items()}
    session = read_session("log.csv", garmin_log(part, stamps=stamps))
    assert np.array_equal(session.samples["elapsed_s"], np.flatnonzero(kept)[:-1])


def test_wind_direction_and_headings_lie_in_the_circle(flight):
    columns = {**GARMIN_COLUMNS, "WndDr": ("track_deg", 1)}
    signed = {**flight, "track_deg": (flight["track_deg"] + 180) % 360 - 180}
    samples = read_session("log.csv", garmin_log(signed, columns=columns)).samples
    for channel in ("wind_direction_deg", "track_deg"):
        away = (samples[channel].to_numpy() - flight["track_deg"][:-1] + 180) % 360 - 180
        assert np.abs(away).max() < 0.06
        assert samples[channel].is_between(0, 360).all()


def test_airspeed_slightly_below_zero_on_the_ground_stays(flight):
    taxi = {
        **flight,
        "indicated_airspeed_kt": np.where(flight["indicated_airspeed_kt"] < 1, -0.9, flight["indicated_airspeed_kt"]),
    }
    session = read_session("log.csv", garmin_log(taxi))
    assert session.samples["indicated_airspeed_kt"].min() == -0.9
    assert session.samples["indicated_airspeed_kt"].null_count() == 0


def test_header_without_time_columns_is_quarantined_naming_the_column(flight):
    log = garmin_log(flight).replace(b"Lcl Time", b"Sys Time")
    with pytest.raises(QuarantineError) as caught:
        read_session("cards/log.csv", log)
    assert caught.value.code == "no_time_axis"
    assert "log.csv" in caught.value.reason
    assert "'Lcl Time'" in caught.value.location
    assert caught.value.remedy


@pytest.mark.parametrize("lines", [1, 2, 3])
def test_log_cut_off_in_its_header(flight, lines):
    head = b"\n".join(garmin_log(flight).split(b"\n")[:lines])
    with pytest.raises(QuarantineError) as caught:
        read_session("log.csv", head)
    assert caught.value.code in ("truncated", "no_rows")


def test_a_log_that_never_had_a_fix_has_no_time_axis(flight):
    stamps = [("", "", "")] * len(flight["elapsed_s"])
    with pytest.raises(QuarantineError) as caught:
        read_session("log.csv", garmin_log(flight, stamps=stamps))
    assert caught.value.code == "no_time_axis"
