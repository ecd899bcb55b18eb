from __future__ import annotations

import gzip

import polars as pl
import pytest

from pipelines.flight.formats import QuarantineError, read_annotations
from pipelines.flight.formats.annotations import ANNOTATION_SCHEMA
from pipelines.flight.maneuvers import MANEUVERS

HEADER = "session_file,start_s,end_s,maneuver,instructor,comment\n"


def test_annotations_come_out_typed_and_in_order():
    text = HEADER + (
        'day/one.csv,10,35.5,steep_turn,J. Doe,"good, but 120 ft low"\n'
        "one.csv,40,52,Stall,J. Doe,\n"
        "one.csv,44,50,upset,J. Doe,dropped a wing\n"
        "two.csv,10,35.5,slow flight,A. N. Other,\n"
    )
    frame = read_annotations("labels/a.csv", text.encode())
    assert frame.schema == pl.Schema(ANNOTATION_SCHEMA)
    assert frame["session_file"].to_list() == ["one.csv", "one.csv", "one.csv", "two.csv"]
    assert frame["maneuver"].to_list() == ["steep_turn", "stall", "upset", "slow_flight"]
    assert frame["comment"].to_list() == ["good, but 120 ft low", None, "dropped a wing", None]
    assert frame["end_s"].to_list() == [35.5, 52.0, 50.0, 35.5]


@pytest.mark.parametrize("maneuver", MANEUVERS)
def test_every_maneuver_of_the_taxonomy(maneuver):
    assert read_annotations("a.csv", f"{HEADER}s.csv,0,1,{maneuver},,\n".encode())["maneuver"][0] == maneuver


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: text.replace("\n", "\r\n").encode("latin-1"),
        lambda text: text.replace(",", ";").encode(),
        lambda text: gzip.compress(text.encode()),
        lambda text: text.rstrip("\n").encode(),
    ],
)
def test_encodings_and_line_ends(encode):
    frame = read_annotations("a.csv", encode(HEADER + "s.csv,0,9,climb,Jörg,schön\n"))
    assert frame.row(0) == ("s.csv", 0.0, 9.0, "climb", "Jörg", "schön")


def test_header_alone_is_no_annotation_yet():
    assert len(read_annotations("a.csv", HEADER.encode())) == 0


def test_optional_columns_may_lack():
    frame = read_annotations("a.csv", b"maneuver,session_file,end_s,start_s\nturn,s.csv,9,1\n")
    assert frame.row(0) == ("s.csv", 1.0, 9.0, "turn", None, None)


@pytest.mark.parametrize(
    ("row", "code", "location"),
    [
        ("s.csv,0,9,barrel_roll,,", "bad_annotation", "line 3, column 'maneuver'"),
        ("s.csv,0,9,,,", "bad_annotation", "line 3, column 'maneuver'"),
        ("s.csv,9,9,climb,,", "bad_annotation", "line 3, column 'end_s'"),
        ("s.csv,nine,19,climb,,", "bad_annotation", "line 3, column 'start_s'"),
        ("s.csv,20,NaN,climb,,", "bad_annotation", "line 3, column 'end_s'"),
        ("s.csv,-2,9,climb,,", "bad_annotation", "line 3, column 'start_s'"),
        ("s.csv,20,1e9,climb,,", "bad_annotation", "line 3, column 'end_s'"),
        (",20,30,climb,,", "bad_annotation", "line 3, column 'session_file'"),
        ("s.csv,5,30,climb,,", "bad_annotation", "line 3, column 'start_s'"),
        ("s.csv,20,30,climb,,low, slow", "malformed_rows", "line 3"),
        ("s.csv,20,30", "malformed_rows", "line 3"),
    ],
)
def test_bad_rows_name_line_and_column(row, code, location):
    with pytest.raises(QuarantineError) as caught:
        read_annotations("x/labels.csv", f"{HEADER}s.csv,0,10,climb,,\n{row}\n".encode())
    assert (caught.value.code, caught.value.location) == (code, location)
    assert "labels.csv" in caught.value.reason
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"session_file,start_s,maneuver\n", "bad_header"),
        (b"PK\x03\x04" + b"\0" * 60, "binary"),
        (HEADER.encode() + b"s.csv,0,1,climb,,\0\n", "binary"),
        (b"a," * 1_000_000 + b"\n", "too_many_columns"),
    ],
)
def test_bad_files(content, code):
    with pytest.raises(QuarantineError) as caught:
        read_annotations("labels.csv", content)
    assert caught.value.code == code
