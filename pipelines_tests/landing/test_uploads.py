"""What a folder and a bucket promise alike."""

from __future__ import annotations

import threading
from datetime import date
from pathlib import Path

import pytest

from pipelines.landing import FileChangedError, list_day, place, top_entries, uploads_at, uploads_by_name
from pipelines.tables.landed_files import list_landed, read_as_listed
from pipelines_tests.landing.conftest import Zone

DAY = date(2026, 3, 4)
_ODD_NAMES = (
    "sp ace/naïve ✈ e\u0301.csv", "100%20#&+.csv", "quote'\"<&>.csv", "we[ir]d*?{a,b}.csv", "back\\slash.csv",
    "-rf.csv", "a..b/c...csv", "tab\there.csv", f"{'long/' * 40}{'n' * 200}.csv",
)  # fmt: skip


def _paths(zone: Zone) -> list[str]:
    return [file.file_path for file in list_landed(zone.address / "sessions", DAY)]


def test_an_absent_landing_zone_is_empty(zone: Zone):
    assert top_entries(zone.address, "sessions") == []
    assert list_day(zone.address, "sessions", DAY).file_count == 0
    assert _paths(zone) == []
    assert uploads_by_name(zone.address, "sessions") == {}


def test_files_are_listed_by_day_with_folders_below(zone: Zone):
    zone.write("sessions/2026-03-04/b.csv", b"12345")
    zone.write("sessions/2026-03-04/device 7/a.csv", b"123")
    zone.write("sessions/2026-03-04-copy/c.csv")
    zone.write("sessions/2026-03-05/c.csv")
    zone.write("sessions/stray.csv")
    zone.write("annotations/2026-03-06/c.csv")
    assert top_entries(zone.address, "sessions") == ["2026-03-04", "2026-03-04-copy", "2026-03-05", "stray.csv"]
    assert _paths(zone) == ["2026-03-04/b.csv", "2026-03-04/device 7/a.csv"]
    listing = list_day(zone.address, "sessions", DAY)
    assert (listing.file_count, listing.byte_count) == (2, 8)
    assert [read_as_listed(file) for file in list_landed(zone.address / "sessions", DAY)] == [b"12345", b"123"]
    assert set(uploads_by_name(zone.address, "sessions")) == {"a.csv", "b.csv", "c.csv", "stray.csv"}


def test_unfinished_uploads_are_left_out(zone: Zone):
    for name in (".hidden.csv", "a.csv.part", "b.TMP", ".staging/c.csv", "party.csv"):
        zone.write(f"sessions/2026-03-04/{name}")
    assert _paths(zone) == ["2026-03-04/party.csv"]
    assert list_day(zone.address, "sessions", DAY).file_count == 1


@pytest.mark.parametrize("name", _ODD_NAMES)
def test_odd_names_are_listed_and_read(zone: Zone, name: str):
    zone.write(f"sessions/2026-03-04/{name}", b"odd")
    [file] = list_landed(zone.address / "sessions", DAY)
    assert file.file_path == f"2026-03-04/{name}"
    assert file.name == name.rsplit("/", 1)[-1]
    assert read_as_listed(file) == b"odd"


@pytest.mark.parametrize("change", ["grow", "same size", "remove", "add", "rename"])
def test_the_digest_tells_every_change(zone: Zone, change: str):
    zone.write("sessions/2026-03-04/a.csv", b"xx")
    zone.write("sessions/2026-03-04/b.csv")
    before = list_day(zone.address, "sessions", DAY).digest
    assert list_day(zone.address, "sessions", DAY).digest == before
    match change:
        case "grow":
            zone.write("sessions/2026-03-04/a.csv", b"xxy")
        case "same size":
            zone.write("sessions/2026-03-04/a.csv", b"xy")
        case "remove":
            zone.remove("sessions/2026-03-04/b.csv")
        case "add":
            zone.write("sessions/2026-03-04/c.csv")
        case "rename":
            zone.remove("sessions/2026-03-04/b.csv")
            zone.write("sessions/2026-03-04/c.csv")
    assert list_day(zone.address, "sessions", DAY).digest != before


