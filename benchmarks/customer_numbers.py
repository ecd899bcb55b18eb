"""Ten, a hundred and a thousand customers: loading the definitions, a tick of the sensor, a request's time."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.customer_onboarding import onboard_many, set_partitions
from benchmarks.customer_sessions import write_cuts
from benchmarks.customer_stack import ask, folder_of_sessions, onboarded, uploaded_before
from benchmarks.report import Section, Target, spread
from pipelines.customers.places import INBOX
from pipelines.customers.status import Status, digest_of_request
from pipelines.settings import Settings

COUNTS = (10, 100, 1_000)
_BENCHMARKS = "benchmark_"
"""Customers of benchmarks are called so."""
_PREFIX = f"{_BENCHMARKS}one_of_"
_LIMIT = 1.5
_TICKS, _LISTINGS, _MINUTES = 20, 6, 2.0
_LOAD, _REQUEST = "loading the definitions", "a request"
_ROUNDS = int(os.environ.get("CUSTOMER_ROUNDS", "5"))
_TICK = "a tick with nothing new, by Dagster's daemon"
_EVALUATION, _LISTING = "its evaluation alone", "an evaluation that lists every inbox, one a minute"
_TOLD = (_EVALUATION, _LISTING)
"""What is measured and told, and is no promise: the code that a tick runs."""
_DAEMON_TICKS = 3
_DEFINITIONS = "from pipelines.definitions import production; production().get_repository_def()"


def many_customers(settings: Settings) -> Section:
    """Onboard the most, then measure with so many of them in turns; their partitions are taken away again."""
    there = set_partitions(settings, [], instead_of=_BENCHMARKS)
    asking = f"{_PREFIX}asking_{int(time.time())}"
    took = _onboarding(settings, asking)
    most = [asking, *(f"{_PREFIX}{number:04d}" for number in range(COUNTS[-1] - len(there) - 1))]
    onboard_many(settings, most)
    _give_histories(settings, most[1:])
    first = int(time.time()) % 30_000
    sessions = write_cuts(folder_of_sessions(settings, asking), _ROUNDS * len(COUNTS) + 1, _MINUTES, first)
    uploaded_before(*(folder_of_sessions(settings, asking) / name for name in sessions))
    ask(settings, asking, [sessions.pop()])
    found = {count: {name: [] for name in (_LOAD, _TICK, *_TOLD, _REQUEST)} for count in COUNTS}
    try:
        for _ in range(_ROUNDS):
            for count in COUNTS:
                set_partitions(settings, most[: count - len(there)], instead_of=_BENCHMARKS)
                measured = {_LOAD: [_load()], _TICK: _ticks(settings), **_evaluations(settings)}
                measured[_REQUEST] = [ask(settings, asking, [sessions.pop()]).seconds]
                for name, seconds in measured.items():
                    found[count][name] += seconds
    finally:
        set_partitions(settings, [], instead_of=_BENCHMARKS)
    return _section(found, took)


def _onboarding(settings: Settings, customer: str) -> float:
    start = time.perf_counter()
    onboarded(settings, customer)
    return time.perf_counter() - start


def _give_histories(settings: Settings, customers: list[str]) -> None:
    """An answered request in each inbox, as customers have."""
    assert isinstance(settings.customers, Path)
    for customer in customers:
        inbox = settings.customers / customer / INBOX
        request = json.dumps({"sessions": ["old.csv"]}).encode()
        (inbox / "old.json").write_bytes(request)
        status = Status(
            request="old.json", request_digest=digest_of_request(request), state="done", at=datetime.now(UTC)
        )
        (inbox / "old.status.json").write_bytes(status.to_json())


def _load() -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", _DEFINITIONS], check=True, cwd=Path(__file__).parents[1], env=os.environ)
    return time.perf_counter() - start


def _ticks(settings: Settings) -> list[float]:
    """Seconds of the next ticks that find nothing, as the daemon records them, less those that a tick watches on."""
    from dagster._core.scheduler.instigation import TickStatus

    from pipelines.cli.instance import open_instance
    from pipelines.sensors import inbox_watch

    since, found = time.time(), dict[float, float]()
    with open_instance(settings) as instance:
        [sensor] = [one for one in instance.all_instigator_state() if one.instigator_name == "customer_requests"]
        while len(found) < _DAEMON_TICKS:
            for tick in instance.get_ticks(sensor.instigator_origin_id, sensor.selector_id, limit=2 * _DAEMON_TICKS):
                if tick.timestamp > since and tick.status == TickStatus.SKIPPED and tick.end_timestamp is not None:
                    found[tick.timestamp] = tick.end_timestamp - tick.timestamp - inbox_watch.WATCH_SECONDS
            time.sleep(1)
    return list(found.values())


def _evaluations(settings: Settings) -> dict[str, list[float]]:
    """Evaluations of the sensor, as a code server makes them, without its watching on until the next is due."""
    from dagster import build_sensor_context

    from pipelines.cli.instance import open_instance
    from pipelines.definitions import production
    from pipelines.sensors import inbox_watch

    watching, listed, inbox_watch.WATCH_SECONDS = inbox_watch.WATCH_SECONDS, inbox_watch.LISTED_AT_LEAST_S, 0.0
    time.sleep(1.5)  # the folders have been at rest for longer than their time stamps tell apart
    definitions = production()
    sensor = definitions.get_repository_def().get_sensor_def("customer_requests")
    cursor: str | None = None
    seconds = []
    with open_instance(settings) as instance:
        for number in range(_TICKS + 2):
            # Each of the first ones is a new process's, or one after a minute, which lists all inboxes.
            inbox_watch.LISTED_AT_LEAST_S = -1.0 if number < _LISTINGS else 3600.0
            start = time.perf_counter()
            given = {"settings": settings}
            with build_sensor_context(instance, cursor=cursor, definitions=definitions, resources=given) as context:
                data = sensor.evaluate_tick(context)
            seconds.append(time.perf_counter() - start)
            assert not data.run_requests, "there is something new: the benchmark measures ticks without"
            cursor = data.cursor
    inbox_watch.WATCH_SECONDS, inbox_watch.LISTED_AT_LEAST_S = watching, listed
    listings, evaluations = seconds[2:_LISTINGS], seconds[_LISTINGS + 1 :]  # the first two import and read
    return {_EVALUATION: evaluations, _LISTING: listings}


def _section(found: dict[int, dict[str, list[float]]], took: float) -> Section:
    least, most = found[COUNTS[0]], found[COUNTS[-1]]
    targets = []
    for name in least:
        if name in _TOLD:
            continue
        # Against the least of the smaller numbers: the machine's load must not make a growth look smaller.
        least_s = min(statistics.median(found[count][name]) for count in COUNTS[:-1])
        growth = statistics.median(most[name]) / least_s
        measured = f"{growth:.2f} ({_shown(most[name])} against {_milliseconds_or_seconds(least_s)})"
        targets.append(Target(f"{name}: within {_LIMIT} times", measured, growth <= _LIMIT))
    rows = [(name, *(_shown(found[count][name]) for count in COUNTS)) for name in least]
    return Section(
        "customer_numbers",
        "Ten, a hundred and a thousand customers",
        "Each has a partition, a row in `prod.ops.customers`, a schema and volume, and an inbox with an answered "
        f"request. {_ROUNDS} rounds of the three numbers in turns, for which partitions are added and taken away; rows "
        "and schemas of all of them stay. Loading is a fresh process; a tick is what the daemon records of it, less "
        f"the seconds that it watches the folders on ({_DAEMON_TICKS} a round, and apart the evaluation of its code, "
        f"{_TICKS - _LISTINGS} a round); a request is for one session of {_MINUTES:g} minutes of one of them, through "
        "the daemon.",
        targets,
        [("Medians, with smallest and largest:", ("", *(f"{count:,} customers" for count in COUNTS)), rows)],
        [
            (
                f"Onboarding one customer by the command took {took:.1f} s. The thousand were made without principals, "
                "secret scopes and published jobs, which no request looks at."
            )
        ],
    )


def _milliseconds_or_seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 0.5 else f"{1000 * seconds:.1f} ms"


def _shown(seconds: list[float]) -> str:
    if statistics.median(seconds) >= 0.5:
        return spread(seconds)
    values = sorted(1000 * one for one in seconds)
    return f"{statistics.median(values):.1f} ms ({values[0]:.1f} to {values[-1]:.1f})"
