"""The production location as deploy/ runs it, pushed to and watched: what becomes of commits there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import psutil
import pytest
from dagster import DagsterEventType, DagsterInstance, DagsterRun, RunsFilter
from dagster._core.scheduler.instigation import InstigatorState, InstigatorTick, SensorInstigatorData
from deltalake import DeltaTable

from pipelines.environments import settings_from
from pipelines.releases.run_tags import ATTEMPT, COMMIT
from pipelines.settings import Settings
from pipelines_tests.end_to_end.environment import variables_of
from pipelines_tests.end_to_end.site_processes import SiteProcesses

LIMIT_S = 600.0
_Found = TypeVar("_Found")


class ProductionSite:
    """A running site; what it keeps is read from Dagster's database, the registry and the audit, not from it."""

    def __init__(self, settings: Settings, git: Path) -> None:
        self.variables = {
            **variables_of(settings),
            "PIPELINES_GIT": str(git),
            "DAGSTER_HOME": str(settings.dagster_home),
            "DAGSTER_DISABLE_TELEMETRY": "1",
        }
        self.processes = SiteProcesses(settings.home, self.variables)
        self.variables["PIPELINES_DAGSTER"] = self.processes.url
        self.settings = settings_from(self.variables, "production")
        self.instance = DagsterInstance.from_config(str(settings.dagster_home))
        self.location, self.branch_sensor = "production", "release_branch"

    def start(self, module: str = "pipelines.definitions") -> None:
        """All three processes, over the production of that module."""
        self.processes.start_code(self.location, module)
        self.wait("the code server", lambda: self.processes.code_listens or None)
        self.processes.start_web()
        self.processes.start_daemon()
        self.wait("the web server", lambda: self.processes.web_listens or None)

    def restart(self, location: str, module: str = "pipelines.definitions", sensor: str = "release_branch") -> None:
        """All three anew, by another name of the location, or with another of its sensor."""
        self.processes.stop()
        self.location, self.branch_sensor = location, sensor
        self.start(module)

    def kill_worker(self, run: DagsterRun) -> None:
        """Kill the process that carries the run, and those of its steps."""
        told = [entry.message or entry.user_message for entry in self.instance.all_logs(run.run_id)]
        (number, *_) = [
            found[1] for text in told if (found := re.search(r"Started process for run \(pid: (\d+)\)", text))
        ]
        worker = psutil.Process(int(number))
        for process in [*worker.children(recursive=True), worker]:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def stop(self) -> None:
        """End the site."""
        self.processes.stop()
        self.instance.dispose()

    def wait(self, what: str, look: Callable[[], _Found | None], limit_s: float = LIMIT_S) -> _Found:
        """What `look` finds, as soon as it finds anything."""
        until = time.monotonic() + limit_s
        while time.monotonic() < until:
            if (found := look()) is not None:
                return found
            for name in self.processes.dead:
                pytest.fail(f"the {name} ended: {self.processes.log(name)}")
            time.sleep(0.2)
        pytest.fail(
            f"{what}: not within {limit_s:.0f} s. The sensor says: {self.words()}\n{self.processes.log('daemon')}"
        )

    def words(self) -> str:
        """What the sensor of the branch said last."""
        from pipelines.cli.release_status import last_tick

        return last_tick(self.instance, self.branch_sensor)

    def ticks(self, sensor: str) -> list[InstigatorTick]:
        """The sensor's ticks, the newest first; none before it was ever there."""
        state = self._state_of(sensor)
        return list(self.instance.get_ticks(state.instigator_origin_id, state.selector_id)) if state else []

    def looks(self, sensor: str) -> int:
        """How often the sensor has looked."""
        return len(self.ticks(sensor))

    def looks_again(self, times: int = 1) -> None:
        """Wait until the sensor of the branch has looked that many times more, from beginning to end."""
        seen = self.looks(self.branch_sensor)
        # One may be under way, and the newest may not have ended.
        self.wait("another look", lambda: self.looks(self.branch_sensor) > seen + times or None)

    def cursor(self, sensor: str) -> dict[str, object]:
        """What the sensor remembers."""
        return json.loads(self._data_of(sensor).cursor or "{}")

    def forget_cursor(self, sensor: str) -> None:
        """Lose what the sensor remembers; the daemon must not run."""
        state = self._state_of(sensor)
        assert state is not None
        self.instance.update_instigator_state(state.with_data(self._data_of(sensor)._replace(cursor=None)))

    def _data_of(self, sensor: str) -> SensorInstigatorData:
        state = self._state_of(sensor)
        assert state is not None
        assert isinstance(state.instigator_data, SensorInstigatorData)
        return state.instigator_data

    def _state_of(self, sensor: str) -> InstigatorState | None:
        def is_here(state: InstigatorState) -> bool:
            repository = state.origin.repository_origin
            return repository.code_location_origin.location_name == self.location and state.instigator_name == sensor

        return next((state for state in self.instance.all_instigator_state() if is_here(state)), None)

    def says(self, text: str) -> str:
        """Wait until the sensor says that."""
        return self.wait(f"the words {text!r}", lambda: told if text in (told := self.words()) else None)

    def runs(self, commit: str, job: str = "release") -> list[DagsterRun]:
        """The runs of the commit, the newest first."""
        return list(self.instance.get_runs(RunsFilter(job_name=job, tags={COMMIT: commit})))

    def run(self, commit: str) -> DagsterRun:
        """The newest run of the commit, once there is one."""
        return self.wait(f"a run of {commit[:12]}", lambda: next(iter(self.runs(commit)), None))

    def ended(self, commit: str, attempt: int = 1) -> DagsterRun:
        """The newest run of the commit, of that attempt or a later one, once none goes on or will be tried again."""

        def look() -> DagsterRun | None:
            runs = self.runs(commit)
            if not runs or any(not run.is_finished for run in runs) or int(runs[0].tags[ATTEMPT]) < attempt:
                return None
            # Dagster says so of every run that fails, a moment after it has failed.
            waits = runs[0].is_failure and runs[0].tags.get("dagster/will_retry") != "false"
            return None if waits else runs[0]

        return self.wait(f"the end of the release of {commit[:12]}", look)

    def released(self, commit: str) -> DagsterRun:
        """The commit's run, which must succeed."""
        run = self.ended(commit)
        assert run.is_success, self.reasons(run)
        return run

    def step_began(self, commit: str, step: str, after: DagsterRun | None = None) -> DagsterRun:
        """The commit's newest run as soon as that step of it has begun; a later one than `after`."""

        def look() -> DagsterRun | None:
            for run in self.runs(commit)[:1]:
                if after is not None and run.run_id == after.run_id:
                    return None
                begun = self.instance.all_logs(run.run_id, of_type=DagsterEventType.STEP_START)
                assert not run.is_finished, self.reasons(run)
                if step in [entry.step_key for entry in begun]:
                    return run
            return None

        return self.wait(f"step {step} of {commit[:12]}", look)

    def succeeded(self, run_id: str) -> set[str]:
        """Keys of the steps of the run, which must end and succeed."""

        def look() -> DagsterRun | None:
            run = self.instance.get_run_by_id(run_id)
            return run if run is not None and run.is_finished else None

        run = self.wait(f"the end of run {run_id[:8]}", look)
        assert run.is_success, self.reasons(run)
        begun = self.instance.all_logs(run_id, of_type=DagsterEventType.STEP_START)
        return {str(entry.step_key) for entry in begun}

    def reasons(self, run: DagsterRun) -> str:
        """Why the run did not succeed, for the test's own message."""
        kinds = {DagsterEventType.STEP_FAILURE, DagsterEventType.RUN_FAILURE}
        return "\n".join(str(entry.dagster_event) for entry in self.instance.all_logs(run.run_id, of_type=kinds))[:6000]

    def versions(self, model: str) -> list[int]:
        """Registered versions, ascending."""
        from pipelines.training.registry import connect, registered_name

        found = connect(self.settings).search_model_versions(f"name='{registered_name(self.settings, model)}'")
        return sorted(int(one.version) for one in found)

    def champion(self, model: str) -> int | None:
        """The version that callers get: what plan and alias agree on."""
        from pipelines.releases.registry import MlflowRegistry

        found = MlflowRegistry(self.settings).registered(model)
        assert found.plan is not None
        assert found.plan.champion == found.aliases.get("champion")
        return found.plan.champion

    def audit(self, commit: str) -> list[tuple[str, str]]:
        """Transition and model of every row that the audit has of the release, in order."""
        rows = DeltaTable(str(self.settings.tables / "prod" / "ops" / "release_audit")).to_pyarrow_table().to_pylist()
        rows = sorted(rows, key=lambda row: (row["sequence"], row["model"]))
        return [(row["transition"], row["model"]) for row in rows if row["release"] == commit]

    def partitions(self) -> set[str]:
        return set(self.instance.get_dynamic_partitions("releases"))

    def command(self, *arguments: str, code: int = 0) -> str:
        """What `pipelines release ...` says, in one line, as it breaks lines anywhere; it must end with that code."""
        done = subprocess.run(
            [sys.executable, "-c", "from pipelines.cli import main; main()", "release", *arguments],
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return " ".join((done.stdout + done.stderr).split())


@contextmanager
def production_site(settings: Settings, git: Path) -> Iterator[ProductionSite]:
    """A site over the environment, which ends with the block."""
    site = ProductionSite(settings, git)
    try:
        site.start()
        yield site
    finally:
        site.stop()
