"""What may be submitted: tasks, their compute and their order, checked before a run exists."""

from __future__ import annotations

import re
from typing import Any

from pipelines.local.compute.entitled import ATTACHING, require_cluster, require_compute
from pipelines.local.errors import ApiError, invalid
from pipelines.local.identity import Principal
from pipelines.local.permissions import require_level
from pipelines.local.workspace import Workspace

RUNNABLE = ("spark_python_task", "python_wheel_task", "notebook_task")
_UNAVAILABLE = (
    "spark_jar_task",
    "spark_submit_task",
    "pipeline_task",
    "sql_task",
    "dbt_task",
    "run_job_task",
    "condition_task",
    "for_each_task",
    "dashboard_task",
    "power_bi_task",
    "clean_rooms_notebook_task",
    "gen_ai_compute_task",
)
_KEY = re.compile(r"[A-Za-z0-9_\-]{1,100}")
_MOST_TASKS = 1000


def tasks_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The tasks of a request; one in the form of API 2.0 becomes a task of its own."""
    tasks = body.get("tasks")
    if tasks:
        return [dict(task) for task in tasks]
    single = {name: body[name] for name in (*RUNNABLE, *_UNAVAILABLE) if name in body}
    if not single:
        raise invalid("One of job_cluster_key, new_cluster, or existing_cluster_id must be specified.")
    compute = ("existing_cluster_id", "new_cluster", "libraries", "max_retries", "timeout_seconds", "retry_on_timeout")
    return [{"task_key": "main", **single, **{name: body[name] for name in compute if name in body}}]


def check(workspace: Workspace, principal: Principal, body: dict[str, Any], tasks: list[dict[str, Any]]) -> None:
    """Refuse what Databricks would refuse; `principal` is whom the tasks use clusters as.

    Raises:
        ApiError: with the first thing that is wrong.
    """
    if len(tasks) > _MOST_TASKS:
        raise invalid(f"The number of tasks exceeds the limit of {_MOST_TASKS}.")
    keys = [task.get("task_key", "") for task in tasks]
    if len(set(keys)) != len(keys):
        raise invalid("Task keys must be unique.")
    environments = {entry["environment_key"] for entry in body.get("environments") or []}
    shared = {entry["job_cluster_key"] for entry in body.get("job_clusters") or []}
    for task in tasks:
        if not _KEY.fullmatch(task.get("task_key", "")):
            raise invalid(f"Task key {task.get('task_key')!r} is not valid.")
        _check_kind(task)
        _check_compute(workspace, task, environments, shared)
        _check_cluster(workspace, principal, task)
        for dependency in task.get("depends_on") or []:
            if dependency["task_key"] not in keys:
                raise invalid(f"Task {task['task_key']} depends on unknown task {dependency['task_key']}.")
    for entry in body.get("job_clusters") or []:
        _check_new_cluster(workspace, principal, entry["new_cluster"])
    _check_order(tasks)


def _check_cluster(workspace: Workspace, principal: Principal, task: dict[str, Any]) -> None:
    existing = task.get("existing_cluster_id")
    if existing:
        owner = workspace.clusters.get(existing)["creator_user_name"]
        require_level(workspace, principal, "clusters", existing, ATTACHING, owner)
    if task.get("new_cluster"):
        _check_new_cluster(workspace, principal, task["new_cluster"])
    if not (existing or task.get("new_cluster") or task.get("job_cluster_key")):
        require_compute(workspace, principal)


def _check_new_cluster(workspace: Workspace, principal: Principal, cluster: dict[str, Any]) -> None:
    workspace.clusters.check(cluster)
    require_cluster(workspace, principal, cluster)


def _check_kind(task: dict[str, Any]) -> None:
    named = [name for name in (*RUNNABLE, *_UNAVAILABLE) if task.get(name) is not None]
    if len(named) != 1:
        raise invalid(f"Exactly one task type must be specified for task {task['task_key']}.")
    if named[0] in _UNAVAILABLE:
        raise ApiError(
            "INVALID_PARAMETER_VALUE",
            f"{named[0]} is not available in the local workspace, which has no Java and no SQL warehouse: "
            f"use one of {', '.join(RUNNABLE)}.",
        )
    body = task[named[0]]
    required = {
        "spark_python_task": ("python_file",),
        "python_wheel_task": ("package_name", "entry_point"),
        "notebook_task": ("notebook_path",),
    }[named[0]]
    for name in required:
        if not body.get(name):
            raise invalid(f"Missing required field: {named[0]}.{name}")
    for name in ("parameters",):
        values = body.get(name) or []
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise invalid(f"{named[0]}.{name} must be a list of strings.")


def _check_compute(workspace: Workspace, task: dict[str, Any], environments: set[str], shared: set[str]) -> None:
    key = task["task_key"]
    existing = task.get("existing_cluster_id")
    given = [name for name in ("existing_cluster_id", "new_cluster", "job_cluster_key") if task.get(name)]
    if len(given) > 1:
        raise invalid(f"Only one of {', '.join(given)} may be specified for task {key}.")
    if existing and workspace.store.get("cluster", existing) is None:
        raise invalid(f"The cluster {existing} does not exist")
    if task.get("job_cluster_key") and task["job_cluster_key"] not in shared:
        raise invalid(f"Job cluster {task['job_cluster_key']} is not defined.")
    environment = task.get("environment_key")
    if environment and environment not in environments:
        raise invalid(f"The environment {environment!r} of task {key} is not defined.")
    if given and environment:
        raise invalid(f"environment_key of task {key} is for serverless compute only.")
    cluster = task.get("new_cluster") or {}
    if "new_cluster" in given and not cluster.get("spark_version"):
        raise invalid("Missing required field: new_cluster.spark_version")


def _check_order(tasks: list[dict[str, Any]]) -> None:
    waiting = {task["task_key"]: {entry["task_key"] for entry in task.get("depends_on") or []} for task in tasks}
    while waiting:
        free = [key for key, needs in waiting.items() if not needs & waiting.keys()]
        if not free:
            raise invalid("The tasks depend on each other in a circle.")
        for key in free:
            del waiting[key]


def kind_of(task: dict[str, Any]) -> str:
    """Which of the runnable task types the task is."""
    return next(name for name in RUNNABLE if task.get(name) is not None)


def filled(value: Any, references: dict[str, str]) -> Any:
    """The value with `{{run.id}}` and the like replaced, wherever a text holds them."""
    if isinstance(value, str):
        for name, text in references.items():
            value = value.replace("{{" + name + "}}", text)
        return value
    if isinstance(value, list):
        return [filled(entry, references) for entry in value]
    if isinstance(value, dict):
        return {name: filled(entry, references) for name, entry in value.items()}
    return value
