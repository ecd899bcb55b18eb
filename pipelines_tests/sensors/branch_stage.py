"""A stage for the sensor of `release`: real git, a real Dagster instance, and what the daemon and runs would do there.

Runs that fail are really executed, by a tiny job of the same name, so that they leave the events and tags that such
runs leave. What releases said of themselves is what their own code says, over a record in memory.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import dagster as dg
from dagster._core.remote_origin import ManagedGrpcPythonEnvCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from pipelines.assets.releases import CHAMPIONS
from pipelines.partitions import RELEASES
from pipelines.releases.entry import By
from pipelines.releases.state import state_of
from pipelines.sensors.branch_record import commit_of
from pipelines.settings import Settings
from pipelines_tests.releases.memory import releases_in_memory

_LOCATION = RemoteRepositoryOrigin(
    ManagedGrpcPythonEnvCodeLocationOrigin(
        LoadableTargetOrigin(module_name="pipelines.definitions", attribute="production"), location_name="production"
    ),
    "__repository__production",
)
BY = By("run 1", "every gate passed")


class Stage:
    """One sensor with its cursor, and all that happens between its ticks."""

    def __init__(
        self,
        settings: Settings,
        instance: dg.DagsterInstance,
        load: Callable[[], dg.Definitions],
        sensor: str = "release_branch",
    ) -> None:
        self.settings, self.instance = settings, instance
        self._sensor, self._main_job = sensor, "release" if sensor == "release_branch" else "train"
        self.cursor: str | None = None
        self.sensor_of_runs = sensor
        """The sensor's name when it asked for the runs that are made here."""
        self._load = load
        self.definitions = load()
        self._releases, self._journal, self._registry = releases_in_memory()
        self._registry.versions = lambda _model: []  # type: ignore[attr-defined]
        self._serial = 0

    def reload(self) -> None:
        """The code location, loaded anew."""
        self.definitions = self._load()

    def tick(self) -> Any:
        """A tick of the real sensor; a cursor is kept and partitions are added as the daemon does."""
        context = dg.build_sensor_context(
            instance=self.instance,
            instance_ref=self.instance.get_ref(),
            cursor=self.cursor,
            definitions=self.definitions,
            resources={"settings": self.settings},
        )
        found = self.definitions.get_repository_def().get_sensor_def(self._sensor).evaluate_tick(context)
        self.cursor = found.cursor
        for request in found.dynamic_partitions_requests or []:
            self.instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        return found

    def asked(self) -> dg.RunRequest:
        """The one run that the next tick asks for."""
        found = self.tick()
        assert len(found.run_requests) == 1, found.skip_message
        return found.run_requests[0]

    def words(self) -> str:
        """Why the next tick asks for nothing."""
        found = self.tick()
        assert not found.run_requests, found.run_requests
        assert found.skip_message
        return found.skip_message

    def start(
        self,
        request: dg.RunRequest,
        status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED,
        again: tuple[str, str] | None = None,
    ) -> str:
        """A run of the request, as far as that status; its id. `again`: the first run, and the one before."""
        root, parent = again or (None, None)
        related = {"dagster/root_run_id": again[0], "dagster/parent_run_id": again[1]} if again else {}
        name = request.job_name or self._main_job
        run = self.instance.create_run_for_job(
            self._job(name, lambda _: None),
            tags={**self._tags(request), **related},
            status=dg.DagsterRunStatus.NOT_STARTED,
            root_run_id=root,
            parent_run_id=parent,
            remote_job_origin=_LOCATION.get_job_origin(name),  # without one Dagster queues no run
        )
        if status == dg.DagsterRunStatus.QUEUED:
            self._report(run.run_id, dg.DagsterEventType.RUN_ENQUEUED)
        elif status != dg.DagsterRunStatus.NOT_STARTED:
            self._report(run.run_id, dg.DagsterEventType.RUN_STARTING)
            self._report(run.run_id, dg.DagsterEventType.RUN_START)
        return run.run_id

    def queue(self, run_id: str) -> None:
        """The run, which was only made so far, is submitted."""
        self._report(run_id, dg.DagsterEventType.RUN_ENQUEUED)

    def died(self, run_id: str) -> None:
        """The run's process was killed, and the daemon found out."""
        run = self.run(run_id)
        self.instance.report_run_failed(run, f"Run worker of {run_id} is gone.", job_failure_data=None)

    def cancelled(self, run_id: str) -> None:
        """The run was cancelled, by whomever."""
        self.instance.report_run_canceled(self.run(run_id))

    def fails(self, request: dg.RunRequest, fail: Callable[[dg.OpExecutionContext], None]) -> str:
        """A run of the request whose step really does `fail`; its id."""
        return self._execute(request.job_name or self._main_job, self._tags(request), fail)

    def released(self, request: dg.RunRequest, models: Mapping[str, int] | None = None) -> str:
        """A run of the request that promotes its commit and says so; its id."""
        self._serial += 1
        commit = str(request.partition_key)
        versions = models or {"glider": self._serial}
        self._releases.request(commit, versions, BY, {"author": "A", "gold_versions": {"main.gold.sessions": 1}})
        self._releases.promote(commit, versions, BY)
        return self._execute("release", self._tags(request), self._tell)

    def awaits_approval(self, request: dg.RunRequest) -> str:
        """A run of the request that succeeds without a promotion; its id."""
        commit = str(request.partition_key)
        self._releases.request(commit, ["glider"], BY, {"author": "A", "gold_versions": {"main.gold.sessions": 1}})
        return self._execute("release", self._tags(request), self._tell)

    def rolled_back(self, request: dg.RunRequest | None = None, to: str | None = None) -> str:
        """A rollback, asked for by the sensor or (with `to`) by a person; its id."""
        tags = self._tags(request) if request else {}
        self._releases.rollback(By("git" if request else "Ana", "it was worse"), to)
        return self._execute("rollback", tags, self._tell)

    def run(self, run_id: str) -> dg.DagsterRun:
        found = self.instance.get_run_by_id(run_id)
        assert found is not None
        return found

    def partitions(self) -> set[str]:
        return set(self.instance.get_dynamic_partitions(str(RELEASES.name)))

    def _tell(self, context: dg.OpExecutionContext) -> None:
        state = state_of(self._journal.read(), self._registry)  # type: ignore[arg-type]
        context.log_event(dg.AssetMaterialization(CHAMPIONS, partition=state["current"], metadata={"state": state}))

    def _execute(self, name: str, tags: Mapping[str, str], work: Callable[[dg.OpExecutionContext], None]) -> str:
        done = self._job(name, work).execute_in_process(instance=self.instance, tags=dict(tags), raise_on_error=False)
        return done.run_id

    @staticmethod
    def _job(name: str, work: Callable[[dg.OpExecutionContext], None]) -> dg.JobDefinition:
        @dg.op
        def step(context) -> None:  # Dagster takes no postponed annotation here
            work(context)

        @dg.job(name=name, executor_def=dg.in_process_executor)
        def job() -> None:
            step()

        return job

    def _tags(self, request: dg.RunRequest) -> dict[str, str]:
        tags = {**request.tags, "dagster/run_key": str(request.run_key), "dagster/sensor_name": self.sensor_of_runs}
        return {**tags, "dagster/partition": request.partition_key} if request.partition_key else tags

    def _report(self, run_id: str, kind: dg.DagsterEventType) -> None:
        self.instance.report_dagster_event(dg.DagsterEvent(kind.value, "release"), run_id=run_id)

    def runs_of(self, commit: str) -> list[dg.DagsterRun]:
        return [run for run in self.instance.get_runs() if commit_of(run) == commit]


class WebServer:
    """Stands for Dagster's web server where one mutation is asked of it: keeps what was asked, and answers."""

    def __init__(self) -> None:
        self.asked: list[Mapping[str, Any]] = []
        self.reloaded: Callable[[], None] = lambda: None
        self.loads = True
        handler = type("Handler", (_Handler,), {"web_server": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, question: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append(question)
        if not self.loads:
            error = {"__typename": "PythonError", "message": "ModuleNotFoundError: no module named x", "stack": []}
            return {"reloadRepositoryLocation": error}
        self.reloaded()
        entry = {"__typename": "WorkspaceLocationEntry", "locationOrLoadError": {"__typename": "RepositoryLocation"}}
        return {"reloadRepositoryLocation": entry}


class _Handler(BaseHTTPRequestHandler):
    web_server: WebServer

    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        content = json.dumps({"data": self.web_server.answer(question)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def web_server() -> Iterator[WebServer]:
    """One on a port of its own."""
    started = WebServer()
    try:
        yield started
    finally:
        started.close()
