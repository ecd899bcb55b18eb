"""Executes one Dagster step in this process, as the payload describes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SUCCESS, FAILURE, RETRY = "success", "failure", "retry"


def run_step(step: dict[str, Any], put: Callable[[str], None]) -> str:
    """Execute the step; each entry of its event log is given to `put` as a JSON document. How it ended.

    Raises:
        Exception: the step could not begin, because the job could not be loaded, for instance.
    """
    from dagster._core.definitions.reconstruct import ReconstructableJob
    from dagster._core.definitions.step_launcher import StepRunRef
    from dagster._core.execution.plan.external_step import external_instance_from_step_run_ref, run_step_from_ref
    from dagster._core.execution.plan.state import KnownExecutionState
    from dagster._core.execution.retries import RetryMode
    from dagster._core.storage.dagster_run import DagsterRun
    from dagster._serdes import deserialize_value, serialize_value

    reference = StepRunRef(
        run_config=step["run_config"],
        dagster_run=deserialize_value(step["dagster_run"], DagsterRun),
        run_id=step["run_id"],
        retry_mode=RetryMode(step["retry_mode"]),
        step_key=step["step_key"],
        recon_job=deserialize_value(step["job"], ReconstructableJob),
        known_state=None
        if step["known_state"] is None
        else deserialize_value(step["known_state"], KnownExecutionState),
    )
    outcomes = {"STEP_SUCCESS": SUCCESS, "STEP_FAILURE": FAILURE, "STEP_UP_FOR_RETRY": RETRY}
    outcome = ""
    with external_instance_from_step_run_ref(
        reference, event_listener_fn=lambda entry: put(serialize_value(entry))
    ) as instance:
        for event in run_step_from_ref(reference, instance):
            outcome = outcomes.get(event.event_type_value, outcome)
    if not outcome:
        raise RuntimeError(f"Step {step['step_key']} ended without success, failure or request for a retry.")
    return outcome
