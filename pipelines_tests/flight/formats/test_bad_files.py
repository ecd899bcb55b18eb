"""Files that must not enter the tables: each is refused with a reason that names the file and place, and a remedy."""

from __future__ import annotations

import gzip
import io
import time
import tracemalloc
import zlib

import numpy as np
import polars as pl
import pytest

from pipelines.flight.formats import QuarantineCode, QuarantineError, read_session
from pipelines.flight.formats.limits import MAX_COLUMNS, MAX_ROWS
from pipelines_tests.flight.formats.made_flight import garmin_log, garmin_stamps, trainer_table


def refused(content: bytes, name: str = "some.csv", maps=None) -> QuarantineError:
    with pytest.raises(QuarantineError) as caught:
        read_session(name, content) if maps is None else read_session(name, content, maps)
    error = caught.value
    assert name.rsplit("/", 1)[-1] in error.reason
    assert error.reason.endswith(".")
    assert error.remedy.endswith(".")
    assert error.location
    assert error.code in set(QuarantineCode)
    return error


@pytest.mark.parametrize("content", [b"", b"   \n\n\t\n", gzip.compress(b"", mtime=0)])
def test_empty(content):
    assert refused(content).code == "empty"


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04" + bytes(range(256)) * 9,
        b"%PDF-1.7\n" + b"x" * 100,
        b"\x89PNG\r\n\x1a\n" + bytes(200),
        bytes(range(256)) * 50,
        np.random.default_rng(1).bytes(20_000),
        b"a,b,c\n1,2,3\n" + b"\0" * 512,
    ],
)
def test_binary(content):
    error = refused(content)
    assert error.code in ("binary", "truncated")


def test_zero_bytes_at_the_end_name_their_line(flight):
    log = garmin_log(flight, cut_off=False) + b"\0" * 4096
    error = refused(log)
    assert error.code == "binary"
    assert error.location == f"line {log.count(10) + 1}"


def test_header_only(flight):
    assert refused(b"\n".join(garmin_log(flight).split(b"\n")[:3]) + b"\n").code == "no_rows"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_gzip_cut_off(flight, share):
    packed = gzip.compress(garmin_log(flight))
    error = refused(packed[: int(len(packed) * share)], "log.csv.gz")
    assert error.code == "truncated"


