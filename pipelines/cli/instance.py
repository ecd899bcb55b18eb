"""Dagster's instance of the environment: its home below the environment's own, set up from `dagster.yaml`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance

PROJECT = Path(__file__).resolve().parents[2]


def prepare_home(settings: Settings) -> None:
    """Make Dagster of this process and its children use the environment's home and the project's `dagster.yaml`.

    A deployment's own home has a `dagster.yaml` of its own, which stays as it is.
    """
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    wanted, present = (PROJECT / "dagster.yaml").read_bytes(), settings.dagster_home / "dagster.yaml"
    is_own = settings.dagster_home == settings.home / "dagster"
    if not present.is_file() or (is_own and present.read_bytes() != wanted):
        unfinished = present.with_suffix(f".{os.getpid()}.part")
        unfinished.write_bytes(wanted)
        unfinished.replace(present)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    # Waiting OpenMP threads spin by default, which makes a fit many times slower where others need the cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def open_instance(settings: Settings) -> DagsterInstance:
    """The environment's Dagster instance; use it as a context manager."""
    prepare_home(settings)
    from dagster import DagsterInstance

    return DagsterInstance.get()
