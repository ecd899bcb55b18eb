"""Whatever happens to a valid file: a session whose every value can be accounted for, or quarantine. Nothing else."""

from __future__ import annotations

import gzip
import io

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.flight.channels import CHANNELS
from pipelines.flight.formats import ParsedSession, QuarantineCode, QuarantineError, read_annotations, read_session
from pipelines_tests.flight.formats.made_flight import garmin_log, made_flight

# numpy's complaints about empty or infinite data would be a sign of arithmetic on garbage
pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

FLIGHT = made_flight(seconds=240)
LOG = garmin_log(FLIGHT)
PACKED = gzip.compress(LOG, mtime=0)
_buffer = io.BytesIO()
pl.DataFrame({"Epoch time": (FLIGHT["elapsed_s"] + 1.6e9) * 1000, "pitch_deg": FLIGHT["pitch_deg"],
              "roll_deg": FLIGHT["roll_deg"], "alt_ftmsl": FLIGHT["altitude_msl_ft"],
              "hding_mag": FLIGHT["heading_deg"]}).write_parquet(_buffer)  # fmt: skip
PARQUET = _buffer.getvalue()
LABELS = b"session_file,start_s,end_s,maneuver,instructor,comment\n" + b"".join(
    b"s.csv,%d,%d,climb,,fine\n" % (second, second + 9) for second in range(0, 200, 10)
)

MANY = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def corruptions(draw, content: bytes) -> bytes:
    damaged = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(damaged) - 1)))
        length = draw(st.integers(0, 400))
        kind = draw(st.sampled_from(["flip", "cut", "delete", "insert", "repeat", "fill", "text"]))
        if kind == "flip" and damaged:
            damaged[at] ^= draw(st.integers(1, 255))
        elif kind == "cut":
            del damaged[at:]
        elif kind == "delete":
            del damaged[at : at + length]
        elif kind == "insert":
            damaged[at:at] = draw(st.binary(max_size=60))
        elif kind == "repeat":
            damaged[at:at] = damaged[at : at + length]
        elif kind == "fill":
            damaged[at : at + length] = bytes([draw(st.integers(0, 255))]) * len(damaged[at : at + length])
        else:
            words = [b"NaN", b"1e308", b"-inf", b",", b"\n", b"\r", b'"', b"99999999", b" ", b"-", b"\xff", b"0x1F"]
            damaged[at:at] = draw(st.sampled_from(words))
    return bytes(damaged)


def assert_sound(session: ParsedSession) -> None:
    samples = session.samples
    assert session.sample_count == len(samples) >= 10
    assert samples["sample_index"].to_list() == list(range(len(samples)))
    elapsed = samples["elapsed_s"].to_numpy()
    assert elapsed[0] == 0
    assert np.isfinite(elapsed).all()
    assert (np.diff(elapsed) >= 0).all()
    assert session.duration_s == elapsed[-1] <= 48 * 3600
    for name, channel in CHANNELS.items():
        values = samples[name].drop_nulls()
        assert values.is_finite().all()
        assert values.is_between(channel.minimum, channel.maximum).all()
        assert (len(values) == 0) == (name in session.missing_channels)


def assert_sound_or_quarantined(name: str, content: bytes) -> ParsedSession | None:
    try:
        session = read_session(name, content)
    except QuarantineError as error:
        refusal = error
    else:
        assert_sound(session)
        return session
    assert refusal.code in set(QuarantineCode)
    assert name in refusal.reason
    assert refusal.location
    assert refusal.remedy
    return None


@MANY
@given(corruptions(LOG))
def test_corrupted_garmin_log(content):
    session = assert_sound_or_quarantined("log.csv", content)
    if session is not None and content != LOG:
        rows = content.replace(b"\r", b"\n").count(b"\n")
        assert session.sample_count + session.dropped_rows <= rows + 2


@MANY
@given(corruptions(PACKED))
def test_corrupted_gzip(content):
    session = assert_sound_or_quarantined("log.csv.gz", content)
    if session is not None:
        assert session.samples.equals(read_session("log.csv", LOG).samples)


@MANY
@given(corruptions(PARQUET))
def test_corrupted_parquet(content):
    assert_sound_or_quarantined("s.parquet", content)


@MANY
@given(corruptions(LABELS))
def test_corrupted_annotations(content):
    try:
        frame = read_annotations("labels.csv", content)
    except QuarantineError as error:
        refusal = error
    else:
        assert (frame["end_s"] > frame["start_s"]).all()
        assert frame["session_file"].null_count() == frame["maneuver"].null_count() == 0
        return
    assert "labels.csv" in refusal.reason
    assert refusal.remedy


@MANY
@given(st.binary(max_size=3000))
def test_any_bytes(content):
    assert_sound_or_quarantined("any.bin", content)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(LOG)))
def test_a_file_that_grows_while_it_is_read_gives_its_whole_rows(size):
    """Any beginning of a log: the complete rows, in full precision, or quarantine."""
    session = assert_sound_or_quarantined("log.csv", LOG[:size])
    if session is None:
        return
    whole = read_session("log.csv", LOG).samples
    shared = whole.head(session.sample_count)
    for channel in ("indicated_airspeed_kt", "pitch_deg", "altitude_msl_ft"):
        assert session.samples[channel].equals(shared[channel])
