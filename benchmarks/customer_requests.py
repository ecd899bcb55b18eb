"""From a request in a customer's inbox to its rows, against a warm script that parses, loads models and predicts."""

from __future__ import annotations

import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.customer_script import Script
from benchmarks.customer_sessions import HOUR_S, RATE_HZ, hours, write_cut
from benchmarks.customer_stack import Answered, ask, folder_of_sessions, onboarded, run_of, uploaded_before
from benchmarks.report import Section, Target, spread
from pipelines.cli.instance import open_instance
from pipelines.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance

CUSTOMER = "benchmark_hour"
_LIMIT = 2.5
_TICK_S = 5.0
_MOST_CUT = 120
"""Samples that a session may lack at either end, to have bytes of its own."""
_SEEN, _ENDED = "until the sensor has asked for a run", "answering"
_AFTER_ROWS = ("review page", _ENDED)


def request_to_rows(settings: Settings) -> Section:
    """A request for one new hour, and the script on another, in turns; a daemon must run on a warm workspace."""
    rounds = int(os.environ.get("CUSTOMER_ROUNDS", "7"))
    onboarded(settings, CUSTOMER)
    asked: list[Answered] = []
    parts: list[dict[str, float]] = []
    alone: list[float] = []
    script_parts: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="script-") as folder:
        start = int(time.time())
        first = _asked(settings, start)  # the first request of a stack warms it
        versions = {one.model: one.version for one in first.status.models}
        script = Script(settings, Path(folder, "tables"), versions)
        _alone(script, Path(folder), start)
        for number in range(start + 1, start + 1 + rounds):
            time.sleep(random.uniform(0, _TICK_S))  # else all of them meet the same moment of the sensor's rhythm
            one = _asked(settings, number)
            asked.append(one)
            with open_instance(settings) as instance:
                parts.append(dict(_parts(instance, one)))
            rows = _alone(script, Path(folder), number)
            told = sum(model.findings for model in one.status.models)
            assert rows == told, f"the script found {rows} rows, the request {told}"
            alone.append(sum(script.seconds.values()))
            script_parts.append(script.seconds)
        script.stop()
    return _section([one.seconds for one in asked], parts, alone, script_parts)


def _asked(settings: Settings, number: int) -> Answered:
    """The request for such an hour, uploaded a while ago."""
    name = f"hour_{number}.csv"
    file = folder_of_sessions(settings, CUSTOMER) / name
    _write_hour(file, number)
    uploaded_before(file)
    one = ask(settings, CUSTOMER, [name])
    [session] = one.status.sessions
    assert session.status == "analysed", "an earlier benchmark has asked for the same bytes"
    return one


def _alone(script: Script, folder: Path, number: int) -> int:
    name = f"hour_{number}.csv"
    _write_hour(folder / "sessions" / name, number)
    return script.analysed(folder, [name])


def _write_hour(target: Path, number: int) -> None:
    """The hour without some of its first and last samples, another cut for each number."""
    start, less = number % _MOST_CUT, number // _MOST_CUT % _MOST_CUT
    write_cut(hours()[0], target, start, HOUR_S * RATE_HZ - _MOST_CUT - less)


def _parts(instance: DagsterInstance, one: Answered) -> Iterator[tuple[str, float]]:
    """Where the request's time went, by its run's log."""
    from dagster import DagsterEventType

    record = run_of(instance, one.status)
    logs = instance.all_logs(record.dagster_run.run_id)
    kinds: dict[DagsterEventType, float] = {}
    for entry in logs:
        if entry.dagster_event is not None:
            kinds.setdefault(entry.dagster_event.event_type, entry.timestamp)
    said = [(entry.timestamp, entry.user_message) for entry in logs]
    submitted = next(at for at, text in said if text.startswith("Submitted as remote run"))
    moments = [
        (_SEEN, record.create_timestamp.timestamp()),
        ("in the queue of runs", kinds[DagsterEventType.RUN_STARTING]),
        ("start of the run's process", kinds[DagsterEventType.RUN_START]),
        ("code and step to the workspace", submitted),
        ("start of the remote run", kinds[DagsterEventType.STEP_START]),
    ]
    words = {"session files read": "reading the session, writing its rows", "review pages": "review page"}
    for at, text in said:
        if text.endswith("sessions judged"):
            moments.append(("judging by all models", at))
        elif found := next((name for part, name in words.items() if part in text), None):
            moments.append((found, at))
    before = one.put
    for name, at in [*moments, (_ENDED, one.done)]:
        yield name, at - before
        before = at


def _section(
    seconds: list[float], parts: list[dict[str, float]], alone: list[float], script_parts: list[dict[str, float]]
) -> Section:
    rows = [each - sum(one[name] for name in _AFTER_ROWS) for each, one in zip(seconds, parts, strict=True)]
    to_rows, script = statistics.median(rows), statistics.median(alone)
    before_step = [_SEEN, "in the queue of runs", "start of the run's process", "code and step to the workspace",
                   "start of the remote run"]  # fmt: skip
    fixed = statistics.median(sum(one[name] for name in before_step) for one in parts)
    return Section(
        "customer_request",
        "From a request to its rows",
        f"A customer's session of an hour (10 Hz, nearly {HOUR_S * RATE_HZ:,} samples, 7.6 MB), put there before, is "
        "asked for by a file in the inbox at any moment; daemon, workspace and cluster are warm. Until its rows are "
        f"written; the answer, after the review page, takes {spread(seconds)}. {len(seconds)} requests in turns with "
        "a warm script that parses and cleans the same hour, loads the models, predicts and writes the same rows: "
        "no daemon, no workspace, no page.",
        [
            Target(
                f"at most {_LIMIT} times the script",
                f"{to_rows / script:.2f} ({spread(rows)} against {spread(alone)})",
                to_rows / script <= _LIMIT,
            )
        ],
        [
            ("Where the request's time goes (medians):", ("part", "seconds"), _medians(parts)),
            ("And the script's:", ("part", "seconds"), _medians(script_parts)),
        ],
        [
            (
                f"Of a request {fixed:.1f} s are gone before its step begins, whatever it asks for; the rest is "
                f"{(to_rows - fixed) / script:.2f} times the script."
            )
        ],
    )


def _medians(parts: list[dict[str, float]]) -> list[tuple[str, str]]:
    return [(name, f"{statistics.median(one[name] for one in parts):.2f}") for name in parts[0]]