def test_gzip_damaged(flight):
    packed = bytearray(gzip.compress(garmin_log(flight)))
    packed[len(packed) // 2] ^= 0xFF
    assert refused(bytes(packed), "log.csv.gz").code == "truncated"


class Cost:
    """Processor seconds and peak of allocated bytes of the block."""

    def __enter__(self) -> Cost:
        tracemalloc.start()
        self._started = time.process_time()
        return self

    def __exit__(self, *_error: object) -> None:
        self.seconds = time.process_time() - self._started
        self.peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()


def bomb(size: int) -> bytes:
    packer = zlib.compressobj(1, wbits=31)
    block = (b"0" * 1_000 + b"\n") * 2_000
    pieces = [packer.compress(block) for _ in range(size // len(block))]
    return b"".join([*pieces, packer.flush()])


def test_gzip_bomb_is_refused_fast_and_with_little_memory():
    packed = bomb(200_000_000)
    with Cost() as cost:
        error = refused(packed, "bomb.csv.gz")
    assert error.code == "decompression_bomb"
    assert cost.seconds < 2
    assert cost.peak_bytes < 150_000_000  # the cap is a hundred times the packed size; the bomb unpacks to 200 MB


@pytest.mark.parametrize("packed", [False, True])
def test_header_of_ten_million_columns(packed):
    content = b"c," * 10_000_000 + b"c\n" + b"1," * 100 + b"\n"
    content = gzip.compress(content, 1) if packed else content
    with Cost() as cost:
        error = refused(content)
    assert error.code == "too_many_columns"
    assert error.location == "line 1"
    assert cost.seconds < 0.5
    assert cost.peak_bytes < 5_000_000


def test_a_few_columns_too_many():
    names = ",".join(f"c{number}" for number in range(MAX_COLUMNS + 1))
    assert refused(f"{names}\n{names}\n".encode()).code == "too_many_columns"


def test_rows_beyond_the_cap(flight):
    log = garmin_log(flight, cut_off=False)
    head, row = log.split(b"\n")[:3], log.split(b"\n")[3]
    short = row.split(b",")[:1]
    header = [head[0], head[1], b"Lcl Date,Lcl Time,IAS"]
    body = b"\n".join([*header, short[0] + b",00:00:00,1"]) + b"\n" + b",,\n" * MAX_ROWS
    assert refused(body).code == "too_many_rows"


def test_unknown_columns_name_the_nearest_map(flight):
    content = trainer_table(flight).replace(b"latitude_deg", b"breadth")
    error = refused(content)
    assert error.code == "unknown_format"
    assert "docs/adding-a-session-format.md" in error.remedy


def test_no_time_axis_when_the_clock_stands_still(flight):
    stamps = [garmin_stamps(1)[0]] * len(flight["elapsed_s"])
    assert refused(garmin_log(flight, stamps=stamps)).code == "no_time_axis"


def test_rows_in_no_order_of_time(flight):
    stamps = garmin_stamps(len(flight["elapsed_s"]))
    order = np.random.default_rng(5).permutation(len(stamps))
    assert refused(garmin_log(flight, stamps=[stamps[i] for i in order])).code == "no_time_axis"


def test_nan_flood(flight):
    log = garmin_log(flight, cut_off=False).split(b"\n")
    random = np.random.default_rng(2)
    flooded = [
        line
        if row < 3 or not line
        else b",".join(
            line.split(b",")[:3] + [b" NaN" if random.random() < 0.9 else cell for cell in line.split(b",")[3:]]
        )
        for row, line in enumerate(log)
    ]
    error = refused(b"\n".join(flooded))
    assert error.code == "nan_flood"
    assert "column" in error.location


def test_a_few_nan_are_made_missing_and_counted(flight):
    holes = {**flight, "pitch_deg": flight["pitch_deg"].copy()}
    log = garmin_log(holes, cut_off=False).split(b"\n")
    for row in range(10, 30):
        cells = log[row].split(b",")
        cells[3 + 9] = b" NaN" if row % 2 else b"  inf"
        log[row] = b",".join(cells)
    session = read_session("log.csv", b"\n".join(log))
    assert session.samples["pitch_deg"].null_count() == 20
    assert session.samples["pitch_deg"].is_nan().sum() == 0
    assert any("20 cell(s)" in repair for repair in session.repairs)


def test_nothing_about_the_flight(write_map, flight):
    path = write_map(
        "name: engine\ndescription: Engine only.\nheader_columns_required: [t, rpm]\n"
        "time: {column: t, kind: elapsed}\nchannels:\n  engine_rpm: {column: rpm, unit: rpm}\n"
    )
    content = b"t,rpm\n" + b"".join(b"%d,2%d\n" % (s, s) for s in range(100))
    assert refused(content, maps=[path]).code == "no_flight_data"


def test_all_sensors_frozen(flight):
    still = {
        channel: values if channel == "elapsed_s" else np.full_like(values, values[600])
        for channel, values in flight.items()
    }
    assert refused(garmin_log(still)).code == "frozen"


def test_rows_with_too_few_and_too_many_fields(flight):
    lines = garmin_log(flight, cut_off=False).split(b"\n")
    lines[50] = lines[50][:40]
    lines[70] += b", 1, 2"
    session = read_session("log.csv", b"\n".join(lines))
    assert session.dropped_rows == 2
    assert session.sample_count == len(flight["elapsed_s"]) - 2
    assert any("first line 51" in repair for repair in session.repairs)
    for row in range(100, 160):
        lines[row] = lines[row][:30]
    error = refused(b"\n".join(lines))
    assert (error.code, error.location) == ("malformed_rows", "line 51")


def test_column_out_of_any_range_is_named(flight):
    high = {**flight, "altitude_msl_ft": flight["altitude_msl_ft"] + 400_000}
    error = refused(garmin_log(high))
    assert error.code == "out_of_range"
    assert error.location == "column 'AltMSL'"


def test_single_impossible_values_are_made_missing(flight):
    spiky = {**flight, "indicated_airspeed_kt": flight["indicated_airspeed_kt"].copy()}
    spiky["indicated_airspeed_kt"][[300, 400]] = 9999
    session = read_session("log.csv", garmin_log(spiky))
    assert session.samples["indicated_airspeed_kt"].null_count() == 2
    assert session.samples["indicated_airspeed_kt"][300] is None
    assert any("2 value(s) of column 'IAS'" in repair for repair in session.repairs)


def parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def test_parquet_cut_off_damaged_and_too_wide():
    good = parquet(pl.DataFrame({"t": range(100), "x": range(100)}))
    assert refused(good[:-20]).code == "truncated"
    assert refused(good[:4] + b"\0" * 8 + good[-4:]).code in ("unreadable", "truncated")
    assert refused(b"PAR1").code == "truncated"
    wide = parquet(pl.DataFrame({f"c{n}": [1] for n in range(MAX_COLUMNS + 1)}))
    assert refused(wide).code == "too_many_columns"
    tall = parquet(pl.DataFrame({"t": pl.Series([1]).new_from_index(0, MAX_ROWS + 1)}))
    assert refused(tall).code == "too_many_rows"
