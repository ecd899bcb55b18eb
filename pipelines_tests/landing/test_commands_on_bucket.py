"""The command line with a landing zone in a bucket."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import pytest
from rich.console import Console

from pipelines.cli.ingest import place_files
from pipelines.cli.simulate import simulate_missing, simulated_day
from pipelines.environments import settings_from
from pipelines.flight.simulator.sessions import simulate_sessions
from pipelines.tables.landed_files import list_landed, read_as_listed
from pipelines_tests.landing.bucket_server import BucketZone

DAY = date(2026, 3, 4)


def test_files_are_put_into_the_bucket_once(bucket_zone: BucketZone, tmp_path: Path):
    settings = settings_from({"PIPELINES_LANDING": str(bucket_zone.address)})
    for name in ("a.csv", "below/b.csv", ".hidden.csv"):
        source = tmp_path / "logs" / name
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(name)
    placed = place_files(Console(quiet=True), settings, tmp_path / "logs", "sessions", DAY)
    assert [str(each) for each in placed] == [
        f"{bucket_zone.address}/sessions/2026-03-04/a.csv",
        f"{bucket_zone.address}/sessions/2026-03-04/b.csv",
    ]
    assert place_files(Console(quiet=True), settings, tmp_path / "logs", "sessions", date(2026, 3, 5)) == []
    assert [file.name for file in list_landed(bucket_zone.address / "sessions", DAY)] == ["a.csv", "b.csv"]


@pytest.mark.slow
def test_simulated_sessions_are_the_bytes_that_a_folder_gets(bucket_zone: BucketZone, tmp_path: Path):
    console = Console(quiet=True)
    flown = simulate_missing(console, bucket_zone.address, DAY, 1, 20_000, "c172p", "csv")
    assert flown == 1
    assert simulated_day(bucket_zone.address, 20_000) == DAY
    [in_folder] = simulate_sessions(1, 20_000, tmp_path, DAY, "c172p", file_format="csv")
    [session] = list_landed(bucket_zone.address / "sessions", DAY)
    [labels] = list_landed(bucket_zone.address / "annotations", DAY)
    assert (session.name, labels.name) == (in_folder.name, f"{in_folder.stem}.csv")
    assert _digest(read_as_listed(session)) == _digest(in_folder.read_bytes())
    assert simulate_missing(console, bucket_zone.address, DAY, 1, 20_000, "c172p", "csv") == 0


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
