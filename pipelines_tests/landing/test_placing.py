"""The landing zone in a folder: listing and atomic copies."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from pipelines.landing import list_day, place, top_entries, uploads_by_name

DAY = date(2026, 3, 4)


def _upload(landing: Path, path: str, content: str = "x") -> Path:
    file = landing / "sessions" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    return file


def test_an_absent_landing_zone_is_empty(tmp_path: Path):
    assert top_entries(tmp_path / "nowhere", "sessions") == []
    assert list_day(tmp_path / "nowhere", "sessions", DAY).file_count == 0


def test_files_are_listed_by_day_with_folders_below(tmp_path: Path):
    _upload(tmp_path, "2026-03-04/a.csv", "12345")
    newest = _upload(tmp_path, "2026-03-04/device 7/b.csv", "123")
    _upload(tmp_path, "2026-03-05/c.csv")
    os.utime(newest, (4e9, 4e9))
    day = list_day(tmp_path, "sessions", DAY)
    assert (day.file_count, day.byte_count, day.newest_modification_s) == (2, 8, 4e9)
    assert top_entries(tmp_path, "sessions") == ["2026-03-04", "2026-03-05"]


def test_unfinished_uploads_are_not_listed(tmp_path: Path):
    _upload(tmp_path, "2026-03-04/.a.csv.1234.part")
    _upload(tmp_path, "2026-03-04/.hidden/a.csv")
    assert list_day(tmp_path, "sessions", DAY).file_count == 0


@pytest.mark.parametrize("change", ["grow", "touch", "remove", "add", "rename"])
def test_the_digest_tells_every_change(tmp_path: Path, change: str):
    first, second = _upload(tmp_path, "2026-03-04/a.csv"), _upload(tmp_path, "2026-03-04/b.csv")
    before = list_day(tmp_path, "sessions", DAY).digest
    assert list_day(tmp_path, "sessions", DAY).digest == before
    match change:
        case "grow":
            first.write_text("xy")
        case "touch":
            os.utime(first, ns=(1, 1))
        case "remove":
            second.unlink()
        case "add":
            _upload(tmp_path, "2026-03-04/c.csv")
        case "rename":
            first.rename(first.with_name("d.csv"))
    assert list_day(tmp_path, "sessions", DAY).digest != before


def test_a_file_is_placed_once_and_never_over_another(tmp_path: Path):
    landing, source = tmp_path / "landing", tmp_path / "log.csv"
    source.write_text("first")
    known = uploads_by_name(landing, "sessions")
    placed = place(source, landing, "sessions", DAY, known)
    assert placed is not None
    assert placed == landing / "sessions" / "2026-03-04" / "log.csv"
    assert place(source, landing, "sessions", date(2026, 3, 5), known) is None
    assert place(source, landing, "sessions", DAY, uploads_by_name(landing, "sessions")) is None
    source.write_text("second")
    again = place(source, landing, "sessions", DAY, known)
    assert again is not None
    assert again.name == "log-2.csv"
    assert placed.read_text() == "first"
    assert again.read_text() == "second"
    assert sorted(file.name for file in again.parent.iterdir()) == ["log-2.csv", "log.csv"]


def test_a_hidden_source_becomes_visible(tmp_path: Path):
    source = tmp_path / ".log.csv"
    source.write_text("x")
    placed = place(source, tmp_path / "landing", "sessions", DAY, {})
    assert placed is not None
    assert placed.name == "log.csv"


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        place(tmp_path / "absent.csv", tmp_path / "landing", "sessions", DAY, {})
    assert list((tmp_path / "landing" / "sessions" / "2026-03-04").iterdir()) == []
