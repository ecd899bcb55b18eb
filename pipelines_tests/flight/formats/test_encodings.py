"""The same log in other encodings, line ends and packings is the same session."""

from __future__ import annotations

import gzip
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipelines.flight.formats import read_session
from pipelines_tests.flight.formats.made_flight import garmin_log

BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    "encode",
    [
        lambda log: log,
        lambda log: BOM + log,
        lambda log: log.decode().encode("utf-16"),
        lambda log: log.decode().encode("utf-16-le"),
        lambda log: log.decode().encode("utf-16-be"),
        lambda log: b"\xfe\xff" + log.decode().encode("utf-16-be"),
        lambda log: log.replace(b"\n", b"\r\n"),
        lambda log: log.replace(b"\n", b"\r"),
        lambda log: log.replace(b"\n", b"\r\r\n"),
        lambda log: b"\r\n".join(log.split(b"\n", 300)),
        lambda log: log.replace(b"\n", b"\n\n"),
        gzip.compress,
        lambda log: gzip.compress(BOM + log.replace(b"\n", b"\r\n")),
        lambda log: gzip.compress(log[:5000]) + gzip.compress(log[5000:]),
        lambda log: gzip.compress(log) + b"\0" * 512,
    ],
)
def test_same_session(flight, encode):
    log = garmin_log(flight)
    plain, other = read_session("log.csv", log), read_session("log.csv", encode(log))
    assert other.samples.equals(plain.samples)
    assert (other.dropped_rows, other.started_at) == (plain.dropped_rows, plain.started_at)


def test_names_beyond_ascii(flight):
    for encoding in ("utf-8", "latin-1"):
        log = garmin_log(flight, airframe="Flugzeug Süd").decode().encode(encoding)
        assert read_session("log.csv", log).airframe_name == "Flugzeug Süd"


def test_mixed_line_ends_are_noted(flight):
    log = b"\r\n".join(garmin_log(flight).split(b"\n", 300))
    assert any("Mixed line ends" in repair for repair in read_session("log.csv", log).repairs)


def test_whole_file_without_a_last_line_end_keeps_its_row_but_not_the_last_field(flight):
    columns: dict[str, tuple[str | None, int]] = {
        "AltMSL": ("altitude_msl_ft", 1),
        "IAS": ("indicated_airspeed_kt", 2),
        "Pitch": ("pitch_deg", 2),
        "Roll": ("roll_deg", 2),
    }
    log = garmin_log(flight, columns=columns, cut_off=False)
    whole, unended = read_session("log.csv", log), read_session("log.csv", log[:-1])
    assert unended.sample_count == whole.sample_count == len(flight["elapsed_s"])
    assert unended.samples["pitch_deg"].equals(whole.samples["pitch_deg"])
    assert unended.samples["roll_deg"].null_count() == 1


def test_same_bytes_same_session_in_many_threads(flight):
    log = garmin_log(flight)
    alone = read_session("a.csv", log)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda number: read_session(f"{number}.csv", log), range(16)))
    assert all(session.samples.equals(alone.samples) for session in together)
    assert all(session.repairs == alone.repairs for session in together)


def test_same_bytes_same_session(flight):
    log = garmin_log(flight)
    first, second = read_session("a.csv", log), read_session("folder/a.csv", bytes(bytearray(log)))
    assert first.samples.equals(second.samples)
    assert first.repairs == second.repairs
