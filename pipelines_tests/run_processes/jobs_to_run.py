"""Jobs for the launcher's tests; the processes of their runs import them by name."""

import os
import time
from pathlib import Path

import dagster as dg


class Place(dg.Config):
    """Where the op writes."""

    file: str


@dg.op
def tell_process(config: Place) -> None:
    """Write the number of this process, which has imported Dagster before it was told what to run."""
    Path(config.file).write_text(str(os.getpid()))


@dg.op
def wait_long(config: Place) -> None:
    """Say that it has begun, and wait."""
    Path(config.file).write_text(str(os.getpid()))
    time.sleep(300)


@dg.job(executor_def=dg.in_process_executor)
def telling() -> None:
    """Ends at once."""
    tell_process()


@dg.job(executor_def=dg.in_process_executor)
def waiting() -> None:
    """Does not end by itself."""
    wait_long()


@dg.repository
def jobs() -> list[dg.JobDefinition]:
    """All of them."""
    return [telling, waiting]
