"""What is submitted for a step: everything staged, and a `runs/submit` request that names it by digest."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pipelines.databricks.attempts import Attempt
from pipelines.databricks.bytecode import MAGIC, bytecode_of
from pipelines.databricks.code import CodeSource
from pipelines.databricks.payload import payload
from pipelines.databricks.pins import pinned_snapshot
from pipelines.databricks.remote_program import remote_program
from pipelines.databricks.session import Session
from pipelines.databricks.tags import SIZE_TAG, STANDARD_SIZE, TIME_LIMIT_TAG, description, remote_tags, run_name
from pipelines.databricks.target import RemoteTarget

if TYPE_CHECKING:
    from dagster._core.execution.context.system import StepExecutionContext


def staged_request(
    context: StepExecutionContext, target: RemoteTarget, source: CodeSource, session: Session, attempt: Attempt
) -> dict[str, Any]:
    """Stage code, program and payload of a step; the request that runs them.

    Raises:
        CodeError: the code to ship cannot be had.
        DatabricksLaunchError: the step cannot be shipped, or staging failed.
        UnknownSizeError: the step asks for compute that the target does not have.
    """
    run = context.dagster_run
    step_tags = {**context.op.tags, **context.run_tags}
    size = step_tags.get(SIZE_TAG, STANDARD_SIZE)
    paying = {**session.compute.custom_tags, **target.tags, "size": size}
    tags = remote_tags(paying, step_tags, run.run_id, run.job_name, context.step.key)
    session.compute.size(size)
    snapshot = pinned_snapshot(context.instance, run, source)
    compiled = bytecode_of(snapshot.archive, snapshot.digest)
    code = session.staging.code(snapshot.archive, snapshot.digest)
    bytecode = session.staging.bytecode(compiled.archive, compiled.digest, snapshot.digest)
    program = session.staging.program(remote_program())
    document = session.staging.payload(attempt.token, payload(context, target, source.repository))
    # Parameters are set by whoever may submit runs. What lies in the staging folder is believed only as far as they go.
    parameters = {
        "code": code.path,
        "code_digest": code.digest,
        "bytecode": bytecode.path,
        "bytecode_digest": bytecode.digest,
        "bytecode_for": MAGIC,
        "commit": snapshot.commit,
        "dirty": str(snapshot.dirty).lower(),
        "payload": document.path,
        "payload_digest": document.digest,
        "events": session.staging.events_folder(attempt.token),
        "event_key": f"{target.event_key.scope}/{target.event_key.key}",
        "token": attempt.token,
        "attempt": str(attempt.number),
        "databricks_run": "{{job.run_id}}",
    }
    task = {
        "task_key": "step",
        "description": description(tags),
        "spark_python_task": {
            "python_file": program.path,
            "parameters": [f"{name}={value}" for name, value in parameters.items()],
        },
        "max_retries": 0,
    }
    request = {"run_name": run_name(tags), "queue": {"enabled": True}, **session.compute.request(size, task, tags)}
    if TIME_LIMIT_TAG in step_tags:
        limit = math.ceil(float(step_tags[TIME_LIMIT_TAG]) * 60)
        request["timeout_seconds"] = min(limit, request.get("timeout_seconds", limit))
    return request


def stage_anew(context: StepExecutionContext, source: CodeSource, session: Session) -> None:
    """Put the code there again, because a task found it missing or changed.

    Raises:
        DatabricksLaunchError: it does not arrive.
    """
    snapshot = pinned_snapshot(context.instance, context.dagster_run, source)
    bytecode = bytecode_of(snapshot.archive, snapshot.digest)
    session.staging.replace_code(snapshot.archive, snapshot.digest, bytecode.archive, bytecode.digest)
