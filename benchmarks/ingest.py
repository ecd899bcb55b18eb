"""Ingestion of session files to silver, against the best script with polars and deltalake."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.report import Section, Target, in_turns, spread
from benchmarks.sessions import fill

_OURS = """
import sys, time, json
from pathlib import Path
from pipelines.engines import open_engine
from pipelines.tables.ingestion import ingest_sessions
import pyspark.sql.connect.catalog, pyspark.sql.connect.session, pysail.spark, polars, deltalake, yaml
import pyarrow.compute, pyarrow.pandas_compat, pyarrow.parquet
import pipelines.engines.processes, pipelines.engines.sail, pipelines.flight.formats
from benchmarks.sessions import DAY
warehouse, landing = map(Path, sys.argv[1:])
start = time.perf_counter()
engine = open_engine("sail", warehouse)
report = ingest_sessions(engine, landing, DAY, "benchmark")
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "rows": report.row_count, "stages": report.stage_seconds}))
"""
_SCRIPT = """
import sys, time, json
from pathlib import Path
# Arrow would load it in each worker and in the parent, on the clock; ours load it with pyspark, before.
import pandas, pyarrow.compute, pyarrow.dataset, pyarrow.pandas_compat, pyarrow.parquet, yaml
from benchmarks import script
from benchmarks.sessions import DAY
if __name__ == "__main__":
    warehouse, landing = map(Path, sys.argv[1:])
    start = time.perf_counter()
    script.create_tables(warehouse)
    rows = script.ingest(warehouse, landing, DAY, "benchmark")
    print(json.dumps({"seconds": time.perf_counter() - start, "rows": rows}))
"""
_RUNS = {5: 9, 200: 5}


def measure() -> Section:
    """Both sides at 5 and at 200 sessions, each run in a fresh process over an empty warehouse."""
    section = Section(
        "ingest",
        "Ingestion to silver",
        "Simulated sessions, four in five at 10 Hz from a training device, the others Garmin logs at 1 Hz, no two of "
        "the same bytes. The script (`benchmarks/script.py`) uses the same readers and writes the same rows into the "
        "same three tables with polars and deltalake, by a pool of processes where that pays. Seconds are from the "
        "end of the imports to the last commit: both make their tables in them, ours start the engine, the script its "
        "processes.",
    )
    for count, least in ((200, 1.0), (5, 0.5)):
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            landing = Path(folder, "landing")
            files = fill(landing, count)
            kept: list[dict] = []
            whole: dict[str, list[float]] = {"ours": [], "script": []}

            def run(side: str, landing: Path = landing, kept: list = kept, whole: dict = whole) -> float:
                found, seconds = _run(_OURS if side == "ours" else _SCRIPT, landing)
                whole[side].append(seconds)
                kept.append({"side": side, **found})
                return found["seconds"]

            ours, script = in_turns(_RUNS[count], lambda: run("ours"), lambda: run("script"))
            assert len({found["rows"] for found in kept}) == 1, "both sides must write the same rows"
            size = sum(file.stat().st_size for file in files) / 2**20
        ratio = statistics.median(script) / statistics.median(ours)
        section.targets.append(
            Target(
                f"throughput at {count} sessions is at least {least} of the script's",
                f"{ratio:.2f} ({count / statistics.median(ours):.0f} against {count / statistics.median(script):.0f} "
                "sessions/s)",
                ratio >= least,
            )
        )
        section.tables.append(
            (
                f"{count} sessions, {size:.0f} MiB, {kept[0]['rows']:,} samples, {_RUNS[count]} runs:",
                ("", "seconds", "with process start and imports"),
                [("ours", spread(ours), spread(whole["ours"])), ("script", spread(script), spread(whole["script"]))],
            )
        )
        stages = [found["stages"] for found in kept if found["side"] == "ours"]
        named = {stage: statistics.median(one[stage] for one in stages) for stage in stages[0]}
        named["digests, engine, tables"] = named.pop("digests")
        rest = statistics.median(ours) - sum(named.values())
        section.tables.append(
            (
                f"Where ours spend their time at {count} sessions (medians):",
                ("stage", "seconds"),
                [*((stage, f"{seconds:.2f}") for stage, seconds in named.items()), ("the rest", f"{rest:.2f}")],
            )
        )
    section.remarks.append(
        "What the script does without: recovery after a crash at any point, a lock against a second run, retries "
        "after collisions, files that grow while they are read (ours read each file twice for that: once for the "
        "digest, once to parse)."
    )
    section.remarks.append(
        "From 16 MiB on both parse in one process per core, so both are bound by the readers, which they share. What "
        "ours pay besides are the engine and two merges through Spark. They start the engine while threads take the "
        "digests, and make good for the rest in the workers: these take a few files at a time through each step, keep "
        "the memory that they free, have no threads that would compete, and encode each column by what its values are "
        "like, which also makes the files smaller than the script's."
    )
    return section


def _run(program: str, landing: Path) -> tuple[dict, float]:
    folder = tempfile.mkdtemp(prefix="benchmark-warehouse-")
    file = Path(folder, "program.py")
    file.write_text(program, encoding="utf-8")
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, str(file), f"{folder}/warehouse", str(landing)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
        env=_environment(),
    )
    seconds = time.perf_counter() - start
    shutil.rmtree(folder)
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-3000:])
    return json.loads(done.stdout.splitlines()[-1]), seconds


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
