"""What launching a step costs: seconds, calls and bytes; ours, dagster-databricks' and the bare SDK's."""

from __future__ import annotations

import base64
import multiprocessing
import re
import statistics
import tempfile
import time
from collections import Counter
from dataclasses import replace
from uuid import uuid4

import dagster as dg
from databricks.sdk.service import jobs

from benchmarks.launched_steps import Bench, bench
from benchmarks.report import Section, Target, in_turns, spread

_RUNS = 5
_AT_ONCE = 20
_STOCK_SHARE, _BARE_RATIO, _SECONDS, _READ_AGAIN = 1 / 5, 2.0, 1.5, 1.1
_LIMITS = {r"/api/2\.\d/jobs/runs/submit": 35, r"/api/2\.\d/jobs/runs/get": 100}


def measure() -> Section:
    """An empty step on one warm cluster, in turns; then a talkative one, then twenty at once."""
    section = Section(
        "launcher",
        "Launching a step on Databricks (the local workspace)",
        f"One warm cluster with its engine, {_RUNS} runs in turns, each a Dagster run of one step in one process, from "
        "its start to its end; the same run without a launcher is taken off as what Dagster itself costs. The stock "
        "launcher is dagster-databricks' `databricks_pyspark_step_launcher` with its defaults.",
    )
    with bench() as workspace:
        _seconds(workspace, section)
        _wire(workspace, section)
        _talkative(workspace, section)
        _at_once(workspace, section)
    return section


def _seconds(workspace: Bench, section: Section) -> None:
    path = f"/code/{uuid4().hex}.py"
    workspace.client.dbfs.put(path, contents=base64.b64encode(b"pass").decode())
    for name in ("empty_here", "empty_ours"):
        workspace.run(name)
    stock, ours, waited, watched, here = in_turns(
        _RUNS,
        lambda: workspace.run("empty_stock"),
        lambda: workspace.run("empty_ours"),
        lambda: _bare(workspace, f"dbfs:{path}", None),
        lambda: _bare(workspace, f"dbfs:{path}", 0.05),
        lambda: workspace.run("empty_here"),
    )
    base = statistics.median(here)
    overhead, stock_overhead = statistics.median(ours) - base, statistics.median(stock) - base
    share, ratio = overhead / stock_overhead, overhead / statistics.median(waited)
    section.targets += [
        Target(
            f"overhead of an empty step at most {_STOCK_SHARE:.2f} of the stock launcher's",
            f"{share:.3f}",
            share <= _STOCK_SHARE,
        ),
        Target(
            f"at most {_BARE_RATIO:g} times a bare SDK submit and wait (`jobs.submit_and_wait`)",
            f"{ratio:.2f} (of a loop that asks every 0.05 s: {overhead / statistics.median(watched):.1f})",
            ratio <= _BARE_RATIO,
        ),
        Target(
            f"an empty step under {_SECONDS} s, all told",
            f"{statistics.median(ours):.2f} s",
            statistics.median(ours) < _SECONDS,
        ),
    ]
    rows = [
        ("ours", spread(ours)),
        ("stock launcher, polls every 5 s", spread(stock)),
        ("bare SDK, `jobs.submit_and_wait`", spread(waited)),
        ("bare SDK, a loop that asks every 0.05 s", spread(watched)),
        ("no launcher: the same Dagster run in this process", spread(here)),
    ]
    section.tables.append(("Seconds of an empty step:", ("", "seconds"), rows))


def _bare(workspace: Bench, file: str, pause_s: float | None) -> float:
    """Seconds of an empty task; waited for by the SDK, or watched closely."""
    task = jobs.SubmitTask(
        task_key="empty",
        existing_cluster_id=workspace.cluster_id,
        spark_python_task=jobs.SparkPythonTask(python_file=file),
    )
    start = time.perf_counter()
    if pause_s is None:
        workspace.client.jobs.submit_and_wait(run_name="bare", tasks=[task])
        return time.perf_counter() - start
    waiter = workspace.client.jobs.submit(run_name="bare", tasks=[task])
    while True:
        state = workspace.client.jobs.get_run(waiter.run_id).state
        if state is not None and state.life_cycle_state == jobs.RunLifeCycleState.TERMINATED:
            return time.perf_counter() - start
        time.sleep(pause_s)


