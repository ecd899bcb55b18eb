"""How long a push takes to reach customers, against a bare script that trains the same models; looks; rollbacks.

Works on the environment of a demo that was run before (`BENCHMARK_HOME`, by default one that it runs itself), because
a release needs gold with enough sessions. Dagster's daemon runs as in a deployment.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from databricks.sdk import WorkspaceClient
from rich.console import Console

from benchmarks.report import Section, Target
from pipelines.cli.daemon import daemon_of
from pipelines.cli.releasing import follow_release
from pipelines.cli.runs import run_job
from pipelines.databricks.bootstrap.secret_scopes import read_secret
from pipelines.embedded import connected
from pipelines.embedded_repository import git_in
from pipelines.engines import open_engine
from pipelines.environments import settings_from
from pipelines.models.manifest import load_manifests
from pipelines.releases.git.watch import RECORD_SECONDS
from pipelines.releases.move_config import move_config
from pipelines.settings import Settings
from pipelines.tables.attestation_keys import PUBLIC_KEY, KeyFiles
from pipelines.workspace_names import SECRET_SCOPE

if TYPE_CHECKING:
    from dagster import DagsterRun

_PROJECT = Path(__file__).parents[1]
_LEAD, _TICK = 1.3, 1.2
_TICKS = 30


def measure() -> Iterator[Section]:
    """A release by a push beside the bare script, ticks beside `git ls-remote`, and rollbacks."""
    with environment_of_demo() as variables:
        settings = settings_from(variables, "production")
        yield _lead_time(settings)
        yield _ticks(settings)
        yield _rollback(settings)


@contextmanager
def environment_of_demo() -> Iterator[dict[str, str]]:
    """Variables, set in this process too, of an environment that has seen a demo: `BENCHMARK_HOME` or a new one."""
    given = os.environ.get("BENCHMARK_HOME")
    with tempfile.TemporaryDirectory(prefix="benchmark-") as made:
        variables = _variables(given or made)
        if given is None:
            subprocess.run([script("pipelines"), "demo"], cwd=_PROJECT, env=variables, check=True,
                           stdout=subprocess.DEVNULL)  # fmt: skip
        os.environ.update(variables)
        try:
            yield variables
        finally:
            if given is None:
                subprocess.run([script("pipelines"), "down"], env=variables, check=False)


def _lead_time(settings: Settings) -> Section:
    connected(settings)  # nor is that of the workspace's cluster, which the script does without
    with daemon_of(settings):
        time.sleep(20)  # the daemon's own start is not a release's
        commit = _pushed(settings)
        pushed = time.time()
        run = follow_release(Console(quiet=True), settings, commit)
        lead = time.time() - pushed
    if not run.is_success:
        raise RuntimeError(f"the benchmark's release was not released: run {run.run_id}")
    stages = _stages(settings, run, pushed)
    wait = stages["waiting for the sensor's look"]
    script = _bare_script(settings)
    ratio = (lead - wait) / script
    return Section(
        "release",
        "From a push to champions",
        f"A commit is pushed to `release`; {len(load_manifests())} models are trained by its code in the production "
        "workspace, registered, put to the gates and made champion. The bare script trains the same models from the "
        "same tables, one after the other in one warm process, and logs them to MLflow: no gates, no workspace.",
        [
            Target(
                f"lead time at most {_LEAD} times the script's, the sensor's wait taken out",
                f"{ratio:.2f} ({lead - wait:.1f} s against {script:.1f} s; the wait was {wait:.1f} s)",
                ratio <= _LEAD,
            )
        ],
        [("Where the lead time goes:", ("stage", "seconds"), [(name, f"{each:.1f}") for name, each in stages.items()])],
    )


def _stages(settings: Settings, run: DagsterRun, pushed: float) -> dict[str, float]:
    from pipelines.cli.instance import open_instance

    with open_instance(settings) as instance:
        record = instance.get_run_record_by_id(run.run_id)
        assert record is not None
        steps = {step.step_key: step for step in instance.get_run_step_stats(run.run_id)}
        created = record.create_timestamp.timestamp()
        begun, ended = float(record.start_time or 0), float(record.end_time or 0)
    found = {"waiting for the sensor's look": created - pushed, "queue and start of the run": begun - created}
    models = [step for key, step in steps.items() if key.startswith("prod__models__")]
    names = {"prod__releases__requested": "pinning gold", "prod__releases__champions": "moving the champions"}
    for key, name in names.items():
        found[name] = float(steps[key].end_time or 0) - float(steps[key].start_time or 0)
    first, last = min(float(s.start_time or 0) for s in models), max(float(s.end_time or 0) for s in models)
    found["training, registering, judging (side by side)"] = last - first
    found["launching and waiting between them"] = (ended - begun) - sum(
        found[name] for name in (*names.values(), "training, registering, judging (side by side)")
    )
    return found


def _bare_script(settings: Settings) -> float:
    """Seconds for the same trainings in one process, imports and engine warm."""
    import mlflow.sklearn  # noqa: F401
    import skops.io  # noqa: F401
    from matplotlib.figure import Figure  # noqa: F401

    from pipelines.releases.gold_pins import pinned_gold
    from pipelines.training.train import train_model

    engine = open_engine(settings.engine, settings.tables)
    with tempfile.TemporaryDirectory(prefix="script-") as folder:
        engine.attestation_keys = _public_key(settings, Path(folder, "keys"))
        apart = replace(
            settings,
            tracking_uri=f"sqlite:///{folder}/mlflow.db",
            registry_uri=f"sqlite:///{folder}/mlflow.db",
            artifacts=Path(folder, "artifacts"),
            scratch=Path(folder),
        )
        pins = pinned_gold(engine, load_manifests().values())
        start = time.perf_counter()
        for name in load_manifests():
            train_model(name, engine, apart, {"commit": "0" * 40}, gold_versions=pins)
        seconds = time.perf_counter() - start
    engine.stop()
    return seconds


def _public_key(settings: Settings, folder: Path) -> KeyFiles:
    """The key that verifies gold, which the script's process has not: a secret of the production workspace."""
    found = connected(settings)
    client = WorkspaceClient(host=found.host, token=found.token)
    folder.mkdir()
    (folder / f"{PUBLIC_KEY.removesuffix('-key')}.key").write_text(read_secret(client, SECRET_SCOPE, PUBLIC_KEY))
    return KeyFiles(folder)


