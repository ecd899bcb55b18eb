"""Jobs API: jobs that are defined once and run when asked."""

from __future__ import annotations

from typing import Any

from pipelines.local.endpoints import Call, Endpoints
from pipelines.local.errors import ApiError, invalid
from pipelines.local.jobs import specification
from pipelines.local.jobs.states import is_final, now_ms
from pipelines.local.permissions import may
from pipelines.local.rule_sets import require_run_as
from pipelines.local.store import Document

endpoints = Endpoints()

_ROOT = "/api/{version:str}/jobs"
_MANAGE = ("CAN_MANAGE", "IS_OWNER")
_VIEWING = ("CAN_VIEW", "CAN_MANAGE_RUN", *_MANAGE)
_OVERRIDES = {
    "python_params": "spark_python_task",
    "notebook_params": "notebook_task",
    "python_named_params": "python_wheel_task",
}


def _key(job_id: int) -> str:
    return f"{job_id:020d}"


def _job(call: Call) -> Document:
    job_id = call.integer("job_id")
    job = call.workspace.store.get("job", _key(job_id))
    if job is None:
        raise invalid(f"Job {job_id} does not exist.")
    return job


def _visible(call: Call, job: Document) -> bool:
    try:
        may(call, "jobs", str(job["job_id"]), _VIEWING, job["creator_user_name"])
    except ApiError:
        return False
    return True


def _owned(call: Call, levels: tuple[str, ...] = _MANAGE) -> Document:
    job = _job(call)
    may(call, "jobs", str(job["job_id"]), levels, job["creator_user_name"])
    return job


def _save(call: Call, job: Document, settings: dict[str, Any]) -> None:
    wanted = settings.get("run_as")
    if wanted and call.workspace.directory.name_of(next(iter(wanted.values()))) != job["run_as_user_name"]:
        job = {**job, "run_as_user_name": require_run_as(call.workspace, call.principal, wanted).name}
    if settings.get("tasks"):
        run_as = call.workspace.principal(job["run_as_user_name"])
        specification.check(call.workspace, run_as, settings, specification.tasks_of(settings))
    if settings.get("budget_policy_id"):
        job = {**job, "effective_budget_policy_id": settings["budget_policy_id"]}
    call.workspace.store.put("job", _key(job["job_id"]), {**job, "settings": settings})


@endpoints.post(f"{_ROOT}/create")
def create(call: Call) -> dict[str, Any]:
    settings = {name: value for name, value in call.arguments.items() if name != "access_control_list"}
    settings.setdefault("name", "Untitled")
    settings.setdefault("max_concurrent_runs", 1)
    settings["format"] = "MULTI_TASK"
    job = {
        "job_id": call.workspace.store.next_number("job", 200_000_000_000_001),
        "creator_user_name": call.principal.name,
        "run_as_user_name": call.principal.name,
        "created_time": now_ms(),
    }
    _save(call, job, settings)
    entries = call.arguments.get("access_control_list")
    if entries:
        call.workspace.store.put("acl", f"jobs/{job['job_id']}", {"entries": entries})
    return {"job_id": job["job_id"]}


@endpoints.get(f"{_ROOT}/get")
def get(call: Call) -> dict[str, Any]:
    return _owned(call, _VIEWING)


@endpoints.get(f"{_ROOT}/list")
def list_jobs(call: Call) -> dict[str, Any]:
    found = [job for _, job in reversed(call.workspace.store.items("job")) if _visible(call, job)]
    name = call.arguments.get("name")
    if name:
        found = [job for job in found if job["settings"]["name"].lower() == str(name).lower()]
    token = call.text("page_token", "0")
    start = call.integer("offset", int(token) if token.isdigit() else 0)
    limit = min(call.integer("limit", 20) or 100, 100)
    chosen = found[start : start + limit]
    if not call.flag("expand_tasks"):
        hidden = ("tasks", "job_clusters")
        chosen = [
            {**job, "settings": {name: value for name, value in job["settings"].items() if name not in hidden}}
            for job in chosen
        ]
    answer: dict[str, Any] = {"jobs": chosen, "has_more": start + limit < len(found)}
    if answer["has_more"]:
        answer["next_page_token"] = str(start + limit)
    return answer


@endpoints.post(f"{_ROOT}/reset")
def reset(call: Call) -> dict[str, Any]:
    _save(call, _owned(call), {"max_concurrent_runs": 1, "format": "MULTI_TASK", **call.arguments["new_settings"]})
    return {}


@endpoints.post(f"{_ROOT}/update")
def update(call: Call) -> dict[str, Any]:
    job = _owned(call)
    settings = {**job["settings"], **(call.arguments.get("new_settings") or {})}
    for name in call.arguments.get("fields_to_remove") or []:
        settings.pop(name, None)
    _save(call, job, settings)
    return {}


@endpoints.post(f"{_ROOT}/delete")
async def delete(call: Call) -> dict[str, Any]:
    job = _owned(call)
    for run in call.workspace.runs.all():
        if run["job_id"] == job["job_id"]:
            call.workspace.runs.cancel(run["run_id"])
    call.workspace.store.delete("job", _key(job["job_id"]))
    return {}


@endpoints.post(f"{_ROOT}/run-now")
async def run_now(call: Call) -> dict[str, Any]:
    job = _owned(call, ("CAN_MANAGE_RUN", *_MANAGE))
    settings = job["settings"]
    given = {entry["name"]: entry.get("default", "") for entry in settings.get("parameters") or []}
    given |= call.arguments.get("job_parameters") or {}
    body = {
        **settings,
        "run_name": settings["name"],
        "tasks": [_overridden(task, call.arguments) for task in specification.tasks_of(settings)],
        "job_parameters": [{"name": name, "value": value} for name, value in given.items()],
        "idempotency_token": call.arguments.get("idempotency_token"),
    }
    runs = call.workspace.runs
    active = [run for run in runs.all() if run["job_id"] == job["job_id"] and not is_final(run)]
    if len(active) >= settings["max_concurrent_runs"] and not _known(call, job, body["idempotency_token"]):
        return _skipped(call, job, body)
    run_id = runs.submit(body, call.principal, job)
    return {"run_id": run_id, "number_in_job": run_id}


def _known(call: Call, job: Document, token: str | None) -> bool:
    return bool(token) and call.workspace.store.get("run_token", f"{job['job_id']}:{token}") is not None


def _skipped(call: Call, job: Document, body: dict[str, Any]) -> dict[str, Any]:
    limit = body["max_concurrent_runs"]
    message = f"Skipping this run because the limit of {limit} maximum concurrent runs has been reached."
    run_id = call.workspace.runs.skip(body, call.principal, job, message)
    return {"run_id": run_id, "number_in_job": run_id}


def _overridden(task: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    for name, kind in _OVERRIDES.items():
        if arguments.get(name) and task.get(kind) is not None:
            target = {"python_params": "parameters", "notebook_params": "base_parameters"}.get(name, "named_parameters")
            task = {**task, kind: {**task[kind], target: arguments[name]}}
    if arguments.get("python_params") and task.get("python_wheel_task") is not None:
        task = {**task, "python_wheel_task": {**task["python_wheel_task"], "parameters": arguments["python_params"]}}
    return task
