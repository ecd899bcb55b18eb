"""Submitting, watching and cancelling one run through the Jobs API."""

from __future__ import annotations

from typing import Any

from pipelines.databricks.failures import DatabricksLaunchError
from pipelines.databricks.rest import Api
from pipelines.databricks.states import RunState, read_state

_RUNS = "/api/2.2/jobs/runs"
_LOG_TAIL = 4000


def submit(api: Api, request: dict[str, Any], token: str) -> int:
    """Submit a run once, however often the answer is lost: the same token gives the same run. Its number.

    Raises:
        UnreachableError, RefusedError: see `Api.call`.
        DatabricksLaunchError: the request is refused.
    """
    from databricks.sdk.errors.base import DatabricksError

    try:
        answer = api.post("submit the run", f"{_RUNS}/submit", {**request, "idempotency_token": token})
    except DatabricksError as error:
        raise DatabricksLaunchError(
            f"Databricks target {api.target!r} ({api.host}) does not accept the run: {error} "
            "Check the compute settings of that target."
        ) from None
    return int(answer["run_id"])


def look(api: Api, run_id: int) -> RunState:
    """The run's state now; raises as `Api.call` does."""
    return read_state(api.get(f"ask for the state of run {run_id}", f"{_RUNS}/get", run_id=run_id))


def cancel(api: Api, run_id: int) -> None:
    """Have the run end; raises as `Api.call` does."""
    api.post(f"cancel run {run_id}", f"{_RUNS}/cancel", {"run_id": run_id})


def last_words(api: Api, state: RunState) -> str:
    """What a run that failed left behind: its error and the end of its log."""
    from databricks.sdk.errors.base import DatabricksError

    if state.task_run_id is None:
        return ""
    try:
        output = api.get("read the run's output", f"{_RUNS}/get-output", run_id=state.task_run_id)
    except (DatabricksError, DatabricksLaunchError) as error:
        return f"(The run's output cannot be read: {error})"
    log = str(output.get("logs") or "").strip()
    parts = []
    if output.get("error"):
        parts.append(f"Remote error: {output['error']}")
    if log:
        parts.append(f"End of its log:\n{log[-_LOG_TAIL:]}")
    return "\n".join(parts)
