"""The production location as deploy/ runs it: code server, web server and daemon, each a process that can be killed."""

from __future__ import annotations

import os
import re
import signal
import socket
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
from dagster._core.scheduler.instigation import InstigatorState, SensorInstigatorData
from deltalake import DeltaTable

from pipelines.cli.instance import PROJECT
from pipelines.environments import settings_from
from pipelines.releases.run_tags import COMMIT
from pipelines.settings import Settings
from pipelines_tests.end_to_end.environment import variables_of

LIMIT_S = 600.0
_Found = TypeVar("_Found")


class ProductionSite:
    """A running site; what it keeps is read from Dagster's database, the registry and the audit, not from it."""

    def __init__(self, settings: Settings, git: Path) -> None:
        self._code_port, self._web_port = _free_port(), _free_port()
        self.variables = {
            **variables_of(settings),
            "PIPELINES_GIT": str(git),
            "PIPELINES_DAGSTER": f"http://127.0.0.1:{self._web_port}",
            "DAGSTER_HOME": str(settings.dagster_home),
            "DAGSTER_DISABLE_TELEMETRY": "1",
        }
        self.settings = settings_from(self.variables, "production")
        self.instance = DagsterInstance.from_config(str(settings.dagster_home))
        self._logs = settings.home / "logs"
        self._logs.mkdir(exist_ok=True)
        self._workspace = settings.home / "workspace.yaml"
        self._workspace.write_text(
            f"load_from:\n  - grpc_server: {{host: 127.0.0.1, port: {self._code_port}, location_name: production}}\n"
        )
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """All three."""
        code = ("-m", "pipelines.definitions", "-a", "production", "--location-name", "production")
        port = str(self._code_port)
        self._start("code", "dagster", "code-server", "start", *code, "-h", "127.0.0.1", "-p", port)
        self.wait("the code server", lambda: _listens(self._code_port) or None)
        web = ("-w", str(self._workspace), "-h", "127.0.0.1", "-p", str(self._web_port))
        self._start("web", "dagster_webserver", *web)
        self.start_daemon()
        self.wait("the web server", lambda: _listens(self._web_port) or None)

    def start_daemon(self) -> None:
        self._start("daemon", "pipelines_tests.end_to_end.daemon", "run", "-w", str(self._workspace))

    @property
    def daemon(self) -> subprocess.Popen[bytes]:
        return self._processes["daemon"]

    def kill_daemon(self) -> None:
        """As a machine does that loses its power."""
        process = self._processes.pop("daemon")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

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
        """End everything that was started, whatever it thinks of that."""
        for process in reversed(self._processes.values()):
            with suppress(psutil.NoSuchProcess):
                for child in psutil.Process(process.pid).children(recursive=True):
                    with suppress(psutil.NoSuchProcess):
                        child.kill()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.instance.dispose()

    def wait(self, what: str, look: Callable[[], _Found | None], limit_s: float = LIMIT_S) -> _Found:
        """What `look` finds, as soon as it finds anything."""
        until = time.monotonic() + limit_s
        while time.monotonic() < until:
            if (found := look()) is not None:
                return found
            for name, process in self._processes.items():
                assert process.poll() is None, f"the {name} ended: {self.log(name)}"
            time.sleep(0.2)
        pytest.fail(f"{what}: not within {limit_s:.0f} s. The sensor says: {self.words()}\n{self.log('daemon')}")

    def log(self, name: str) -> str:
        return (self._logs / f"site-{name}.log").read_text(errors="replace")[-3000:]

    def words(self) -> str:
        """What the sensor said last."""
        from pipelines.cli.release_status import last_tick

        return last_tick(self.instance, "release_branch")

    def looks(self, sensor: str) -> int:
        """How often the sensor has looked."""
        state = self._state_of(sensor)
        return len(self.instance.get_ticks(state.instigator_origin_id, state.selector_id))

    def forget_cursor(self, sensor: str) -> None:
        """Lose what the sensor remembers; the daemon must not run."""
        state = self._state_of(sensor)
        assert isinstance(state.instigator_data, SensorInstigatorData)
        data = state.instigator_data._replace(cursor=None)
        self.instance.update_instigator_state(state.with_data(data))

    def _state_of(self, sensor: str) -> InstigatorState:
        return next(state for state in self.instance.all_instigator_state() if state.instigator_name == sensor)

    def says(self, text: str) -> str:
        """Wait until the sensor says that."""
        return self.wait(f"the words {text!r}", lambda: told if text in (told := self.words()) else None)

    def runs(self, commit: str, job: str = "release") -> list[DagsterRun]:
        """The runs of the commit, the newest first."""
        return list(self.instance.get_runs(RunsFilter(job_name=job, tags={COMMIT: commit})))

    def run(self, commit: str) -> DagsterRun:
        """The newest run of the commit, once there is one."""
        return self.wait(f"a run of {commit[:12]}", lambda: next(iter(self.runs(commit)), None))

    def ended(self, commit: str) -> DagsterRun:
        """The newest run of the commit, once no run of it goes on or is going to be tried again."""

        def look() -> DagsterRun | None:
            runs = self.runs(commit)
            if not runs or any(not run.is_finished for run in runs):
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

    def step_began(self, commit: str, step: str) -> DagsterRun:
        """The commit's run as soon as that step of it has begun."""

        def look() -> DagsterRun | None:
            for run in self.runs(commit)[:1]:
                begun = self.instance.all_logs(run.run_id, of_type=DagsterEventType.STEP_START)
                assert not run.is_finished, self.reasons(run)
                if step in [entry.step_key for entry in begun]:
                    return run
            return None

        return self.wait(f"step {step} of {commit[:12]}", look)

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

    def command(self, *arguments: str) -> str:
        """`pipelines release ...`, which must succeed."""
        done = subprocess.run(
            [sys.executable, "-c", "from pipelines.cli import main; main()", "release", *arguments],
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _start(self, name: str, module: str, *arguments: str) -> None:
        with (self._logs / f"site-{name}.log").open("ab") as output:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=PROJECT,
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )


@contextmanager
def production_site(settings: Settings, git: Path) -> Iterator[ProductionSite]:
    """A site over the environment, which ends with the block."""
    site = ProductionSite(settings, git)
    try:
        site.start()
        yield site
    finally:
        site.stop()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
