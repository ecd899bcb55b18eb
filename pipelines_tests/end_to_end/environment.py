"""A whole environment in a temporary folder: uploads, runs, its workspaces, and the contents of its tables."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable

from pipelines.cli.instance import PROJECT
from pipelines.environments import settings_from
from pipelines.settings import Settings
from pipelines.tables.contracts import ALL
from pipelines.workspace_names import LOCATIONS
from pipelines_tests.flight.formats.made_flight import garmin_log, made_flight

DAY = date(2026, 3, 4)


@contextmanager
def environment_in(folder: Path, name: str = "embedded") -> Iterator[Settings]:
    """The environment below `folder`, whose local workspaces end with the block."""
    from pipelines.embedded import local_settings
    from pipelines.local.lifecycle import down

    settings = settings_from({"PIPELINES_HOME": str(folder), "PIPELINES_ENVIRONMENT": name})
    try:
        yield settings
    finally:
        for name in LOCATIONS:
            down(local_settings(settings), name)


def variables_of(settings: Settings) -> dict[str, str]:
    """The environment variables of a child process that works in the environment."""
    return {
        **os.environ,
        "PIPELINES_HOME": str(settings.home),
        "PIPELINES_ENVIRONMENT": settings.environment,
        "PIPELINES_BRANCH": settings.branch or "",
        "OMP_NUM_THREADS": "1",
    }


def upload_sessions(settings: Settings, count: int = 3, first_seed: int = 1, day: date = DAY) -> None:
    """Short made-up flights as Garmin logs, each with two labels of an instructor, and one file that is no log."""
    assert isinstance(settings.landing, Path)
    sessions = settings.landing / "sessions" / day.isoformat()
    annotations = settings.landing / "annotations" / day.isoformat()
    for folder in (sessions, annotations):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in range(first_seed, first_seed + count):
        (sessions / f"flight-{seed}.csv").write_bytes(garmin_log(made_flight(seconds=600, seed=seed)))
        (annotations / f"flight-{seed}.csv").write_text(
            "session_file,start_s,end_s,maneuver,instructor,comment\n"
            f"flight-{seed}.csv,0,40,ground,A. Instructor,\n"
            f"flight-{seed}.csv,130,280,climb,A. Instructor,good\n"
        )
    (sessions / "holiday.csv").write_bytes(b"\x89PNG\r\n\x1a\n not a flight log")


def start_job(settings: Settings, job: str, day: date = DAY, checkout: Path = PROJECT) -> subprocess.Popen[bytes]:
    """`dagster job execute` in a process group of its own; its steps run in the location's workspace."""
    tags = f'{{"dagster/partition": "{day.isoformat()}"}}'
    return start_dagster(settings, "job", "execute", "-j", job, "--tags", tags, checkout=checkout)


def start_dagster(settings: Settings, *command: str, checkout: Path = PROJECT) -> subprocess.Popen[bytes]:
    """A command of Dagster's on the location as that checkout has it, in a process group of its own."""
    from dagster import DagsterInstance

    from pipelines.cli.instance import prepare_home

    before = os.environ.get("DAGSTER_HOME")
    prepare_home(settings)
    variables = variables_of(settings)
    if before is None:
        os.environ.pop("DAGSTER_HOME")
    else:
        os.environ["DAGSTER_HOME"] = before
    # Made here: processes that start at once would each lay out the same database.
    with DagsterInstance.from_config(str(settings.dagster_home)):
        pass
    what, how, *options = command
    return subprocess.Popen(
        [sys.executable, "-m", "dagster", what, how, "-m", "pipelines.definitions", "-a", settings.location, *options],
        cwd=checkout,
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[bytes], limit_s: float = 400) -> None:
    """Wait for the run's end, which must be a success."""
    _, errors = process.communicate(timeout=limit_s)
    assert process.returncode == 0, errors.decode(errors="replace")[-3000:]


def contents(warehouse: Path, day: date = DAY) -> dict[str, list[dict[str, object]]]:
    """An upload day's rows of every table, in columns that do not differ from run to run, in the order of the key.

    File versions hold modification times, so they are left out too.
    """
    found: dict[str, list[dict[str, object]]] = {}
    for contract in ALL:
        folder = warehouse.joinpath(*contract.name)
        if not (folder / "_delta_log").is_dir():
            continue
        columns = [name for name in contract.stable_columns if name != "file_version"]
        rows = DeltaTable(str(folder)).to_pyarrow_table(columns=columns, filters=[("upload_day", "=", day)])
        keys = [(name, "ascending") for name in contract.key if name in columns]
        found[str(contract.name)] = pa.table(rows).sort_by(keys).to_pylist()
    return found
