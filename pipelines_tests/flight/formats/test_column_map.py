"""Declared maps: every kind of clock, unit and layout they cover, and clear errors for bad ones."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.flight.channels import CHANNELS
from pipelines.flight.formats import BUILT_IN_MAPS, ColumnMapError, QuarantineError, read_session
from pipelines.flight.formats.column_map import read_column_map
from pipelines.flight.formats.map_folders import load_column_maps
from pipelines.flight.formats.units import conversion, known_units
from pipelines_tests.flight.formats.made_flight import (
    KNOT,
    START,
    made_flight,
    table,
    trainer_map,
    trainer_table,
)

EPOCH_S = START.timestamp()
FINE = made_flight(seconds=300, rate_hz=10)


def read(tmp_path: Path, content: bytes, time: str, name: str = "s.csv", text: str | None = None):
    path = tmp_path / "map.yaml"
    path.write_text(text or trainer_map(FINE, time=time))
    return read_session(name, content, [path])


@pytest.mark.parametrize(
    ("time", "write", "tolerance", "absolute"),
    [
        ("{column: t, kind: elapsed}", lambda s: f"{s:.3f}", 1e-3, False),
        ("{column: t, kind: elapsed, unit: ms}", lambda s: f"{s * 1000:.0f}", 1e-3, False),
        ("{column: t, kind: epoch, unit: ms}", lambda s: f"{(EPOCH_S + s) * 1000:.0f}", 1e-3, True),
        ("{column: t, kind: epoch, unit: ms}", lambda s: f"{(EPOCH_S + s) * 1000:.12E}", 1e-3, True),
        ("{column: t, kind: epoch, unit: us}", lambda s: f"{(EPOCH_S + s) * 1e6:.0f}", 1e-3, True),
        ("{column: t, kind: epoch, unit: s}", lambda s: f"{EPOCH_S + s:.2f}", 1e-2, True),
        ("{column: t, kind: timestamp}", lambda s: iso(s) + " GMT", 1e-3, True),
        ("{column: t, kind: timestamp}", lambda s: iso(s) + "Z", 1e-3, True),
        ("{column: t, kind: timestamp}", lambda s: iso(s), 1e-3, True),
        ("{column: t, kind: timestamp}", lambda s: iso(s + 7200) + "+02:00", 1e-3, True),
        ("{column: t, kind: timestamp}", lambda s: iso(s - 5.5 * 3600).replace("T", " ") + " -0530", 1e-3, True),
        ("{column: t, kind: timestamp, utc_offset: '+02:00'}", lambda s: iso(s + 7200).replace("T", " "), 1e-3, True),
        (
            "{column: t, kind: timestamp, format: '%d.%m.%Y %H:%M:%S%.f'}",
            lambda s: "20.07.2024 " + iso(s)[11:],
            1e-3,
            True,
        ),
        ("{column: t, kind: time_of_day}", lambda s: clock(s + 86400 - 100), 1e-3, False),
        ("{column: t, kind: minutes_seconds}", lambda s: minutes(s + 3600 - 100), 1e-3, False),
    ],
)
def test_kinds_of_clock(tmp_path, time, write, tolerance, absolute):
    stamps = [write(second) for second in FINE["elapsed_s"].tolist()]
    session = read(tmp_path, trainer_table(FINE, t=stamps), time)
    assert np.abs(session.samples["elapsed_s"].to_numpy() - FINE["elapsed_s"]).max() <= tolerance
    if absolute:
        assert session.started_at is not None
        assert abs((session.started_at - START).total_seconds()) <= 0.01
    else:
        assert session.started_at is None
        assert session.samples["recorded_at"].null_count() == session.sample_count
    assert session.repairs == []


def iso(second: float) -> str:
    moment = np.datetime64(round((EPOCH_S + second) * 1000), "ms")
    return str(moment)


def clock(second: float) -> str:
    second %= 86400
    return f"{int(second // 3600):02d}:{minutes(second)}"


def minutes(second: float) -> str:
    tenths = round(second % 3600 * 10)
    return f"{tenths // 600:02d}:{tenths % 600 // 10:02d}.{tenths % 10}"


def test_date_and_time_in_two_columns_with_an_offset_column(tmp_path):
    stamps = [iso(second + 3600) for second in FINE["elapsed_s"].tolist()]
    content = trainer_table(
        FINE, t=[s[11:] for s in stamps], day=[s[:10] for s in stamps], zone=["+01:00"] * len(stamps)
    )
    session = read(tmp_path, content, "{column: [day, t], kind: timestamp, utc_offset_column: zone}")
    assert session.started_at == START


def test_stamps_with_and_without_fractions_of_a_second(tmp_path):
    stamps = [iso(second).removesuffix(".000") for second in FINE["elapsed_s"].tolist()]
    assert len({len(stamp) for stamp in stamps}) == 2
    session = read(tmp_path, trainer_table(FINE, t=stamps), "{column: t, kind: timestamp}")
    assert np.abs(session.samples["elapsed_s"].to_numpy() - FINE["elapsed_s"]).max() <= 1e-3
    assert session.repairs == []


def test_repeated_stamps_by_the_thousand_stay_thousands_of_samples(tmp_path):
    stamps = [iso(np.floor(second)) for second in FINE["elapsed_s"].tolist()]
    session = read(tmp_path, trainer_table(FINE, t=stamps), "{column: t, kind: timestamp}")
    assert session.sample_count == 3000
    assert np.abs(session.samples["elapsed_s"].to_numpy() - FINE["elapsed_s"]).max() < 0.3


def test_si_units_signs_offsets_tabs_and_padded_headers(tmp_path):
    text = """
