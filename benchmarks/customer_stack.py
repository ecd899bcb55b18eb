"""Customers' requests as customers make them: a file into an inbox of a warm stack, and the time until its answer."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from pipelines.cli.analyze import asked
from pipelines.cli.daemon import daemon_of
from pipelines.cli.instance import open_instance
from pipelines.customers.files import CustomerFiles, customer_files
from pipelines.customers.places import SESSIONS
from pipelines.customers.status import Status, status_of
from pipelines.embedded import connected
from pipelines.partitions import CUSTOMERS
from pipelines.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance, RunRecord

_LOOK_S = 0.02
_AGE_S = 60


@dataclass(frozen=True)
class Answered:
    """A request with its final answer. Times are seconds since the epoch."""

    status: Status
    put: float
    """When its file was in the inbox."""
    done: float

    @property
    def seconds(self) -> float:
        return self.done - self.put


@contextmanager
def stack(settings: Settings) -> Iterator[None]:
    """Workspace with its warm cluster, and Dagster's daemon with the code server."""
    connected(settings)
    with daemon_of(settings):
        yield


def onboarded(settings: Settings, customer: str) -> None:
    """Make it a customer by the command's own way, unless it is one."""
    from pipelines.cli.customer import onboard_customer

    with open_instance(settings) as instance:
        if instance.has_dynamic_partition(str(CUSTOMERS.name), customer):
            return
    onboard_customer(Console(file=io.StringIO()), settings, customer, {}, "benchmark")


def folder_of_sessions(settings: Settings, customer: str) -> Path:
    """Where the customer puts session files."""
    assert isinstance(settings.customers, Path)
    return settings.customers / customer / SESSIONS


def uploaded_before(*files: Path) -> None:
    """Let the files be a minute old: a younger one is waited for, because it may still be growing."""
    moment = time.time() - _AGE_S
    for file in files:
        os.utime(file, (moment, moment))


def ask(settings: Settings, customer: str, sessions: list[str], limit_s: float = 600) -> Answered:
    """Put a request into the inbox and wait for its final answer.

    Raises:
        RuntimeError: it failed, or there is none in time.
    """
    files = customer_files(settings, customer)
    name = asked(files, sessions)
    return wait_for(files, name, time.time(), limit_s)


def wait_for(files: CustomerFiles, name: str, put: float, limit_s: float = 600) -> Answered:
    """The request's final answer, once it is there.

    Raises:
        RuntimeError: it failed, or there is none in time.
    """
    while time.time() < put + limit_s:
        status, _ = status_of(files, name)
        if status is not None and status.is_final:
            if status.state == "failed":
                raise RuntimeError(f"a request of the benchmark failed: {status.why}")
            return Answered(status, put, time.time())
        time.sleep(_LOOK_S)
    raise RuntimeError(f"no answer to {name} within {limit_s:.0f} s")


def run_of(instance: DagsterInstance, status: Status) -> RunRecord:
    """The run that carried the request out, once it has ended: the end of its log comes after the answer."""
    from dagster import RunsFilter

    from pipelines.assets.customers import BATCH

    while True:
        [record] = instance.get_run_records(RunsFilter(tags={BATCH: status.batch}), limit=1)
        if record.dagster_run.is_finished:
            return record
        time.sleep(0.2)
