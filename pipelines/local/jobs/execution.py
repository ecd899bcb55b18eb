"""One attempt at a task: compute, code, process, logs, and what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.local.catalog.access import table_views, volume_views
from pipelines.local.compute.clusters import SERVERLESS
from pipelines.local.compute.drivers import DriverProcess, base_environment
from pipelines.local.jobs.log_delivery import LogDelivery
from pipelines.local.jobs.readonly import ReadOnlyCopies, UnauthorizedWriteError
from pipelines.local.jobs.specification import filled, kind_of
from pipelines.local.jobs.states import set_state
from pipelines.local.jobs.task_code import CodeError, dependencies, install, notebook_file, server_path, task_file
from pipelines.local.store import Document

if TYPE_CHECKING:
    from pipelines.local.jobs.runs import Runs

_TOKEN_LIFETIME_S = 48 * 3600


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended."""

    life_cycle: str
    result: str
    message: str = ""


class TaskExecution:
    """Carries out one attempt. Methods belong to the server's event loop."""

    def __init__(self, runs: Runs, run: Document, task: Document, shared: dict[str, str]) -> None:
        self.runs = runs
        self.run = run
        self.task = task
        self.workspace = runs.workspace
        self.principal = self.workspace.principal(run["run_as_user_name"])
        self.folder = self.workspace.run_folders / str(task["run_id"])
        self.token, _ = self.workspace.tokens.issue(self.principal.name, f"task {task['run_id']}", _TOKEN_LIFETIME_S)
        self.copies = ReadOnlyCopies(self.workspace, self.principal, self.folder, runs.isolation)
        self._shared = shared
        self._driver: DriverProcess | None = None
        self._timed_out: str | None = None
        self._killed = asyncio.Event()

    def kill(self) -> None:
        """End the attempt now, whatever it is doing."""
        self._killed.set()
        if self._driver is not None:
            self._driver.kill(str(self.task["run_id"]))

    def time_out(self, message: str) -> None:
        """End the attempt because it took too long."""
        self._timed_out = message
        self.kill()

    async def carry_out(self) -> Outcome:
        """Run the attempt to its end."""
        self.folder.mkdir(parents=True)
        own_cluster: str | None = None
        try:
            async with self.runs.slots:
                getting = asyncio.create_task(self._compute())
                killed = asyncio.create_task(self._killed.wait())
                await asyncio.wait({getting, killed}, return_when=asyncio.FIRST_COMPLETED)
                if not getting.done():
                    getting.cancel()
                    await asyncio.wait({getting})
                    return self._stopped()
                killed.cancel()
                self._driver, cluster, own_cluster = getting.result()
                if self._killed.is_set():
                    return self._stopped()
                return await self._run(self._driver, cluster)
        except CodeError as error:
            return Outcome("INTERNAL_ERROR", "FAILED", str(error))
        finally:
            set_state(self.task, "TERMINATING")
            self.runs.save(self.run)
            if own_cluster is not None:
                await self.workspace.clusters.terminate(own_cluster, "JOB_FINISHED")
            await asyncio.sleep(self.workspace.settings.termination_delay_s)

    async def _compute(self) -> tuple[DriverProcess, Document | None, str | None]:
        """The driver to run on, its cluster (None if serverless), and the cluster to stop afterwards."""
        clusters, creator = self.workspace.clusters, self.run["run_as_user_name"]
        existing = self.task.get("existing_cluster_id")
        if existing:
            return await clusters.driver(existing), clusters.get(existing), None
        key = self.task.get("job_cluster_key")
        if key:
            if key not in self._shared:
                spec = next(entry for entry in self.run["job_clusters"] if entry["job_cluster_key"] == key)
                self._shared[key] = clusters.create(spec["new_cluster"], creator, "JOB")["cluster_id"]
            return await clusters.driver(self._shared[key]), clusters.get(self._shared[key]), None
        if self.task.get("new_cluster"):
            cluster = clusters.create(self.task["new_cluster"], creator, "JOB")
            self.task["cluster_instance"] = {"cluster_id": cluster["cluster_id"]}
            try:
                return await clusters.driver(cluster["cluster_id"]), cluster, cluster["cluster_id"]
            except asyncio.CancelledError:
                await clusters.terminate(cluster["cluster_id"], "USER_REQUEST")
                raise
        return await clusters.serverless_driver(), None, None

    async def _run(self, driver: DriverProcess, cluster: Document | None) -> Outcome:
        spec = self._spec(cluster)
        if cluster is not None:
            self.task["cluster_instance"] = {
                "cluster_id": cluster["cluster_id"],
                "spark_context_id": str(cluster["spark_context_id"]),
            }
        delivery = LogDelivery(self.workspace, cluster, self.folder)
        following = asyncio.create_task(delivery.follow())
        running = asyncio.create_task(driver.run(spec, self._started))
        try:
            code = await running
        finally:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following
            delivery.deliver()
        set_state(self.task, "TERMINATING")
        self.runs.save(self.run)
        return self._outcome(code)

    def _started(self, pid: int) -> None:
        from pipelines.local.jobs.runs import process_start

        (self.folder / "pid").write_text(f"{pid} {process_start(pid)}")
        set_state(self.task, "RUNNING", message="In run")
        if self.run["state"]["life_cycle_state"] == "PENDING":
            set_state(self.run, "RUNNING", message="In run")
        self.runs.save(self.run)
        if self._killed.is_set():
            self.kill()

    def _outcome(self, code: int | None) -> Outcome:
        if self._killed.is_set():
            return self._stopped()
        try:
            self.copies.verify()
        except UnauthorizedWriteError as error:
            self._note_error(str(error))
            return Outcome("TERMINATED", "FAILED", str(error))
        if code == 0:
            return Outcome("TERMINATED", "SUCCESS")
        if code is None:
            return Outcome("INTERNAL_ERROR", "FAILED", "The driver stopped unexpectedly.")
        if code < 0:
            message = f"The task's process was ended by signal {-code} (9: killed, as when memory runs out)."
            self._note_error(message)
            return Outcome("TERMINATED", "FAILED", message)
        return Outcome(
            "TERMINATED", "FAILED", self.workspace.secrets.redact(self.result().get("error") or "Workload failed.")
        )

    def _stopped(self) -> Outcome:
        if self._timed_out is not None:
            return Outcome("TERMINATED", "TIMEDOUT", self._timed_out)
        reason = self.runs.cancellation(self.run["run_id"]) or {"result": "CANCELED", "message": "Run cancelled."}
        return Outcome("TERMINATED", reason["result"], reason["message"])

    def result(self) -> dict[str, Any]:
        """What the task left: error and trace, or a notebook's result."""
        return self.result_of(self.folder)

    @staticmethod
    def result_of(folder: Path) -> dict[str, Any]:
        """What the task whose folder this is left."""
        path = folder / "result.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def _note_error(self, message: str) -> None:
        (self.folder / "result.json").write_text(json.dumps({"error": message, "error_trace": ""}), encoding="utf-8")

    def _spec(self, cluster: Document | None) -> dict[str, Any]:
        settings, kind = self.workspace.settings, kind_of(self.task)
        body = filled(self.task[kind], self._references())
        variables = base_environment(settings.interpreter) | {"HOME": str(self.folder / "work")} | settings.environment
        variables |= (cluster or {}).get("spark_env_vars") or {}
        catalogs = [
            entry["name"]
            for entry in self.workspace.metastore.children("catalog", "")
            if self.workspace.metastore.privileges.binding(entry["name"], self.workspace.name) is not None
        ]
        return {
            "task_id": str(self.task["run_id"]),
            "folder": str(self.folder),
            "host": self.workspace.host,
            "token": self.token,
            "kind": kind,
            "parameters": body.get("parameters") or [],
            "widgets": (body.get("base_parameters") or {}) | (self.run["body"].get("notebook_params") or {}),
            "environment": variables,
            "isolation": self.runs.isolation,
            "plan": self._plan(),
            "python_path": self._libraries(),
            "catalogs": catalogs,
            "session": _session(cluster, self.principal.name),
            **self._program(kind, body),
        }

    def _program(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        if kind == "python_wheel_task":
            named = body.get("named_parameters") or {}
            parameters = (body.get("parameters") or []) + [f"--{name}={value}" for name, value in named.items()]
            return {"package_name": body["package_name"], "entry_point": body["entry_point"], "parameters": parameters}
        if kind == "notebook_task":
            return {"python_file": notebook_file(self.workspace, body["notebook_path"])}
        path = task_file(body["python_file"], body.get("source"))
        if not server_path(self.workspace, path).is_file():
            raise CodeError(
                f"Cannot read the python file {body['python_file']}. Please check driver logs for more details."
            )
        return {"python_file": path}

    def _libraries(self) -> list[str]:
        paths = install(self.workspace, self.task.get("libraries") or [], self.folder)
        key = self.task.get("environment_key")
        for environment in self.run.get("environments") or []:
            if environment["environment_key"] == key:
                paths += dependencies(self.workspace, environment, self.folder)
        return paths

    def _plan(self) -> dict[str, Any]:
        tables, unreachable = table_views(self.workspace.metastore, self.principal, self.workspace.name)
        volumes = volume_views(self.workspace.metastore, self.principal, self.workspace.name)
        settings, warehouse = self.workspace.settings, self.workspace.settings.warehouse
        views = [
            (self.workspace.dbfs, Path("/dbfs"), "rw"),
            (self.workspace.files, Path("/Workspace"), "rw"),
            (self.folder, self.folder, "rw"),
            *((view.source, view.target, view.mode) for view in (*volumes, *tables)),
        ]
        return {
            "hidden": [str(folder) for folder in (*settings.hidden, settings.home, warehouse)],
            "views": [[str(source), str(target), mode] for source, target, mode in views],
            "covered": [str(folder) for folder in unreachable if folder != warehouse],
        }

    def _references(self) -> dict[str, str]:
        parameters = {entry["name"]: str(entry.get("value", "")) for entry in self.run.get("job_parameters") or []}
        return {
            "run.id": str(self.run["run_id"]),
            "job.run_id": str(self.run["run_id"]),
            "job.id": str(self.run["job_id"]),
            "task.run_id": str(self.task["run_id"]),
            "task.name": self.task["task_key"],
            "task_key": self.task["task_key"],
            "workspace.id": str(self.workspace.workspace_id),
            "workspace.url": self.workspace.host,
            **{f"job.parameters.{name}": value for name, value in parameters.items()},
        }


def _session(cluster: Document | None, principal: str) -> dict[str, str]:
    prefix = "spark.databricks.clusterUsageTags"
    destination = LogDelivery.destination(cluster)
    return {
        f"{prefix}.clusterId": SERVERLESS if cluster is None else cluster["cluster_id"],
        f"{prefix}.clusterName": SERVERLESS if cluster is None else cluster["cluster_name"],
        f"{prefix}.clusterLogDeliveryEnabled": "true" if destination else "",
        f"{prefix}.clusterLogDestination": destination or "",
        f"{prefix}.orgId": principal,
        **{str(name): str(value) for name, value in ((cluster or {}).get("spark_conf") or {}).items()},
    }