name: phone
description: A phone logger in SI units.
delimiter: "\\t"
header_columns_required: [Zeit, Hoehe]
time: {column: Zeit, kind: elapsed, unit: ms}
channels:
  latitude_deg: {column: Breite, unit: rad}
  longitude_deg: {column: Laenge, unit: rad}
  altitude_msl_ft: {column: Hoehe, unit: m, offset: -47}
  ground_speed_kt: {column: Tempo, unit: km/h}
  vertical_speed_fpm: {column: Steigen, unit: m/s}
  roll_deg: {column: Rollen, unit: rad, sign: -1}
  pitch_deg: {column: Nicken, unit: deg, scale: 0.01}
  normal_acceleration_g: {column: az, unit: m/s^2, sign: -1}
  outside_air_temperature_c: {column: T, unit: K}
"""
    content = table(
        {
            "  Zeit": np.round(FINE["elapsed_s"] * 1000),
            " Breite ": np.radians(FINE["latitude_deg"]),
            "Laenge": np.radians(FINE["longitude_deg"]),
            "Hoehe": FINE["altitude_msl_ft"] * 0.3048 + 47,
            "Tempo": FINE["ground_speed_kt"] * 1.852,
            "Steigen": FINE["vertical_speed_fpm"] * 0.3048 / 60,
            "Rollen": -np.radians(FINE["roll_deg"]),
            "Nicken": FINE["pitch_deg"] * 100,
            "az": -9.80665 * FINE["normal_acceleration_g"],
            "T": FINE["outside_air_temperature_c"] + 273.15,
        },
        delimiter="\t",
    )
    session = read(tmp_path, content, "", text=text)
    assert session.device_kind is None
    for channel in set(CHANNELS) - set(session.missing_channels):
        assert np.allclose(session.samples[channel], FINE[channel], rtol=1e-9, atol=1e-6), channel


def test_decimal_commas_metadata_and_rows_after_the_header(tmp_path):
    text = (
        trainer_map(FINE)
        .replace(
            "header_columns",
            'delimiter: ";"\ndecimal_comma: true\ncomment_prefix: "#"\nrows_after_header: 1\n'
            "aircraft_metadata: aircraft\nheader_columns",
        )
        .replace("unit: s}", "unit: s, start_metadata: started}", 1)
    )
    body = trainer_table(FINE).replace(b",", b";").replace(b".", b",").split(b"\n", 1)
    content = b"# aircraft: Cessna 182\n# started = 2024-07-20T15:00:00Z\n" + body[0] + b"\nunits;of;all\n" + body[1]
    session = read(tmp_path, content, "", text=text)
    assert session.aircraft_type == "c182"
    assert session.started_at == START
    assert np.allclose(session.samples["roll_deg"], FINE["roll_deg"], atol=1e-5)


@pytest.mark.parametrize("typed_time", [False, True])
def test_parquet_with_the_same_map(tmp_path, typed_time):
    columns = {"t": FINE["elapsed_s"], **{c: v for c, v in FINE.items() if c != "elapsed_s"}}
    frame = pl.DataFrame(columns)
    time = "{column: t, kind: elapsed}"
    if typed_time:
        micros = pl.Series("t", np.round((EPOCH_S + FINE["elapsed_s"]) * 1e6).astype(np.int64))
        frame = frame.with_columns(micros.cast(pl.Datetime("us", "UTC")))
        time = "{column: t, kind: timestamp}"
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    session = read(tmp_path, buffer.getvalue(), time, "s.parquet")
    assert (session.started_at == START) is typed_time
    assert np.array_equal(session.samples["heading_deg"], FINE["heading_deg"])


def test_a_users_map_goes_before_a_built_in_one_and_counts_by_its_own_folder(tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / "trainer.yaml").write_text(trainer_map(FINE).replace("device_kind: simulator", "device_kind: aircraft"))
    session = read_session("s.csv", trainer_table(FINE), [BUILT_IN_MAPS, own])
    assert (session.source_format, session.device_kind) == ("trainer", "aircraft")
    with pytest.raises(QuarantineError):
        read_session("s.csv", trainer_table(FINE))


def test_a_changed_map_is_read_again(tmp_path):
    path = tmp_path / "map.yaml"
    path.write_text(trainer_map(FINE))
    assert read_session("s.csv", trainer_table(FINE), path).airframe_name is None
    path.write_text(trainer_map(FINE) + "aircraft: PA-28-181\n")
    assert read_session("s.csv", trainer_table(FINE), path).aircraft_type == "p28a"


def test_nearest_map_is_named_when_a_required_column_lacks(tmp_path):
    content = trainer_table(FINE).replace(b"altitude_msl_ft", b"height")
    with pytest.raises(QuarantineError) as caught:
        read(tmp_path, content, "{column: t, kind: elapsed}")
    assert caught.value.code == "unknown_format"
    assert "'trainer'" in caught.value.reason
    assert "'altitude_msl_ft'" in caught.value.reason


def test_a_file_without_the_maps_time_column(tmp_path):
    with pytest.raises(QuarantineError) as caught:
        read(tmp_path, trainer_table(FINE), "{column: clock, kind: elapsed}")
    assert caught.value.code == "no_time_axis"
    assert "'clock'" in caught.value.location


def test_all_built_in_maps_load():
    maps = {column_map.name for column_map in load_column_maps((BUILT_IN_MAPS,))}
    assert {"xplane", "jsbsim", "msfs_flight_recorder", "training_device"} <= maps


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("kind: elapsed", "kind: sundial"), "time.kind"),
        (('unit: "kt"', "unit: furlong"), "unit"),
        (("roll_deg: {", "bank_deg: {"), "channels.bank_deg"),
        (("name: trainer", "name: Trainer One"), "name"),
        (("description:", "descripton:"), "descripton"),
        (
            ("header_columns_required: [t, latitude_deg, altitude_msl_ft]", "header_columns_required: []"),
            "header_columns_required",
        ),
        (("device_kind: simulator", "device_kind: toy"), "device_kind"),
        (("{column: t,", "{colum: t,"), "time.colum"),
        (("channels:", "channels: ["), "not YAML"),
    ],
)
def test_bad_maps_say_what_and_where(tmp_path, change, expected):
    path = tmp_path / "bad.yaml"
    before, after = change
    text = trainer_map(FINE)
    assert before in text
    path.write_text(text.replace(before, after, 1))
    with pytest.raises(ColumnMapError) as caught:
        read_column_map(path)
    assert "bad.yaml" in str(caught.value)
    assert expected in str(caught.value)


def test_missing_map_folder_is_an_error_of_the_setup_not_of_the_file(tmp_path):
    with pytest.raises(ColumnMapError, match="no such file or folder"):
        read_session("s.csv", trainer_table(FINE), [tmp_path / "nowhere"])


def test_every_canonical_unit_has_conversions():
    for channel in CHANNELS.values():
        assert conversion(channel.unit, channel.unit) == (1, 0)
        assert channel.unit in known_units(channel.unit)
    assert conversion("m/s", "kt") == pytest.approx((1 / KNOT, 0))
    assert conversion("Knots", "kt") == (1, 0)
    assert conversion("furlong", "ft") is None
