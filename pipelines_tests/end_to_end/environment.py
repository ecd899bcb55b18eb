"""A whole environment in a temporary folder: uploads, child processes, and the contents of its tables."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable

from pipelines.environments import Settings, settings_from
from pipelines.tables.contracts import ALL
from pipelines_tests.flight.formats.made_flight import garmin_log, made_flight

DAY = date(2026, 3, 4)


def settings_in(folder: Path) -> Settings:
    """The embedded environment below `folder`."""
    return settings_from({"PIPELINES_HOME": str(folder)})


def variables_of(settings: Settings) -> dict[str, str]:
    """The environment variables of a child process that works in the environment."""
    return {**os.environ, "PIPELINES_HOME": str(settings.home), "OMP_NUM_THREADS": "1"}


def upload_sessions(settings: Settings, count: int = 3, first_seed: int = 1, day: date = DAY) -> None:
    """Short made-up flights as Garmin logs, each with two labels of an instructor, and one file that is no log."""
    landing = Path(str(settings.landing))
    sessions, annotations = (landing / kind / day.isoformat() for kind in ("sessions", "annotations"))
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


def start_job(settings: Settings, job: str, day: date = DAY) -> subprocess.Popen[bytes]:
    """`dagster job execute` in a process group of its own."""
    from pipelines.cli.instance import PROJECT, prepare_home

    before = os.environ.get("DAGSTER_HOME")
    prepare_home(settings)
    variables = variables_of(settings)
    if before is None:
        os.environ.pop("DAGSTER_HOME")
    else:
        os.environ["DAGSTER_HOME"] = before
    tags = f'{{"dagster/partition": "{day.isoformat()}"}}'
    command = ["-m", "pipelines.definitions", "-a", "development", "-j", job, "--tags", tags]
    return subprocess.Popen(
        [sys.executable, "-m", "dagster", "job", "execute", *command],
        cwd=PROJECT,
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def contents(settings: Settings) -> dict[str, list[dict[str, object]]]:
    """Every row of every table in the columns that do not differ from run to run, in the order of the key.

    File versions hold modification times, so they are left out too.
    """
    found: dict[str, list[dict[str, object]]] = {}
    for contract in ALL:
        folder = settings.tables.joinpath(*contract.name)
        if not (folder / "_delta_log").is_dir():
            continue
        columns = [name for name in contract.stable_columns if name != "file_version"]
        table = pa.table(DeltaTable(str(folder)).to_pyarrow_table(columns=columns))
        keys = [(name, "ascending") for name in contract.key if name in columns]
        found[str(contract.name)] = table.sort_by(keys).to_pylist()
    return found
