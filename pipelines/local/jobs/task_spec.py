"""What a driver is told of a task: its program, its environment, and what it may see."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.local.catalog.access import table_views, volume_views
from pipelines.local.compute import engines
from pipelines.local.compute.clusters import SERVERLESS
from pipelines.local.compute.drivers import base_environment
from pipelines.local.jobs.log_delivery import LogDelivery
from pipelines.local.jobs.specification import filled, kind_of
from pipelines.local.jobs.task_code import CodeError, dependencies, install, notebook_file, server_path, task_file
from pipelines.local.store import Document

if TYPE_CHECKING:
    from pipelines.local.jobs.execution import TaskExecution


def task_spec(execution: TaskExecution, cluster: Document | None) -> dict[str, Any]:
    """Everything that the driver needs to run the task, as a JSON document.

    Raises:
        CodeError: its code or a library of it is not to be had.
    """
    settings, kind = execution.workspace.settings, kind_of(execution.task)
    body = filled(execution.task[kind], _references(execution))
    variables = (
        base_environment(settings.interpreter)
        | {"HOME": str(execution.workspace.home_of(execution.principal))}
        | settings.environment
    )
    variables["DATABRICKS_RUNTIME_VERSION"] = _runtime_version(cluster)
    variables[engines.VARIABLE] = engines.engine_of(cluster)
    variables |= (cluster or {}).get("spark_env_vars") or {}
    metastore, where = execution.workspace.metastore, execution.workspace.name
    names = [entry["name"] for entry in metastore.children("catalog", "")]
    bound = [name for name in names if metastore.privileges.binding(name, where) is not None]
    # The first one is where names of fewer than three parts are looked up.
    catalogs = sorted(bound, key=lambda name: (name != "main", name))
    return {
        "task_id": str(execution.task["run_id"]),
        "folder": str(execution.folder),
        "host": execution.workspace.host,
        "token": execution.token,
        "kind": kind,
        "parameters": body.get("parameters") or [],
        "widgets": (body.get("base_parameters") or {}) | (execution.run["body"].get("notebook_params") or {}),
        "environment": variables,
        "isolation": execution.runs.isolation,
        "plan": _plan(execution),
        "python_path": _libraries(execution),
        "catalogs": catalogs if engines.engine_of(cluster) == engines.SAIL else [],
        "session": _session(cluster, execution.principal.name),
        **_program(execution, kind, body),
    }


def _program(execution: TaskExecution, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    if kind == "python_wheel_task":
        named = body.get("named_parameters") or {}
        parameters = (body.get("parameters") or []) + [f"--{name}={value}" for name, value in named.items()]
        return {"package_name": body["package_name"], "entry_point": body["entry_point"], "parameters": parameters}
    if kind == "notebook_task":
        return {"python_file": notebook_file(execution.workspace, body["notebook_path"])}
    path = task_file(body["python_file"], body.get("source"))
    if not server_path(execution.workspace, execution.principal, path).is_file():
        raise CodeError(
            f"Cannot read the python file {body['python_file']}. Please check driver logs for more details."
        )
    return {"python_file": path}


def _libraries(execution: TaskExecution) -> list[str]:
    workspace, principal = execution.workspace, execution.principal
    paths = install(workspace, principal, execution.task.get("libraries") or [], execution.folder)
    key = execution.task.get("environment_key")
    for environment in execution.run.get("environments") or []:
        if environment["environment_key"] == key:
            paths += dependencies(workspace, principal, environment, execution.folder)
    return paths


def _plan(execution: TaskExecution) -> dict[str, Any]:
    tables, unreachable = table_views(execution.workspace.metastore, execution.principal, execution.workspace.name)
    volumes = volume_views(execution.workspace.metastore, execution.principal, execution.workspace.name)
    settings, warehouse = execution.workspace.settings, execution.workspace.settings.warehouse
    home = execution.workspace.home_of(execution.principal)
    is_own = execution.workspace.is_own(execution.principal)
    own = settings.private_folders(execution.workspace.name) if is_own else ()
    others = {folder for name in settings.workspaces for folder in settings.private_folders(name)} - {*own}
    for folder in own:
        folder.mkdir(parents=True, exist_ok=True)
    views = [
        (execution.workspace.dbfs, Path("/dbfs"), "rw"),
        (execution.workspace.files, Path("/Workspace"), "rw"),
        (execution.folder, execution.folder, "rw"),
        (home, home, "rw"),
        *((folder, folder, "rw") for folder in own),
        *((view.source, view.target, view.mode) for view in (*volumes, *tables)),
    ]
    # A volume's files are to be had in the volume alone, where its grants hold.
    elsewhere = execution.workspace.metastore.external_folders()
    hidden = (*settings.hidden, *elsewhere, *sorted(others), settings.home, warehouse)
    return {
        "hidden": [str(folder) for folder in hidden],
        "views": [[str(source), str(target), mode] for source, target, mode in views],
        "covered": [str(folder) for folder in unreachable if folder != warehouse],
    }


def _references(execution: TaskExecution) -> dict[str, str]:
    parameters = {entry["name"]: str(entry.get("value", "")) for entry in execution.run.get("job_parameters") or []}
    return {
        "run.id": str(execution.run["run_id"]),
        "job.run_id": str(execution.run["run_id"]),
        "job.id": str(execution.run["job_id"]),
        "task.run_id": str(execution.task["run_id"]),
        "task.name": execution.task["task_key"],
        "task_key": execution.task["task_key"],
        "workspace.id": str(execution.workspace.workspace_id),
        "workspace.url": execution.workspace.host,
        **{f"job.parameters.{name}": value for name, value in parameters.items()},
    }


def _runtime_version(cluster: Document | None) -> str:
    """How Databricks tells a process that it runs there: `16.4`, or `client.4` on serverless compute."""
    return "client.4" if cluster is None else str(cluster["spark_version"]).partition(".x")[0]


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
