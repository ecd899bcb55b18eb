"""What a tick of the landing sensor costs with nothing new, over 100 and over 10,000 known uploads."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from benchmarks.report import Section, Target, in_turns, spread
from pipelines.environments import settings_from
from pipelines.landing.s3_client import client_of
from pipelines.landing_access import landing_access
from pipelines.partitions import today
from pipelines.sensors.landing import landing_zone
from pipelines.settings import Settings

_KNOWN = (100, 10_000)
_DAYS = 25
_RUNS = 7
_MOST_REQUESTS = 22
_LIMIT_FOLDER_S = 1.0
# A process of its own: buckets of the given sizes, their objects put straight into the store, and then S3's API.
_SERVER = """
import os, sys
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
store = s3_backends["123456789012"]["aws"]
days = sys.argv[1].split(",")
for size in map(int, sys.argv[2].split(",")):
    store.create_bucket(f"known-{size}", "us-east-1")
    for number in range(size):
        store.put_object(f"known-{size}", f"landing/sessions/{days[number % len(days)]}/{number:06d}.csv", b"x")
print("http://%s:%s" % server.get_host_and_port(), flush=True)
sys.stdin.read()  # until the benchmark has ended, however it did
os._exit(0)
"""


def measure() -> Section:
    """Folders and buckets with 100 and 10,000 uploads, ticks in turns."""
    days = [(today() - timedelta(days=number)).isoformat() for number in range(_DAYS)]
    section = Section(
        "landing",
        "A tick of the landing sensor",
        f"Nothing new; the known uploads lie on the newest {_DAYS} days. The whole evaluation of the sensor, in a warm "
        "process. The bucket is on moto's server in a process of its own on this machine, whose answers take longer "
        "the more keys a bucket has; from AWS a page takes about a tenth of a second whatever lies beside it.",
    )
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, _server(days):
        requests: dict[int, int] = {}
        sides: dict[str, list[Settings]] = {
            "folder": [_folder(Path(folder, str(known)), known, days) for known in _KNOWN],
            "bucket": [_settings(Path(folder), f"s3://known-{known}/landing") for known in _KNOWN],
        }
        rows = []
        for where, settings in sides.items():
            ticks = [(each, _settled(each)) for each in settings]
            own: list[list[float]] = [[] for _ in ticks]
            sides_of = [
                lambda each=each, kept=kept: _seconds(each, kept) for each, kept in zip(ticks, own, strict=True)
            ]
            few, many = in_turns(_RUNS, *sides_of)
            rows.append((where, spread(few), spread(many)))
            rows.append((f"{where}, processor time of the sensor's process", *map(spread, own)))
            if where == "folder":
                median = statistics.median(many)
                section.targets.append(
                    Target(f"over 10,000 files in a folder at most {_LIMIT_FOLDER_S:g} s", f"{median:.2f} s",
                           median <= _LIMIT_FOLDER_S)
                )  # fmt: skip
            else:
                requests = {known: _requests(*each) for known, each in zip(_KNOWN, ticks, strict=True)}
        section.targets.append(
            Target(
                f"in a bucket as many requests over 10,000 objects as over 100, and {_MOST_REQUESTS} at most",
                f"{requests[10_000]} and {requests[100]}",
                requests[10_000] == requests[100] <= _MOST_REQUESTS,
            )
        )
        section.tables.append(("Seconds of a tick:", ("", "100 known", "10,000 known"), rows))
    return section


def _settings(home: Path, landing: str) -> Settings:
    first = (today() - timedelta(days=_DAYS)).isoformat()
    return settings_from(
        {"PIPELINES_HOME": str(home), "PIPELINES_LANDING": landing, "PIPELINES_FIRST_UPLOAD_DAY": first}
    )


def _folder(folder: Path, known: int, days: list[str]) -> Settings:
    for number in range(known):
        file = folder / "sessions" / days[number % len(days)] / f"{number:06d}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
        os.utime(file, (1.7e9, 1.7e9))
    return _settings(folder, str(folder))


def _tick(settings: Settings, cursor: str | None) -> dg.SensorResult:
    resources = {"settings": settings, "landing": landing_access(settings.landing)}
    result = landing_zone(dg.build_sensor_context(cursor=cursor, resources=resources))
    assert isinstance(result, dg.SensorResult)
    return result


def _settled(settings: Settings) -> str | None:
    """The cursor once every day has been asked for."""
    cursor, asked, deadline = None, 0, time.monotonic() + 300
    while asked < _DAYS:
        result = _tick(settings, cursor)
        cursor, asked = result.cursor, asked + len(result.run_requests or [])
        assert time.monotonic() < deadline, f"{asked} of {_DAYS} days asked for after five minutes"
    return cursor


def _seconds(known: tuple[Settings, str | None], own: list[float]) -> float:
    start, busy = time.perf_counter(), time.process_time()
    result = _tick(*known)
    seconds = time.perf_counter() - start
    own.append(time.process_time() - busy)
    assert not result.run_requests
    return seconds


def _requests(settings: Settings, cursor: str | None) -> int:
    """Requests to S3 of one tick."""
    sent: list[Any] = []
    events = client_of(None).meta.events

    def count(**_: Any) -> None:
        sent.append(1)

    events.register("before-send.s3", count)
    _tick(settings, cursor)
    events.unregister("before-send.s3", count)
    return len(sent)


@contextmanager
def _server(days: list[str]) -> Iterator[None]:
    """S3 on loopback, as this process's environment names it."""
    sizes = ",".join(map(str, _KNOWN))
    command = [sys.executable, "-c", _SERVER, ",".join(days), sizes]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        given = {
            "AWS_ENDPOINT_URL": server.stdout.readline().strip(),
            "AWS_ACCESS_KEY_ID": "benchmark",
            "AWS_SECRET_ACCESS_KEY": "benchmark",
            "AWS_REGION": "us-east-1",
        }
        before = {name: os.environ.get(name) for name in given}
        os.environ.update(given)
        try:
            yield
        finally:
            server.kill()
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
