"""The runs of one workspace: submitted once, carried out in order, cancelled, found again after a crash."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
from pathlib import Path
from typing import Any

from pipelines.local.errors import ApiError, invalid
from pipelines.local.identity import Principal
from pipelines.local.jobs import specification
from pipelines.local.jobs.execution import TASK_TOKEN, TaskExecution
from pipelines.local.jobs.readonly import ReadOnlyCopies
from pipelines.local.jobs.states import is_final, now_ms, set_state
from pipelines.local.rule_sets import require_run_as
from pipelines.local.store import Document
from pipelines.local.workspace import Workspace

_LONGEST_TOKEN = 64


class Runs:
    """Runs by number. Methods that start or change a run belong to the server's event loop."""

    def __init__(self, workspace: Workspace, isolation: str) -> None:
        self.workspace = workspace
        self.isolation = isolation
        self._slots: dict[int | None, asyncio.Semaphore] = {}
        self._active: dict[int, asyncio.Task[None]] = {}
        self._executions: dict[int, TaskExecution] = {}
        self._task_tokens: dict[str, int] = {}
        self._copies: dict[int, ReadOnlyCopies] = {}

    def get(self, run_id: int) -> Document:
        """The run's document; the number of a task in it will do as well.

        Raises:
            ApiError: there is no such run.
        """
        document = self.workspace.store.get("run", _key(run_id))
        if document is None:
            parent = self.workspace.store.get("task_run", _key(run_id))
            document = None if parent is None else self.workspace.store.get("run", _key(parent["run_id"]))
        if document is None:
            raise invalid(f"Run {run_id} does not exist.")
        return document

    def slots(self, run: Document) -> asyncio.Semaphore:
        """Places for tasks that run at once. Each job has its own: its runs may wait for what others submit."""
        job = run["job_id"] if run["run_type"] == "JOB_RUN" else None
        return self._slots.setdefault(job, asyncio.Semaphore(max(4, 2 * (os.cpu_count() or 2))))

    def all(self) -> list[Document]:
        """Every run, newest first."""
        return [document for _, document in reversed(self.workspace.store.items("run"))]

    def save(self, run: Document) -> None:
        """Write the run's state to disk."""
        self.workspace.store.put("run", _key(run["run_id"]), run)

    def new_task_run(self, run_id: int) -> int:
        """A number for one attempt at a task."""
        number = self.workspace.store.next_number("run", 100_000_000_000_001)
        self.workspace.store.put("task_run", _key(number), {"run_id": run_id})
        return number

    def submit(self, body: dict[str, Any], principal: Principal, job: Document | None = None) -> int:
        """Begin a run, unless one was begun with the same idempotency token; its number.

        The run of a job runs as whom the job says, whoever starts it.

        Raises:
            ApiError: the request is refused; no run exists then.
        """
        token = body.get("idempotency_token")
        if token and len(token) > _LONGEST_TOKEN:
            raise invalid(f"The idempotency token has {len(token)} characters; at most {_LONGEST_TOKEN} are allowed.")
        scope = f"{job['job_id'] if job else 'submit'}:{token}"
        known = self.workspace.store.get("run_token", scope) if token else None
        if known is not None:
            return known["run_id"]
        tasks = specification.tasks_of(body)
        if job is None:
            specification.check(self.workspace, principal, body, tasks)
            run_as = require_run_as(self.workspace, principal, body["run_as"]) if body.get("run_as") else principal
        else:
            run_as = self.workspace.principal(job["run_as_user_name"])
            specification.check(self.workspace, run_as, body, tasks)
        with self.workspace.store.transaction():
            run = self._new_run(body, tasks, principal, run_as, job)
            self.save(run)
            if token:
                self.workspace.store.put("run_token", scope, {"run_id": run["run_id"]})
        self._active[run["run_id"]] = asyncio.create_task(self._carry_out(run))
        return run["run_id"]

    def skip(self, body: dict[str, Any], principal: Principal, job: Document, message: str) -> int:
        """Note a run that was not begun, because too many of its job are active; its number."""
        run_as = self.workspace.principal(job["run_as_user_name"])
        run = self._new_run(body, specification.tasks_of(body), principal, run_as, job)
        for document in (*run["tasks"], run):
            set_state(document, "SKIPPED", "MAXIMUM_CONCURRENT_RUNS_REACHED", message)
        self.save(run)
        return run["run_id"]

    def _new_run(
        self,
        body: dict[str, Any],
        tasks: list[dict[str, Any]],
        creator: Principal,
        run_as: Principal,
        job: Document | None,
    ) -> Document:
        run_id = self.workspace.store.next_number("run", 100_000_000_000_001)
        page_key = secrets.token_urlsafe(12)
        run: Document = {
            "run_id": run_id,
            "job_id": job["job_id"] if job else self.workspace.store.next_number("job", 200_000_000_000_001),
            "number_in_job": run_id,
            "original_attempt_run_id": run_id,
            "run_name": body.get("run_name") or (job["settings"].get("name") if job else None) or "Untitled",
            "run_type": "JOB_RUN" if job else "SUBMIT_RUN",
            "trigger": "ONE_TIME",
            "format": "MULTI_TASK",
            "creator_user_name": creator.name,
            "run_as_user_name": run_as.name,
            "run_page_url": f"{self.workspace.host}/run/{run_id}?o={self.workspace.workspace_id}&key={page_key}",
            "page_key": page_key,
            "timeout_seconds": int(body.get("timeout_seconds") or 0),
            "body": {name: value for name, value in body.items() if name not in ("tasks", "idempotency_token")},
            "earlier_attempts": [],
        }
        for name in ("job_clusters", "tags", "job_parameters", "environments", "budget_policy_id"):
            if body.get(name):
                run[name] = body[name]
        run["tasks"] = []
        for task in tasks:
            entry = {
                **task,
                "run_id": self.new_task_run(run_id),
                "attempt_number": 0,
                "run_page_url": run["run_page_url"],
            }
            set_state(entry, "BLOCKED" if task.get("depends_on") else "PENDING")
            run["tasks"].append(entry)
        set_state(run, "PENDING", message="Waiting for cluster")
        return run

    async def _carry_out(self, run: Document) -> None:
        from pipelines.local.jobs.progress import carry_out

        try:
            await carry_out(self, run)
        finally:
            self._active.pop(run["run_id"], None)

    def began(self, execution: TaskExecution) -> None:
        """Remember an execution, so that it can be cancelled and its token recognized."""
        self._executions[execution.task["run_id"]] = execution
        self._task_tokens[execution.token] = execution.task["run_id"]
        self._copies[execution.task["run_id"]] = execution.copies

    def ended(self, execution: TaskExecution) -> None:
        """Forget it; its token is no longer valid."""
        self.workspace.tokens.revoke_token(execution.token)
        self._executions.pop(execution.task["run_id"], None)
        self._task_tokens.pop(execution.token, None)
        self._copies.pop(execution.task["run_id"], None)

    @property
    def active_count(self) -> int:
        """How many runs have not ended."""
        return len(self._active)

    def of_token(self, token: str) -> int | None:
        """The task that a token was made for, if it was made for one."""
        return self._task_tokens.get(token)

    def location_for(self, task_run_id: int, table: Document) -> str:
        """Where a running task finds a table's files."""
        copies = self._copies.get(task_run_id)
        return table["storage_location"] if copies is None else copies.location_for(table)

    def cancel(self, run_id: int, reason: str = "CANCELED", message: str = "Run cancelled.") -> None:
        """Have the run end; its tasks are killed with all they started."""
        run = self.get(run_id)
        if is_final(run):
            return
        run_id = run["run_id"]
        self.workspace.store.put("cancelled", _key(run_id), {"result": reason, "message": message, "at": now_ms()})
        for execution in list(self._executions.values()):
            if execution.run["run_id"] == run_id:
                execution.kill()

    def cancellation(self, run_id: int) -> Document | None:
        """Why the run is to end, if it is."""
        return self.workspace.store.get("cancelled", _key(run_id))

    def recover(self) -> None:
        """After a restart of the server: end what its predecessor's tasks left, and mark their runs as failed."""
        self.workspace.tokens.revoke_commented(TASK_TOKEN)
        for run in self.all():
            if is_final(run):
                continue
            for task in run["tasks"]:
                _end_orphan(self.workspace.run_folders / str(task["run_id"]))
                if not is_final(task):
                    set_state(
                        task, "INTERNAL_ERROR", "FAILED", "The driver was lost: the local workspace was restarted."
                    )
            set_state(run, "INTERNAL_ERROR", "FAILED", "The cluster was lost: the local workspace was restarted.")
            self.save(run)

    def delete(self, run_id: int) -> None:
        """Forget a run that has ended.

        Raises:
            ApiError: it is still active.
        """
        run = self.get(run_id)
        if not is_final(run):
            raise ApiError("INVALID_STATE", f"Run {run_id} is active and cannot be deleted.")
        self.workspace.store.delete("run", _key(run["run_id"]))

    async def stop_all(self) -> None:
        """Cancel what is active, as the server shuts down in an orderly way."""
        for run_id in list(self._active):
            self.cancel(run_id, message="The local workspace was shut down.")
        if self._active:
            await asyncio.wait(list(self._active.values()), timeout=10)


def _key(number: int) -> str:
    return f"{int(number):020d}"


def _end_orphan(folder: Path) -> None:
    with contextlib.suppress(FileNotFoundError, ValueError, ProcessLookupError, PermissionError):
        pid, started = (folder / "pid").read_text().split()
        if process_start(int(pid)) == started:
            os.killpg(int(pid), signal.SIGKILL)


def process_start(pid: int) -> str | None:
    """When the process started, in clock ticks since boot, or None if there is none: a pid alone may be reused."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None
