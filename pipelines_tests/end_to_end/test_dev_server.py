"""`pipelines dev`: files dropped into the landing zone reach gold by themselves, as the UI's own API tells."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.settings import Settings
from pipelines_tests.dagster_graphql import ask_dagster
from pipelines_tests.end_to_end.environment import DAY, contents, environment_in, upload_sessions, variables_of

pytestmark = pytest.mark.slow

RUNS = "{ runsOrError { ... on Runs { results { runId status jobName tags { key value } } } } }"
ROWS = """{ assetOrError(assetKey: {path: ["main", "gold", "sessions"]}) { ... on Asset {
  assetMaterializations(limit: 1) { partition metadataEntries { label ... on IntMetadataEntry { intValue }
  ... on MarkdownMetadataEntry { mdStr } } } } } }"""
OBSERVED = """{ assetOrError(assetKey: {path: ["landing", "sessions"]}) { ... on Asset {
  assetObservations(limit: 1) { partition metadataEntries { label ... on IntMetadataEntry { intValue } } } } } }"""


class Server:
    """A running `pipelines dev`."""

    def __init__(self, settings: Settings, log: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from pipelines.cli import main; main()", "dev", "--port", str(self.port)],
                env=variables_of(settings),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def ask(self, query: str) -> Any:
        """The data of a GraphQL query; None while the server does not answer."""
        try:
            return ask_dagster(f"http://127.0.0.1:{self.port}", query)
        except OSError:
            return None

    def runs_until(self, wanted: int, timeout_s: float = 300) -> list[dict[str, Any]]:
        """The runs, newest first, as soon as `wanted` of them have succeeded."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            answer = self.ask(RUNS)
            runs = answer["runsOrError"]["results"] if answer else []
            assert not [run for run in runs if run["status"] == "FAILURE"], self.log.read_text()[-3000:]
            if sum(run["status"] == "SUCCESS" for run in runs) >= wanted:
                return runs
            time.sleep(1)
        pytest.fail(f"no {wanted} successful runs after {timeout_s:.0f} s:\n{self.log.read_text()[-3000:]}")

    def stop(self) -> None:
        """Stop the server as Ctrl-C does, its children too."""
        os.killpg(self.process.pid, signal.SIGINT)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    with environment_in(tmp_path / "home") as found:
        yield found


@pytest.fixture
def server(settings: Settings, tmp_path: Path) -> Iterator[Server]:
    started = Server(settings, tmp_path / "dev.log")
    try:
        yield started
    finally:
        started.stop()


def test_dropped_files_reach_gold_and_later_ones_too(settings: Settings, server: Server):
    upload_sessions(settings, count=2)
    (run,) = server.runs_until(1)
    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    assert run["jobName"] == "ingest"
    assert tags["dagster/partition"] == DAY.isoformat()
    assert tags["dagster/sensor_name"] == "landing_zone"
    (observed,) = server.ask(OBSERVED)["assetOrError"]["assetObservations"]
    assert observed["partition"] == DAY.isoformat()
    assert {entry["label"]: entry.get("intValue") for entry in observed["metadataEntries"]}["files"] == 3
    (materialized,) = server.ask(ROWS)["assetOrError"]["assetMaterializations"]
    entries = {entry["label"]: entry for entry in materialized["metadataEntries"]}
    assert entries["dagster/partition_row_count"]["intValue"] == 2
    assert entries["newest_session"]["mdStr"].startswith(
        "![newest session, coloured by maneuver](data:image/png;base64,"
    )
    upload_sessions(settings, count=1, first_seed=3)
    server.runs_until(2)
    tables = contents(settings.tables)
    assert {row["file_path"]: row["status"] for row in tables["main.bronze.session_files"]} == {
        **{f"{DAY}/flight-{seed}.csv": "accepted" for seed in (1, 2, 3)},
        f"{DAY}/holiday.csv": "quarantined",
    }
    assert len(tables["main.gold.sessions"]) == 3