@pytest.mark.parametrize("content", [b"12", b"9", b""])
def test_a_file_overwritten_after_the_listing_is_not_read_but_listed_anew(zone: Zone, content: bytes):
    zone.write("sessions/2026-03-04/a.csv", b"1")
    [listed] = list_landed(zone.address / "sessions", DAY)
    assert read_as_listed(listed) == b"1"
    zone.write("sessions/2026-03-04/a.csv", content)
    with pytest.raises(FileChangedError):
        read_as_listed(listed)
    [again] = list_landed(zone.address / "sessions", DAY)
    assert again.file_version != listed.file_version
    assert read_as_listed(again) == content


def test_a_file_removed_after_the_listing_is_that_files_trouble(zone: Zone):
    zone.write("sessions/2026-03-04/a.csv")
    [listed] = list_landed(zone.address / "sessions", DAY)
    zone.remove("sessions/2026-03-04/a.csv")
    with pytest.raises(FileNotFoundError):
        read_as_listed(listed)


def test_a_file_is_placed_once_and_never_over_another(zone: Zone, tmp_path: Path):
    source = tmp_path / "log.csv"
    source.write_text("first")
    known = uploads_by_name(zone.address, "sessions")
    placed = place(source, zone.address, "sessions", DAY, known)
    assert placed == zone.address / "sessions" / "2026-03-04/log.csv"
    assert place(source, zone.address, "sessions", date(2026, 3, 5), known) is None
    assert place(source, zone.address, "sessions", DAY, uploads_by_name(zone.address, "sessions")) is None
    source.write_text("other")
    again = place(source, zone.address, "sessions", DAY, known)
    assert again == zone.address / "sessions" / "2026-03-04/log-2.csv"
    assert zone.read("sessions/2026-03-04/log.csv") == b"first"
    assert zone.read("sessions/2026-03-04/log-2.csv") == b"other"
    assert _paths(zone) == ["2026-03-04/log-2.csv", "2026-03-04/log.csv"]


def test_what_was_placed_is_known_as_it_will_be_listed(zone: Zone, tmp_path: Path):
    source = tmp_path / "log.csv"
    source.write_text("first")
    known = uploads_by_name(zone.address, "sessions")
    place(source, zone.address, "sessions", DAY, known)
    assert known == uploads_by_name(zone.address, "sessions")


def test_of_many_who_place_different_files_under_one_name_each_keeps_its_own(zone: Zone, tmp_path: Path):
    contents = [f"file {number}" for number in range(8)]
    barrier = threading.Barrier(len(contents))

    def upload(number: int) -> None:
        source = tmp_path / str(number) / "log.csv"
        source.parent.mkdir()
        source.write_text(contents[number])
        barrier.wait()
        place(source, zone.address, "sessions", DAY, {})

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(len(contents))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    landed = list_landed(zone.address / "sessions", DAY)
    assert sorted(read_as_listed(file).decode() for file in landed) == contents
    assert {file.name for file in landed} == {"log.csv", *(f"log-{number}.csv" for number in range(2, 9))}


def test_a_taken_path_is_left_as_it_is(zone: Zone, tmp_path: Path):
    zone.write("sessions/2026-03-04/log.csv", b"theirs")
    source = tmp_path / "log.csv"
    source.write_text("mine")
    assert uploads_at(zone.address / "sessions").add(source, "2026-03-04/log.csv") is None
    assert zone.read("sessions/2026-03-04/log.csv") == b"theirs"


def test_a_source_that_cannot_be_read_leaves_nothing(zone: Zone, tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        place(tmp_path / "absent.csv", zone.address, "sessions", DAY, {})
    assert _paths(zone) == []
