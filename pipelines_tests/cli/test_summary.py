"""What `pipelines status` tells of runs."""

from __future__ import annotations

import io
import re
import time

import dagster as dg
from rich.console import Console

from pipelines.cli.summary import print_runs


@dg.op
def _wait() -> None:
    time.sleep(1.6)


@dg.job
def waiting() -> None:
    _wait()


def test_a_run_that_has_ended_is_told_with_the_time_that_it_took() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.create_run_for_job(waiting)
        waiting.execute_in_process(instance=instance)
        console = Console(width=200, file=io.StringIO(), record=True)
        print_runs(console, instance)
    ended, not_begun = [line for line in console.export_text().splitlines() if "waiting" in line]
    assert re.search(r"│ success +│ 0:0[2-9] min │", ended), ended
    assert re.search(r"│ not_started +│ +│", not_begun), not_begun
