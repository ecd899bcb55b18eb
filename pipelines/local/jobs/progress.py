"""How a run goes on: its tasks in the order of their dependencies, retries, time limits, and the end state."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from pipelines.local.jobs.execution import Outcome, TaskExecution
from pipelines.local.jobs.states import FINAL, is_final, set_state
from pipelines.local.store import Document

if TYPE_CHECKING:
    from pipelines.local.jobs.runs import Runs

_log = logging.getLogger(__name__)


async def carry_out(runs: Runs, run: Document) -> None:
    """Carry out a run to its end; the run's document has the outcome, whatever happens."""
    shared: dict[str, str] = {}
    limit = run["timeout_seconds"] or None
    work = asyncio.create_task(_all_tasks(runs, run, shared))
    try:
        done, _ = await asyncio.wait({work}, timeout=limit)
        if not done:
            runs.cancel(run["run_id"], "TIMEDOUT", f"Run timed out after {limit} seconds.")
        await work
        _finish(runs, run)
    except Exception as error:
        _log.exception("run %s", run["run_id"])
        for task in run["tasks"]:
            if not is_final(task):
                set_state(task, "INTERNAL_ERROR", "FAILED", f"{type(error).__name__}: {error}")
        set_state(run, "INTERNAL_ERROR", "FAILED", f"{type(error).__name__}: {error}")
    finally:
        runs.save(run)
        for cluster_id in shared.values():
            await runs.workspace.clusters.terminate(cluster_id, "JOB_FINISHED")


async def _all_tasks(runs: Runs, run: Document, shared: dict[str, str]) -> None:
    ended = {task["task_key"]: asyncio.Event() for task in run["tasks"]}

    async def one(task: Document) -> None:
        try:
            for dependency in task.get("depends_on") or []:
                await ended[dependency["task_key"]].wait()
            await _task(runs, run, task, shared)
        finally:
            ended[task["task_key"]].set()

    await asyncio.gather(*(one(task) for task in run["tasks"]))


async def _task(runs: Runs, run: Document, task: Document, shared: dict[str, str]) -> None:
    verdict = _upstream_verdict(run, task)
    if verdict is not None:
        set_state(task, "SKIPPED" if verdict == "EXCLUDED" else "TERMINATED", verdict, "")
        runs.save(run)
        return
    attempts = int(task.get("max_retries") or 0)
    while True:
        outcome = await _attempt(runs, run, task, shared)
        retried = outcome.result == "FAILED" or (outcome.result == "TIMEDOUT" and task.get("retry_on_timeout"))
        unlimited = attempts < 0
        if not retried or runs.cancellation(run["run_id"]) or not (unlimited or task["attempt_number"] < attempts):
            set_state(task, outcome.life_cycle, outcome.result, outcome.message)
            runs.save(run)
            return
        _begin_retry(runs, run, task, outcome)
        await asyncio.sleep((task.get("min_retry_interval_millis") or 0) / 1000)
        set_state(task, "PENDING")
        runs.save(run)


def _begin_retry(runs: Runs, run: Document, task: Document, outcome: Outcome) -> None:
    earlier = dict(task)
    set_state(earlier, outcome.life_cycle, outcome.result, outcome.message)
    run["earlier_attempts"].append(earlier)
    for name in ("times", "start_time", "end_time", "setup_duration", "execution_duration", "cleanup_duration"):
        task.pop(name, None)
    task["run_id"] = runs.new_task_run(run["run_id"])
    task["attempt_number"] += 1
    set_state(task, "WAITING_FOR_RETRY")
    runs.save(run)


async def _attempt(runs: Runs, run: Document, task: Document, shared: dict[str, str]) -> Outcome:
    cancelled = runs.cancellation(run["run_id"])
    if cancelled is not None:
        return Outcome("TERMINATED", cancelled["result"], cancelled["message"])
    execution = TaskExecution(runs, run, task, shared)
    runs.began(execution)
    try:
        limit = int(task.get("timeout_seconds") or 0) or None
        work = asyncio.create_task(execution.carry_out())
        done, _ = await asyncio.wait({work}, timeout=limit)
        if not done:
            execution.time_out(f"Task timed out after {limit} seconds.")
        return await work
    finally:
        runs.ended(execution)


def _upstream_verdict(run: Document, task: Document) -> str | None:
    needs = {entry["task_key"] for entry in task.get("depends_on") or []}
    if not needs:
        return None
    results = [entry["state"].get("result_state") for entry in run["tasks"] if entry["task_key"] in needs]
    succeeded = [result == "SUCCESS" for result in results]
    condition = task.get("run_if") or "ALL_SUCCESS"
    met = {
        "ALL_SUCCESS": all(succeeded),
        "AT_LEAST_ONE_SUCCESS": any(succeeded),
        "NONE_FAILED": not any(result in ("FAILED", "TIMEDOUT") for result in results),
        "ALL_DONE": True,
        "AT_LEAST_ONE_FAILED": any(result in ("FAILED", "TIMEDOUT") for result in results),
        "ALL_FAILED": all(result in ("FAILED", "TIMEDOUT") for result in results),
    }[condition]
    if met:
        return None
    if condition in ("AT_LEAST_ONE_FAILED", "ALL_FAILED"):
        return "EXCLUDED"
    return "UPSTREAM_CANCELED" if "CANCELED" in results else "UPSTREAM_FAILED"


def _finish(runs: Runs, run: Document) -> None:
    needed = {entry["task_key"] for task in run["tasks"] for entry in task.get("depends_on") or []}
    leaves = [task for task in run["tasks"] if task["task_key"] not in needed]
    results = {task["state"].get("result_state") for task in run["tasks"]}
    leaf_results = {task["state"].get("result_state") for task in leaves}
    failure: Any = next((task for task in run["tasks"] if task["state"].get("result_state") == "FAILED"), None)
    if run["state"]["life_cycle_state"] not in ("TERMINATING", *FINAL):
        set_state(run, "TERMINATING")
        runs.save(run)
    cancelled = runs.cancellation(run["run_id"])
    if cancelled is not None:
        set_state(run, "TERMINATED", cancelled["result"], cancelled["message"])
    elif any(task["state"]["life_cycle_state"] == "INTERNAL_ERROR" for task in run["tasks"]):
        broken = next(task for task in run["tasks"] if task["state"]["life_cycle_state"] == "INTERNAL_ERROR")
        set_state(
            run, "INTERNAL_ERROR", "FAILED", f"Task {broken['task_key']} failed: {broken['state']['state_message']}"
        )
    elif leaf_results <= {"SUCCESS", "EXCLUDED"}:
        result = "SUCCESS" if results <= {"SUCCESS", "EXCLUDED"} else "SUCCESS_WITH_FAILURES"
        set_state(run, "TERMINATED", result)
    elif failure is not None:
        message = f"Task {failure['task_key']} failed with message: {failure['state']['state_message']}"
        set_state(run, "TERMINATED", "FAILED", message)
    else:
        result = "TIMEDOUT" if "TIMEDOUT" in results else "CANCELED" if "CANCELED" in results else "FAILED"
        set_state(run, "TERMINATED", result)
    runs.save(run)
