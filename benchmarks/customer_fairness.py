"""How long a customer's single request takes while another customer floods the pipelines with sessions."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path

from dagster import DagsterRunStatus, RunsFilter

from benchmarks.customer_onboarding import onboard_many
from benchmarks.customer_sessions import write_cuts
from benchmarks.customer_stack import Answered, ask, folder_of_sessions, uploaded_before
from benchmarks.report import Section, Target, spread
from pipelines.cli.analyze import asked
from pipelines.cli.instance import open_instance
from pipelines.customers.files import customer_files
from pipelines.customers.requests import request_path
from pipelines.releases.run_tags import CUSTOMER
from pipelines.settings import Settings

QUIET, FLOODING = "benchmark_quiet", "benchmark_flooding"
_FLOOD = 1_000
_MINUTES = 2.0
_REQUESTS = int(os.environ.get("CUSTOMER_ROUNDS", "5"))
_LIMIT = 2.0


def beside_a_flood(settings: Settings) -> Section:
    """Single requests on an idle system, then as many during the flood, which is taken back afterwards."""
    onboard_many(settings, [QUIET, FLOODING])
    first = int(time.time()) % 30_000
    quiet = _placed(settings, QUIET, 2 * _REQUESTS + 1, first)
    ask(settings, QUIET, [quiet.pop()])  # its tables are made
    idle = [ask(settings, QUIET, [quiet.pop()]) for _ in range(_REQUESTS)]
    flood = _placed(settings, FLOODING, _FLOOD, first + 100)
    files = customer_files(settings, FLOODING)
    requests = [asked(files, [name]) for name in flood]
    try:
        _wait_for_run(settings)
        busy = [ask(settings, QUIET, [quiet.pop()]) for _ in range(_REQUESTS)]
        left = sum(not _is_answered(settings, name) for name in requests)
    finally:
        assert isinstance(settings.customers, Path)
        for name in requests:  # what is not begun yet is not to be
            (settings.customers / FLOODING / request_path(name)).unlink(missing_ok=True)
    assert left, "the flood was over before the requests beside it were"
    return _section(idle, busy, left)


def _placed(settings: Settings, customer: str, count: int, first: int) -> list[str]:
    folder = folder_of_sessions(settings, customer)
    names = write_cuts(folder, count, _MINUTES, first)
    uploaded_before(*(folder / name for name in names))
    return names


def _wait_for_run(settings: Settings) -> None:
    """Until a run of the flood has begun."""
    under_way = RunsFilter(tags={CUSTOMER: FLOODING}, statuses=[DagsterRunStatus.STARTED])
    with open_instance(settings) as instance:
        until = time.monotonic() + 120
        while not instance.get_runs(under_way):
            if time.monotonic() > until:
                raise RuntimeError("no run of the flood began")
            time.sleep(0.2)


def _is_answered(settings: Settings, name: str) -> bool:
    assert isinstance(settings.customers, Path)
    status = settings.customers / FLOODING / request_path(name).replace(".json", ".status.json")
    return status.is_file() and '"done"' in status.read_text(encoding="utf-8")


def _section(idle: list[Answered], busy: list[Answered], left: int) -> Section:
    alone, beside = [one.seconds for one in idle], [one.seconds for one in busy]
    ratio = statistics.median(beside) / statistics.median(alone)
    return Section(
        "customer_fairness",
        "A single request beside another customer's flood",
        f"One customer asks for {_FLOOD:,} sessions of {_MINUTES:g} minutes by as many requests at once; once its "
        f"first run is under way, another asks {_REQUESTS} times, one after the other, for one session. Both share the "
        f"machine's cores and the places of runs. {left} requests of the flood were left when the last was answered.",
        [
            Target(
                f"at most {_LIMIT:g} times the time on an idle system",
                f"{ratio:.2f} ({spread(beside)} against {spread(alone)})",
                ratio <= _LIMIT,
            )
        ],
    )