def _wire(workspace: Bench, section: Section) -> None:
    rows = []
    for title, name, fresh in (
        ("ours, first step of a process", "empty_ours", True),
        ("ours, later steps", "empty_ours", False),
        ("stock", "empty_stock", False),
    ):
        if fresh:
            workspace.new_launcher()
        since = time.time()
        workspace.run(name)
        found = workspace.requests(since)
        rows.append((title, len(found), _sum(found, "sent_bytes"), _sum(found, "received_bytes")))
    columns = ("", "REST calls", "bytes sent", "bytes received")
    section.tables.append(("Over the wire for one empty step, those of the task included:", columns, rows))


def _talkative(workspace: Bench, section: Section) -> None:
    rows = []
    for title, name, pattern in (
        ("ours", "talkative_ours", r".*/events/\d+\.json"),
        ("stock", "talkative_stock", r"/api/2\.0/dbfs/read"),
    ):
        since = time.time()
        seconds = workspace.run(name)
        found = [entry for entry in workspace.requests(since) if re.fullmatch(pattern, entry["path"])]
        read = [entry for entry in found if entry["status"] == 200 and entry["method"] == "GET"]
        rows.append((title, f"{seconds:.1f} s", len(read), _sum(read, "received_bytes")))
        if name == "talkative_ours":
            largest: dict[str, int] = {}
            for entry in read:
                largest[entry["path"]] = max(largest.get(entry["path"], 0), entry["received_bytes"])
            ratio = _sum(read, "received_bytes") / sum(largest.values())
            section.targets.append(
                Target(
                    f"bytes of events read at most {_READ_AGAIN} times their final size (300 messages in 6 s)",
                    f"{ratio:.3f}",
                    ratio <= _READ_AGAIN,
                )
            )
    columns = ("", "run", "reads", "bytes read")
    section.tables.append(("Reading the events of a step that logs 300 messages in 6 s:", columns, rows))


def _at_once(workspace: Bench, section: Section) -> None:
    (workspace.repository / "launched_steps_of_benchmark" / "new.py").write_text(f"# {uuid4().hex}\n")
    workspace.local("POST", "/local/rate-limits", {"enabled": True})
    workspace.new_launcher()
    since = time.time()
    # Forked, so that twenty workers begin at once on two cores; each has a Dagster instance of its own.
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_worker, args=(workspace,)) for _ in range(_AT_ONCE)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    seconds = time.time() - since
    failures = [worker.exitcode for worker in workers if worker.exitcode]
    workspace.local("POST", "/local/rate-limits", {"enabled": False})
    found = workspace.requests(since)
    refused = [entry for entry in found if entry["status"] == 429]
    uploads, compiled = (
        [entry for entry in found if entry["method"] == "PUT" and folder in entry["path"]]
        for folder in ("/code/", "/bytecode/")
    )
    section.targets += [
        Target(
            f"{_AT_ONCE} steps at once stay within the documented rates, which the workspace enforces",
            f"{len(refused)} refused, {len(failures)} failed",
            not refused and not failures,
        ),
        Target(f"code is staged once for {_AT_ONCE} steps", f"{len(uploads)} upload(s)", len(uploads) == 1),
        Target(f"its bytecode is staged once for {_AT_ONCE} steps", f"{len(compiled)} upload(s)", len(compiled) == 1),
    ]
    rows = []
    for pattern, limit in _LIMITS.items():
        counted = Counter(int(entry["at"]) for entry in found if re.fullmatch(pattern, entry["path"]))
        rows.append((pattern.replace("\\", "").rpartition("/")[2], max(counted.values(), default=0), limit))
    section.tables.append(
        (f"Busiest second of {_AT_ONCE} steps at once ({seconds:.1f} s):", ("call", "calls", "allowed"), rows)
    )


def _worker(workspace: Bench) -> None:
    with tempfile.TemporaryDirectory() as home, dg.DagsterInstance.local_temp(home) as instance:
        replace(workspace, instance=instance).run("empty_ours")


def _sum(entries: list[dict[str, int]], name: str) -> int:
    return sum(entry[name] for entry in entries)
