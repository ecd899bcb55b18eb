"""Dagster's own daemon, which looks at backfills and sensors every two seconds instead of thirty and five.

It may be told to die at one of the points at which Dagster's own tests let theirs crash.
"""

from __future__ import annotations

import os
import signal
from typing import Any

from dagster._daemon import controller, sensor
from dagster._daemon.cli import main
from dagster._utils import return_as_list

DIES_AT = "TEST_DAEMON_DIES_AT"
"""Environment variable that names the point."""
CRASH_POINTS = ("TICK_CREATED", "TICK_HELD", "RUN_IDS_RESERVED", "RUN_CREATED", "RUN_LAUNCHED")
"""In the order in which a tick that asks for a run comes past them."""
_SENSOR = "release_branch"


def _die_at(point: str) -> None:
    real = sensor._process_tick_generator

    def tick(context: Any, logger: Any, looked_at: Any, state: Any, flags: Any, *rest: Any, **more: Any) -> Any:
        given = {point: signal.SIGKILL} if looked_at.name == _SENSOR else flags
        yield from real(context, logger, looked_at, state, given, *rest, **more)

    sensor._process_tick_generator = tick
    sensor._process_tick = return_as_list(tick)


if __name__ == "__main__":
    controller.DEFAULT_DAEMON_INTERVAL_SECONDS = sensor.MIN_INTERVAL_LOOP_TIME = 2
    if asked_for := os.environ.get(DIES_AT):
        _die_at(asked_for)
    main()
