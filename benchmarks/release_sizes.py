"""Releases of 3, 10 and 30 models: how their time grows.

Works on the environment of a demo that was run before (`BENCHMARK_HOME`), or one that it runs itself. The models are
copies of the approach model with few trees, so that little is training and most is the machinery around it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import yaml
from rich.console import Console

from benchmarks.releases import commit_and_push, environment_of_demo, script, take_files_of_project
from benchmarks.report import Section, Target
from pipelines.cli.releasing import follow_release
from pipelines.embedded import connected
from pipelines.embedded_repository import git_in
from pipelines.environments import settings_from
from pipelines.settings import Settings

COUNTS = (3, 10, 30)
_PROJECT = Path(__file__).parents[1]
_COPIED = "approach_stability"


def measure() -> Section:
    """Push a commit with each number of models, one after the other, and follow its release."""
    with environment_of_demo() as variables, tempfile.TemporaryDirectory(prefix="models-") as folder:
        settings = settings_from(variables, "production")
        connected(settings)
        checkout = Path(folder, "models")
        git_in(Path(folder), "clone", "--quiet", "--branch", "release", settings.git.url, str(checkout))
        before = git_in(checkout, "rev-parse", "HEAD")
        with _dagster(settings, variables) as served:
            seconds = {count: _released(served, checkout, count) for count in COUNTS}
        git_in(checkout, "push", "--quiet", "--force", "origin", f"{before}:release")
    least, most = seconds[COUNTS[0]], seconds[COUNTS[-1]]
    growth, models = most / least, COUNTS[-1] / COUNTS[0]
    return Section(
        "release_sizes",
        "Releases of many models",
        f"A commit with so many copies of `{_COPIED}` (20 trees) is pushed; the location is loaded anew for its graph, "
        "and every model is trained, registered, judged and made champion.",
        [
            Target(
                f"{COUNTS[-1]} models take at most {models:g} times as long as {COUNTS[0]}, as their training does",
                f"{growth:.1f} times ({most:.0f} s against {least:.0f} s)",
                growth <= models,
            )
        ],
        [
            (
                "From the beginning of the run to the last champion:",
                ("models", "seconds", "seconds a model"),
                [(count, f"{each:.0f}", f"{each / count:.1f}") for count, each in seconds.items()],
            )
        ],
    )


def _released(settings: Settings, checkout: Path, count: int) -> float:
    """Seconds of the run that releases `count` models."""
    models = checkout / "pipelines" / "models"
    take_files_of_project(checkout)
    for number in range(1, count + 1):
        _copy(models / _COPIED, models / f"copied_{number}")
    for folder in [each.parent for each in models.glob("*/model.yaml") if not each.parent.name.startswith("copied_")]:
        shutil.rmtree(folder)
    commit = commit_and_push(checkout, f"{count} models")
    run = follow_release(Console(quiet=True), settings, commit, limit_s=3600)
    if not run.is_success:
        raise RuntimeError(f"the release of {count} models failed: run {run.run_id}")
    return _seconds_of(settings, run.run_id)


def _copy(source: Path, target: Path) -> None:
    """The model folder under another name, with few trees, bounds that any model meets and a table of its own."""
    shutil.copytree(source, target)
    for file in target.rglob("*.py"):
        file.write_text(file.read_text(encoding="utf-8").replace(source.name, target.name), encoding="utf-8")
    manifest = target / "model.yaml"
    content = yaml.safe_load(manifest.read_text(encoding="utf-8"))
    content["name"] = target.name
    content["parameters"]["trees"] = 20
    content["prediction"]["table"] = f"{target.name}_judgements"
    content["thresholds"] = {name: {key: 0.0 if key == "minimum" else 1.0 for key in bound}
                             for name, bound in content["thresholds"].items()}  # fmt: skip
    manifest.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _seconds_of(settings: Settings, run_id: str) -> float:
    from pipelines.cli.instance import open_instance

    with open_instance(settings) as instance:
        record = instance.get_run_record_by_id(run_id)
    assert record is not None
    return float(record.end_time or 0) - float(record.start_time or 0)


@contextmanager
def _dagster(settings: Settings, variables: dict[str, str]) -> Iterator[Settings]:
    """Dagster's web server and daemon, as `make dev` runs them, since another graph asks for a reload."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    served = replace(settings, dagster_url=f"http://127.0.0.1:{port}")
    variables = {**variables, "PIPELINES_DAGSTER": served.dagster_url}
    log = (settings.home / "logs" / "benchmark-dev.log").open("wb")
    process = subprocess.Popen(
        [script("pipelines"), "dev", "--port", str(port)],
        cwd=_PROJECT, env=variables, stdout=log, stderr=log, start_new_session=True,
    )  # fmt: skip
    try:
        for _ in range(120):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(served.dagster_url, timeout=5).close()
                break
            time.sleep(1)
        else:
            raise RuntimeError("Dagster does not answer; see benchmark-dev.log in the environment's logs")
        yield served
    finally:
        os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        log.close()
