"""A thousand sessions of twenty customers: flight hours a second, against one bare Spark job with the same work."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from benchmarks.customer_onboarding import onboard_many
from benchmarks.customer_script import Script
from benchmarks.customer_sessions import write_cuts
from benchmarks.customer_stack import Answered, ask, folder_of_sessions, uploaded_before, wait_for
from benchmarks.report import Section, Target
from pipelines.cli.analyze import asked
from pipelines.customers.files import customer_files
from pipelines.settings import Settings

CUSTOMERS = 20
MINUTES = 2.0
_SHARE = 0.7
_PROMISED = 1_000
"""Sessions that the bound is for."""


def many_sessions(settings: Settings) -> Section:
    """All requests put at once and waited for, then the job; a daemon must run on a warm workspace."""
    sessions = int(os.environ.get("CUSTOMER_SESSIONS", str(_PROMISED)))
    minutes = float(os.environ.get("CUSTOMER_MINUTES", str(MINUTES)))
    customers = [f"benchmark_many_{number}" for number in range(CUSTOMERS)]
    onboard_many(settings, customers)
    each = sessions // CUSTOMERS
    first = int(time.time()) % 30_000  # bytes that an earlier benchmark has not had analysed
    names = {
        customer: write_cuts(folder_of_sessions(settings, customer), each, minutes, first + number * each)
        for number, customer in enumerate(customers)
    }
    for customer, its in names.items():
        uploaded_before(*(folder_of_sessions(settings, customer) / name for name in its))
    answers = _asked(settings, customers, names)
    seconds = max(one.done for one in answers) - min(one.put for one in answers)
    found = sum(model.findings for one in answers for model in one.status.models)
    alone, parts, rows = _alone(settings, answers[0], each, minutes, first)
    assert rows == found, f"the job found {rows} rows, the requests {found}"
    flown = each * CUSTOMERS * minutes / 60
    share = alone / seconds
    remark = (
        f"The bound is for {_PROMISED:,} sessions, {_PROMISED // CUSTOMERS} a run; with {each} a run, the part that "
        "each run costs whatever it does weighs more."
    )
    return Section(
        "customer_throughput",
        "Many sessions of many customers",
        f"{each * CUSTOMERS:,} sessions of {minutes:g} minutes (cut from two flown hours, each with bytes of its own; "
        f"{flown:.0f} flight hours) of {CUSTOMERS} customers, asked for at once by one request each, until the last "
        "answer. Against one bare Spark job in one warm process, which reads, cleans, predicts, writes the same rows "
        "and draws the same review pages, with a process for each core where Python's threads do not use them.",
        [
            Target(
                f"at least {_SHARE} of the job's flight hours a second",
                f"{share:.2f} ({flown / seconds:.3f} against {flown / alone:.3f}: {seconds:.0f} s and {alone:.0f} s)",
                share >= _SHARE,
            )
        ],
        [
            (
                "Where the job's time goes:",
                ("part", "seconds"),
                [(name, f"{spent:.1f}") for name, spent in parts.items()],
            )
        ],
        [remark] if sessions < _PROMISED else [],
    )


def _asked(settings: Settings, customers: list[str], names: dict[str, list[str]]) -> list[Answered]:
    # Nothing of a first request's own is measured: tables are made, and the code is in the workspace.
    for customer in customers[:1]:
        ask(settings, customer, names[customer][:1])
    waiting = []
    for customer in customers:
        files = customer_files(settings, customer)
        waiting.append((files, asked(files, names[customer]), time.time()))
    return [wait_for(files, name, put, limit_s=3600) for files, name, put in waiting]


def _alone(
    settings: Settings, answered: Answered, each: int, minutes: float, first: int
) -> tuple[float, dict[str, float], int]:
    """Seconds of the job, where they went, and the rows that it found."""
    with tempfile.TemporaryDirectory(prefix="job-") as folder:
        root = Path(folder)
        names = write_cuts(root / "sessions", each * CUSTOMERS, minutes, first)
        script = Script(settings, root / "tables", {one.model: one.version for one in answered.status.models})
        script.analysed(root, names[:2], draws=True)
        start = time.perf_counter()
        rows = script.analysed(root, names, draws=True)
        seconds = time.perf_counter() - start
        script.stop()
        return seconds, script.seconds, rows
