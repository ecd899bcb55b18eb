"""One attempt at a task: compute, code, process, logs, and what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pipelines.local.catalog.access import refused_table
from pipelines.local.compute.drivers import DriverProcess
from pipelines.local.jobs.log_delivery import LogDelivery
from pipelines.local.jobs.readonly import ReadOnlyCopies, UnauthorizedWriteError
from pipelines.local.jobs.states import is_final, set_state
from pipelines.local.jobs.task_code import CodeError
from pipelines.local.jobs.task_spec import task_spec
from pipelines.local.store import Document

if TYPE_CHECKING:
    from pipelines.local.jobs.runs import Runs

_TOKEN_LIFETIME_S = 48 * 3600
TASK_TOKEN = "task "
"""How the comment of a task's token begins."""

_Result = TypeVar("_Result")


class _KilledError(Exception):
    """The attempt was ended while it waited."""


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
        self.token, _ = self.workspace.tokens.issue(
            self.principal.name, f"{TASK_TOKEN}{task['run_id']}", _TOKEN_LIFETIME_S, task=True
        )
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
        slots = self.runs.slots(self.run)
        try:
            await self._unless_killed(slots.acquire())
            try:
                self._driver, cluster, own_cluster = await self._unless_killed(self._compute())
                return self._stopped() if self._killed.is_set() else await self._run(self._driver, cluster)
            finally:
                slots.release()
        except _KilledError:
            return self._stopped()
        except CodeError as error:
            return Outcome("INTERNAL_ERROR", "FAILED", str(error))
        finally:
            self._show_terminating()
            if own_cluster is not None:
                await self.workspace.clusters.terminate(own_cluster, "JOB_FINISHED")
            await asyncio.sleep(self.workspace.settings.termination_delay_s)

    async def _unless_killed(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        working = asyncio.create_task(work)
        killed = asyncio.create_task(self._killed.wait())
        await asyncio.wait({working, killed}, return_when=asyncio.FIRST_COMPLETED)
        killed.cancel()
        if working.done():
            return working.result()
        working.cancel()
        await asyncio.wait({working})
        raise _KilledError

    def _show_terminating(self) -> None:
        set_state(self.task, "TERMINATING")
        if all(is_final(task) for task in self.run["tasks"] if task is not self.task):
            set_state(self.run, "TERMINATING")
        self.runs.save(self.run)

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
        spec = task_spec(self, cluster)
        if cluster is not None:
            self.task["cluster_instance"] = {
                "cluster_id": cluster["cluster_id"],
                "spark_context_id": str(cluster["spark_context_id"]),
            }
        delivery = LogDelivery(self.workspace, self.principal, cluster, self.folder)
        following = asyncio.create_task(delivery.follow())
        running = asyncio.create_task(driver.run(spec, self._started))
        try:
            code = await running
        finally:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following
            delivery.deliver()
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
        result = self.result()
        message = self.workspace.secrets.redact(result.get("error") or "Workload failed.")
        table = refused_table(self.workspace.metastore, message)
        if table is not None:
            message = f"PERMISSION_DENIED: User does not have MODIFY on Table '{table}'. ({message})"
            self._note_error(message, result.get("error_trace", ""))
        return Outcome("TERMINATED", "FAILED", message)

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

    def _note_error(self, message: str, trace: str = "") -> None:
        result = {"error": message, "error_trace": trace}
        (self.folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
