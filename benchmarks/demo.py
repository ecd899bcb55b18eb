"""How long `make demo` takes after set-up, and where the time goes; and flight hours judged per second."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.report import Section, Target
from pipelines.cli.demo import SECONDS_FILE
from pipelines.engines import open_engine
from pipelines.environments import settings_from
from pipelines.models.manifest import load_manifests
from pipelines.settings import Settings
from pipelines.tables.contract import TableName

_LIMIT_S = 180.0
_GOLD_SESSIONS = TableName("main", "gold", "sessions")


def measure() -> list[Section]:
    """The demo in an empty home, its steps from Dagster's own record, then every model on every session anew."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        settings = settings_from({"PIPELINES_HOME": folder})
        began = time.perf_counter()
        done = _pipelines("demo", folder)
        whole = time.perf_counter() - began
        _pipelines("down", folder)  # nothing below needs the workspaces
        if done.returncode != 0:
            raise RuntimeError((done.stdout + done.stderr)[-3000:])
        parts = json.loads((settings.home / "logs" / SECONDS_FILE).read_text())
        flow = sum(seconds for name, seconds in parts.items() if not name.startswith(("release:", "rollback")))
        steps = _step_seconds(settings)
        demo = Section(
            "demo",
            "`make demo` after set-up",
            "`pipelines demo` in an empty home: simulated sessions to predictions in development and, beside it, a "
            "first release in production; then two more releases, a rollback and two customers' requests. From the "
            f"start of the command to its end; sessions to predictions and the first release take {flow:.0f} s of it.",
            [
                Target(
                    "the whole demo, through both workspaces, under 3 minutes on 2 cores",
                    f"{whole:.0f} s",
                    whole < _LIMIT_S,
                )
            ],
            [
                (
                    "Where the time goes:",
                    ("part", "seconds"),
                    [(name, f"{spent:.1f}") for name, spent in parts.items()],
                ),
                (
                    "Steps of the main job (from the run's record), while the first release goes on:",
                    ("step", "seconds"),
                    [(step, f"{spent:.1f}") for step, spent in steps.items()],
                ),
            ],
        )
        return [demo, _inference(settings)]


def _pipelines(command: str, home: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("pipelines"), command],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "PIPELINES_HOME": home},
        capture_output=True,
        text=True,
        check=False,
    )


def _step_seconds(settings: Settings) -> dict[str, float]:
    from dagster import RunsFilter

    from pipelines.cli.instance import open_instance

    with open_instance(settings) as instance:
        [run] = instance.get_runs(RunsFilter(job_name="full_flow"), limit=1)
        stats = instance.get_run_step_stats(run.run_id)
    known = [one for one in stats if one.start_time and one.end_time]
    ordered = sorted(known, key=lambda one: one.start_time or 0)
    return {one.step_key: (one.end_time or 0) - (one.start_time or 0) for one in ordered}


def _inference(settings: Settings) -> Section:
    from pipelines.training.predict import predict_sessions

    engine = open_engine(settings.engine, settings.tables)
    total = engine.table(_GOLD_SESSIONS).selectExpr("sum(duration_s) / 3600 AS hours", "count(*) AS n").collect()[0]
    anew = replace(settings, prediction_schema="dev.benchmark")
    rows = []
    for name in load_manifests():
        start = time.perf_counter()
        report = predict_sessions(name, 1, engine, anew)
        seconds = time.perf_counter() - start
        rows.append((name, len(report.judged), f"{seconds:.1f}", f"{total.hours / seconds:.2f}"))
    engine.stop()
    return Section(
        "inference",
        "Inference",
        f"The demo's registered models judge all of its {total.n} gold sessions ({total.hours:.1f} flight hours) anew "
        "into empty tables: features on Spark, model from the registry, rows written.",
        tables=[("", ("model", "sessions judged", "seconds", "flight hours/s"), rows)],
    )
