"""Listing a day of the landing zone, and reading a file only as what was listed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipelines.tables.landed_files import FileChangedError, list_landed, read_as_listed
from pipelines_tests.tables.landing_zone import DAY, LandingZone


def _paths(landing: LandingZone) -> list[str]:
    return [file.file_path for file in list_landed(landing.folder / "sessions", DAY)]


def test_absent_day_is_empty(landing: LandingZone) -> None:
    assert _paths(landing) == []


def test_lists_files_of_all_folders_by_path(landing: LandingZone) -> None:
    landing.session("b.csv", b"1")
    landing.session("device 7/a.csv", b"2")
    assert _paths(landing) == ["2026-11-20/b.csv", "2026-11-20/device 7/a.csv"]


def test_leaves_out_uploads_that_are_not_whole(landing: LandingZone) -> None:
    for name in (".hidden.csv", "a.csv.part", "b.TMP", ".staging/c.csv"):
        landing.session(name, b"1")
    landing.session("party.csv", b"1")
    assert _paths(landing) == ["2026-11-20/party.csv"]


def test_follows_no_link_out_of_the_day(landing: LandingZone, tmp_path: Path) -> None:
    inside = landing.session("a.csv", b"1")
    secret = tmp_path / "secret.csv"
    secret.write_bytes(b"2")
    (inside.parent / "out.csv").symlink_to(secret)
    (inside.parent / "broken.csv").symlink_to(tmp_path / "nowhere")
    (inside.parent / "loop").symlink_to(inside.parent, target_is_directory=True)
    (inside.parent / "same.csv").symlink_to(inside)
    assert _paths(landing) == ["2026-11-20/a.csv", "2026-11-20/same.csv"]


def test_name_that_is_not_utf8_is_listed_and_read(landing: LandingZone) -> None:
    folder = landing.session("a.csv", b"1").parent
    with Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.csv")).open("wb") as stream:
        stream.write(b"22")
    odd = next(file for file in list_landed(landing.folder / "sessions", DAY) if "caf" in file.file_path)
    assert odd.file_path == r"2026-11-20/caf\xe9.csv"
    assert read_as_listed(odd) == b"22"


@pytest.mark.parametrize("change", [lambda path: path.write_bytes(b"12"), lambda path: os.utime(path, ns=(1, 1))])
def test_changed_file_is_not_read(landing: LandingZone, change) -> None:
    path = landing.session("a.csv", b"1")
    file = list_landed(landing.folder / "sessions", DAY)[0]
    assert read_as_listed(file) == b"1"
    change(path)
    with pytest.raises(FileChangedError):
        read_as_listed(file)
    assert list_landed(landing.folder / "sessions", DAY)[0].file_version != file.file_version
