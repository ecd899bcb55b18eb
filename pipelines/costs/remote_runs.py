"""The runs of a workspace, as its Jobs API tells of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipelines.databricks.tags import described

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

RUNNING, LOST = "running", "lost"
"""Results of a run that has not ended, and of one that had not when the workspace forgot it."""
_WAITING = {"QUEUED", "BLOCKED"}
_ENDED = {"TERMINATED", "SKIPPED", "INTERNAL_ERROR"}
_RESULTS = {"SUCCESS": "success", "CANCELED": "canceled", "UPSTREAM_CANCELED": "canceled", "TIMEDOUT": "timedout"}


@dataclass(frozen=True)
class RemoteRun:
    """One run: when, how it ended, and what its tags say."""

    run_id: int
    started_at: datetime
    ended_at: datetime | None
    """None while it runs."""
    result: str
    """As `prod.ops.compute_usage` has it."""
    tags: dict[str, str]
    """What it says of itself, which is true only if `pipelines.costs.makers` believes it."""
    creator: str = ""
    """Who made it, by user name or application id."""
    job_id: int = 0


def runs_since(client: WorkspaceClient, since: datetime | None) -> Iterator[RemoteRun]:
    """The runs that began at `since` or later (None: all that the workspace remembers), in no order.

    The workspace shows those that the client's principal may see. A run that waits and has not begun is left out; when
    it begins it is a later one. A run may come twice where new ones begin while the pages are read.
    """
    start = None if since is None else int(since.timestamp() * 1000)
    for run in client.jobs.list_runs(expand_tasks=True, start_time_from=start, limit=25):
        if (found := _read(run.as_dict())) is not None:
            yield found


def run_of(client: WorkspaceClient, run_id: int) -> RemoteRun | None:
    """The run as it is now; None if the workspace does not know it (any more)."""
    from databricks.sdk.errors import InvalidParameterValue, NotFound, ResourceDoesNotExist

    try:
        return _read(client.jobs.get_run(run_id).as_dict())
    except (InvalidParameterValue, NotFound, ResourceDoesNotExist):
        return None


def _read(run: dict[str, Any]) -> RemoteRun | None:
    state, status = run.get("state") or {}, run.get("status") or {}
    life_cycle = str(state.get("life_cycle_state") or status.get("state") or "")
    has_ended = life_cycle in _ENDED
    began = run.get("start_time") or (run.get("end_time") if has_ended else None)
    if not began or life_cycle in _WAITING:  # one that waits in a queue may have a time, too: that of its submission
        return None
    ended = max(int(run.get("end_time") or _last_end(run) or began), int(began)) if has_ended else None
    code = state.get("result_state") or (status.get("termination_details") or {}).get("code")
    return RemoteRun(
        run_id=int(run["run_id"]),
        started_at=_moment(int(began)),
        ended_at=None if ended is None else _moment(ended),
        result=_RESULTS.get(str(code), "failed") if has_ended else RUNNING,
        tags=_tags(run),
        creator=str(run.get("creator_user_name") or ""),
        job_id=int(run.get("job_id") or 0),
    )


def _last_end(run: dict[str, Any]) -> int | None:
    return max((int(task["end_time"]) for task in run.get("tasks") or [] if task.get("end_time")), default=None)


def _tags(run: dict[str, Any]) -> dict[str, str]:
    """Those of clusters that were made for it, and those in its tasks' descriptions: the same where both are."""
    tags: dict[str, str] = {}
    for task in run.get("tasks") or []:
        tags |= (task.get("new_cluster") or {}).get("custom_tags") or {}
        tags |= described(task.get("description") or "")
    return tags


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
