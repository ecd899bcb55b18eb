"""Jobs API: runs submitted, shown, cancelled, deleted."""

from __future__ import annotations

from typing import Any

from pipelines.local.endpoints import Call, Endpoints
from pipelines.local.errors import ApiError, invalid
from pipelines.local.jobs.execution import TaskExecution
from pipelines.local.jobs.states import is_final
from pipelines.local.permissions import may
from pipelines.local.store import Document

endpoints = Endpoints()

_ROOT = "/api/{version:str}/jobs/runs"
_LONGEST_OUTPUT = 5 * 1024 * 1024
_PRIVATE = ("page_key", "body", "earlier_attempts", "times")


def _task_shown(task: Document) -> dict[str, Any]:
    return {name: value for name, value in task.items() if name != "times"}


def run_shown(run: Document, tasks: bool = True) -> dict[str, Any]:
    """A run as the API shows it."""
    shown = {name: value for name, value in run.items() if name not in _PRIVATE}
    if tasks:
        shown["tasks"] = [_task_shown(task) for task in run["tasks"]]
    else:
        shown.pop("tasks")
    if len(run["tasks"]) == 1 and "cluster_instance" in run["tasks"][0]:
        shown["cluster_instance"] = run["tasks"][0]["cluster_instance"]
    return shown


def _manageable(call: Call) -> Document:
    run = call.workspace.runs.get(call.integer("run_id"))
    _require_manageable(call, run)
    return run


def _require_manageable(call: Call, run: Document) -> None:
    owners = (run["creator_user_name"], run["run_as_user_name"])
    if call.principal.name not in owners:
        may(call, "jobs", str(run["job_id"]), ("CAN_MANAGE_RUN", "CAN_MANAGE", "IS_OWNER"), run["creator_user_name"])


def _viewable(call: Call) -> Document:
    run = call.workspace.runs.get(call.integer("run_id"))
    if call.principal.name not in (run["creator_user_name"], run["run_as_user_name"]):
        levels = ("CAN_VIEW", "CAN_MANAGE_RUN", "CAN_MANAGE", "IS_OWNER")
        may(call, "jobs", str(run["job_id"]), levels, run["creator_user_name"])
    return run


@endpoints.post(f"{_ROOT}/submit")
async def submit(call: Call) -> dict[str, Any]:
    run_id = call.workspace.runs.submit(call.arguments, call.principal)
    entries = call.arguments.get("access_control_list")
    if entries:
        job_id = call.workspace.runs.get(run_id)["job_id"]
        call.workspace.store.put("acl", f"jobs/{job_id}", {"entries": entries})
    return {"run_id": run_id}


@endpoints.get(f"{_ROOT}/get")
def get(call: Call) -> dict[str, Any]:
    run = _viewable(call)
    shown = run_shown(run)
    run_id = call.integer("run_id")
    for task in [*run["tasks"], *run["earlier_attempts"]]:
        if task["run_id"] == run_id:
            # The number of a task gives the run with that task's own state.
            own = _task_shown(task)
            return {**shown, **{name: own[name] for name in own if name not in ("task_key",)}, "tasks": [own]}
    return shown


@endpoints.get(f"{_ROOT}/list")
def list_runs(call: Call) -> dict[str, Any]:
    found = call.workspace.runs.all()
    principal = call.principal
    if not principal.admin:
        found = [run for run in found if principal.name in (run["creator_user_name"], run["run_as_user_name"])]
    if call.arguments.get("job_id"):
        found = [run for run in found if run["job_id"] == call.integer("job_id")]
    if call.flag("active_only"):
        found = [run for run in found if not is_final(run)]
    if call.flag("completed_only"):
        found = [run for run in found if is_final(run)]
    if call.arguments.get("run_type"):
        found = [run for run in found if run["run_type"] == call.text("run_type")]
    for name, keep in (
        ("start_time_from", lambda at, limit: at >= limit),
        ("start_time_to", lambda at, limit: at <= limit),
    ):
        if call.arguments.get(name):
            limit_at = call.integer(name)
            found = [run for run in found if keep(run.get("start_time", 0), limit_at)]
    limit = min(call.integer("limit", 20) or 25, 25)
    token = call.text("page_token", "0")
    start = int(token) if token.isdigit() else 0
    start = call.integer("offset", start)
    chosen = found[start : start + limit]
    answer: dict[str, Any] = {"has_more": start + limit < len(found)}
    if chosen:
        answer["runs"] = [run_shown(run, call.flag("expand_tasks")) for run in chosen]
    if answer["has_more"]:
        answer["next_page_token"] = str(start + limit)
    return answer


