"""A step as a JSON document that another machine can execute: Dagster's own serialization, no pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.databricks.failures import DatabricksLaunchError

if TYPE_CHECKING:
    from dagster._core.code_pointer import CodePointer
    from dagster._core.execution.context.system import StepExecutionContext

    from pipelines.databricks.target import RemoteTarget


def payload(context: StepExecutionContext, target: RemoteTarget, repository: Path) -> bytes:
    """What the task is to do. Holds names of secrets, never their values.

    Raises:
        DatabricksLaunchError: the job cannot be loaded anywhere but in this process.
    """
    document = {
        "environment": dict(target.environment),
        "secrets": {name: [reference.scope, reference.key] for name, reference in sorted(target.secrets.items())},
        "step": _step(context, repository),
    }
    return json.dumps(document, sort_keys=True).encode()


def _step(context: StepExecutionContext, repository: Path) -> dict[str, Any]:
    from dagster._core.definitions.reconstruct import ReconstructableJob
    from dagster._serdes import serialize_value

    job = context.job
    if not isinstance(job, ReconstructableJob):
        raise DatabricksLaunchError(
            f"Step {context.step.key} is of a job that exists in this process only, so Databricks cannot load it: run "
            "it from a code location, or make it with dagster.reconstructable."
        )
    loaded = context.plan_data.execution_plan.repository_load_data
    remote = job.repository._replace(
        pointer=_portable(job.repository.pointer, repository),
        repository_load_data=job.repository.repository_load_data or loaded,
        # These name things of this machine.
        executable_path=None,
        container_image=None,
        container_context=None,
    )
    known = context.get_known_state()
    return {
        "run_config": dict(context.run_config),
        "dagster_run": serialize_value(context.dagster_run),
        "run_id": context.dagster_run.run_id,
        "retry_mode": context.retry_mode.value,
        "step_key": context.step.key,
        "job": serialize_value(job._replace(repository=remote)),
        "known_state": None if known is None else serialize_value(known),
    }


def _portable(pointer: CodePointer, repository: Path) -> CodePointer:
    """The pointer without folders of this machine: with one, a task here would import this working tree."""
    from dagster._core.code_pointer import FileCodePointer, ModuleCodePointer, PackageCodePointer

    if isinstance(pointer, ModuleCodePointer):
        return ModuleCodePointer(pointer.module, pointer.fn_name, working_directory=None)
    if isinstance(pointer, PackageCodePointer):
        return PackageCodePointer(pointer.module, pointer.attribute, working_directory=None)
    if isinstance(pointer, FileCodePointer):
        file = Path(pointer.python_file).resolve()
        if file.is_relative_to(repository.resolve()):
            parts = file.relative_to(repository.resolve()).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            return ModuleCodePointer(name, pointer.fn_name, working_directory=None)
    raise DatabricksLaunchError(
        f"The job is loaded by {pointer.describe()}, which does not lie in the repository {repository} whose code is "
        "shipped: load the code location by `python_module` from a package in it."
    )
