"""Sessions in a bucket are ingested by steps of the workspace, which get the credentials by reference."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.partitions import today
from pipelines.settings import Settings
from pipelines_tests.end_to_end.environment import contents, environment_in
from pipelines_tests.flight.formats.made_flight import garmin_log, made_flight
from pipelines_tests.landing.bucket_server import BucketServer, bucket_server

pytestmark = pytest.mark.slow

SECRET = "a-secret-that-stays-in-its-scope"


@pytest.fixture
def server() -> Iterator[BucketServer]:
    with bucket_server() as started:
        yield started


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    with environment_in(tmp_path / "home") as found:
        yield found


def test_a_log_in_a_bucket_reaches_gold(server: BucketServer, settings: Settings, tmp_path: Path):
    log = tmp_path / "flight.csv"
    log.write_bytes(garmin_log(made_flight(seconds=600, seed=1)))
    done = subprocess.run(
        [sys.executable, "-c", "from pipelines.cli import main; main()", "ingest", str(log)],
        env={
            **os.environ,
            "PIPELINES_HOME": str(settings.home),
            "PIPELINES_LANDING": f"s3://{server.new_bucket()}/zone",
            "AWS_ENDPOINT_URL": server.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": SECRET,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    tables = contents(settings.tables, today())
    assert [row["file_path"] for row in tables["main.bronze.session_files"]] == [f"{today()}/flight.csv"]
    assert len(tables["main.gold.sessions"]) == 1
    assert SECRET not in done.stdout + done.stderr
    assert [str(file) for file in settings.home.rglob("*") if file.is_file() and _holds(file, SECRET)] == []


def _holds(file: Path, text: str) -> bool:
    # The scope itself is kept in the workspace's own database, readable by its owner alone.
    return not file.name.startswith("workspace.sqlite") and text.encode() in file.read_bytes()