@endpoints.get(f"{_ROOT}/get-output")
def get_output(call: Call) -> dict[str, Any]:
    run = _viewable(call)
    run_id = call.integer("run_id")
    tasks = [*run["tasks"], *run["earlier_attempts"]]
    if run_id == run["run_id"]:
        if len(run["tasks"]) > 1:
            raise invalid(
                "Retrieving the output of runs with multiple tasks is not supported. "
                "Please retrieve the output of each individual task run instead."
            )
        task = run["tasks"][0]
    else:
        task = next(entry for entry in tasks if entry["run_id"] == run_id)
    return {"metadata": run_shown(run), **output(call, task)}


def output(call: Call, task: Document) -> dict[str, Any]:
    """Logs, error and result of one attempt, without the values of secrets."""
    folder = call.workspace.run_folders / str(task["run_id"])
    redact = call.workspace.secrets.redact
    logs = ""
    for name in ("stdout", "stderr"):
        path = folder / name
        if path.exists():
            logs += path.read_bytes().decode(errors="replace")
    answer: dict[str, Any] = {
        "logs": redact(logs[:_LONGEST_OUTPUT]),
        "logs_truncated": len(logs) > _LONGEST_OUTPUT,
    }
    result = TaskExecution.result_of(folder)
    if "notebook_result" in result:
        answer["notebook_output"] = {"result": result["notebook_result"], "truncated": False}
    if "error" in result:
        answer |= {"error": redact(result["error"]), "error_trace": redact(result.get("error_trace", ""))}
    elif task["state"].get("result_state") not in (None, "SUCCESS"):
        answer["error"] = task["state"]["state_message"]
    return answer


@endpoints.get(f"{_ROOT}/export")
def export(call: Call) -> dict[str, Any]:
    from pipelines.local.jobs.run_page import page_of

    return {"views": [{"content": page_of(call, _viewable(call)), "name": "run", "type": "NOTEBOOK"}]}


@endpoints.post(f"{_ROOT}/cancel")
async def cancel(call: Call) -> dict[str, Any]:
    call.workspace.runs.cancel(_manageable(call)["run_id"])
    return {}


@endpoints.post(f"{_ROOT}/cancel-all")
async def cancel_all(call: Call) -> dict[str, Any]:
    job_id = call.arguments.get("job_id")
    if job_id is None and not call.flag("all_queued_runs"):
        raise invalid("Missing required field: job_id")
    if job_id is None and not call.principal.admin:
        raise ApiError("PERMISSION_DENIED", "Only workspace admins may cancel the runs of all jobs.")
    for run in call.workspace.runs.all():
        queued = run["state"]["life_cycle_state"] == "QUEUED"
        if (job_id is not None and run["job_id"] == int(job_id)) or (job_id is None and queued):
            _require_manageable(call, run)
            call.workspace.runs.cancel(run["run_id"])
    return {}


@endpoints.post(f"{_ROOT}/repair")
def repair(call: Call) -> dict[str, Any]:
    run = _manageable(call)
    raise invalid(
        f"Run {run['run_id']} cannot be repaired: the local workspace does not repair runs. Submit it again, or give "
        "its tasks max_retries."
    )


@endpoints.post(f"{_ROOT}/delete")
def delete(call: Call) -> dict[str, Any]:
    call.workspace.runs.delete(_manageable(call)["run_id"])
    return {}