def _ticks(settings: Settings) -> Section:
    """The sensor's own evaluation with nothing new, as the daemon asks for it, beside one `git ls-remote`."""
    from dagster import DagsterInstance, build_sensor_context

    from pipelines.definitions import production

    definitions = production()
    repository = definitions.get_repository_def()
    sensor = repository.get_sensor_def("release_branch")
    bare = ["git", "ls-remote", "--exit-code", settings.git.url, "refs/heads/release"]
    with DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        cursor: str | None = None

        def tick() -> None:
            nonlocal cursor
            with build_sensor_context(instance, cursor=cursor, definitions=definitions) as context:
                data = sensor.evaluate_tick(context)
            assert not data.run_requests, "there is something new: the benchmark measures ticks without"
            cursor = data.cursor

        tick()
        ours, theirs = _in_turns(tick, lambda: subprocess.run(bare, check=True, capture_output=True))
    ratio = statistics.median(ours) / statistics.median(theirs)
    return Section(
        "release_tick",
        "A tick of the release sensor with nothing new",
        f"{_TICKS} evaluations in turns with a plain `git ls-remote` of the same branch, in a local bare repository. "
        f"Every {RECORD_SECONDS:.0f} s one asks Dagster's storage as well what else has changed.",
        [
            Target(
                f"at most {_TICK} times one `git ls-remote`",
                f"{ratio:.2f} ({_ms(ours)} against {_ms(theirs)})",
                ratio <= _TICK,
            )
        ],
    )


def _rollback(settings: Settings) -> Section:
    config = move_config("rollback", actor="benchmark", reason="measures a rollback")
    run = run_job(settings, "rollback", config=config)
    step = run.step_seconds["make_rollback"]
    return Section(
        "rollback",
        "Rollback",
        "`pipelines release rollback`, warm: a Dagster run of one step in the production workspace. Nothing is read "
        "but the record and tags, so it does not depend on how large models are.",
        [Target("seconds", f"{run.seconds:.1f} s in all, {step:.1f} s of it the step", run.seconds < 15)],
    )


def _pushed(settings: Settings) -> str:
    """A new commit on `release`: this checkout's files, with a tree more for the approach model."""
    with tempfile.TemporaryDirectory(prefix="push-") as folder:
        checkout = Path(folder, "models")
        git_in(Path(folder), "clone", "--quiet", "--branch", "release", settings.git.url, str(checkout))
        take_files_of_project(checkout)
        manifest = checkout / "pipelines/models/approach_stability/model.yaml"
        text = manifest.read_text(encoding="utf-8")
        text = re.sub(r"^  trees: .*$", f"  trees: {60 + int(time.time()) % 30}", text, flags=re.MULTILINE)
        manifest.write_text(re.sub(r"^  min_samples_leaf: .*$", "  min_samples_leaf: 4", text, flags=re.MULTILINE))
        return commit_and_push(checkout, "a tree more")


def take_files_of_project(checkout: Path) -> None:
    """Give a clone of the models' repository the files of this project's newest commit.

    The environment may be of an earlier one, and what is released is measured by its own code.
    """
    git_in(checkout, "fetch", "--quiet", "--no-tags", str(_PROJECT), "HEAD")
    git_in(checkout, "rm", "-r", "--quiet", ".")
    git_in(checkout, "checkout", "FETCH_HEAD", "--", ".")


def commit_and_push(checkout: Path, message: str) -> str:
    """Commit all that the checkout holds and push it to `release`; the commit."""
    who = ("-c", "user.name=Benchmark", "-c", "user.email=benchmark@example.org")
    git_in(checkout, "add", "--all", ".")
    git_in(checkout, *who, "commit", "--quiet", "--message", message)
    git_in(checkout, "push", "--quiet", "origin", "HEAD:release")
    return git_in(checkout, "rev-parse", "HEAD")


def _in_turns(*each: Callable[[], object]) -> list[list[float]]:
    found: list[list[float]] = [[] for _ in each]
    for _ in range(_TICKS):
        for seconds, act in zip(found, each, strict=True):
            start = time.perf_counter()
            act()
            seconds.append(time.perf_counter() - start)
    return found


def _ms(seconds: list[float]) -> str:
    return f"{1000 * statistics.median(seconds):.1f} ms"


def _variables(home: str) -> dict[str, str]:
    return {**os.environ, "PIPELINES_HOME": home, "OMP_WAIT_POLICY": "PASSIVE"}


def script(name: str) -> str:
    """A command of this Python environment."""
    return str(Path(sys.executable).with_name(name))
