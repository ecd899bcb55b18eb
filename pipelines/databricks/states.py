"""What the state of a run means. Only TERMINATED with SUCCESS is a success; what is unknown is never one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_ENDED = {"TERMINATED", "SKIPPED", "INTERNAL_ERROR"}
_GOING_ON = {"PENDING", "QUEUED", "BLOCKED", "RUNNING", "TERMINATING", "WAITING_FOR_RETRY", "WAITING"}
_MEANINGS = {
    "FAILED": "it failed",
    "TIMEDOUT": "it took longer than its time limit",
    "CANCELED": "it was cancelled, by a person or another program",
    "EXCLUDED": "it was excluded and not run",
    "SUCCESS_WITH_FAILURES": "parts of it failed",
    "UPSTREAM_FAILED": "it was not run, because something before it failed",
    "UPSTREAM_CANCELED": "it was not run, because something before it was cancelled",
    "MAXIMUM_CONCURRENT_RUNS_REACHED": "it was not run, because too many runs were active",
    "DISABLED": "it was not run, because it is disabled",
}


@dataclass(frozen=True)
class RunState:
    """The state of a remote run, read for what is to be done."""

    life_cycle: str
    result: str | None
    message: str
    url: str
    task_run_id: int | None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.life_cycle in _ENDED

    @property
    def unknown(self) -> bool:
        """Whether it is a state that this version has never heard of: perhaps the end, perhaps not."""
        return self.life_cycle not in _ENDED | _GOING_ON

    @property
    def succeeded(self) -> bool:
        """Whether Databricks says that the run did all it was to do."""
        return self.life_cycle == "TERMINATED" and self.result == "SUCCESS"

    @property
    def cancelled(self) -> bool:
        """Whether somebody ended the run on purpose."""
        return self.result == "CANCELED"

    @property
    def words(self) -> str:
        """State, result and message in one sentence's part."""
        named = f"{self.life_cycle}/{self.result}" if self.result else self.life_cycle
        if self.life_cycle == "TERMINATED" and self.result is None:
            meaning = "it ended without a result"
        elif self.life_cycle == "INTERNAL_ERROR":
            meaning = "Databricks itself or the cluster failed"
        elif self.life_cycle == "SKIPPED":
            meaning = _MEANINGS.get(self.result or "", "it was not run")
        else:
            meaning = _MEANINGS.get(self.result or "", "")
        told = self.message.strip()
        return "; ".join(part for part in (named, meaning, told) if part)


def read_state(run: dict[str, Any]) -> RunState:
    """The state in an answer of `runs/get`, in the notation of API 2.1 (`state`) or of 2.2 alone (`status`)."""
    state, status = run.get("state") or {}, run.get("status") or {}
    details = status.get("termination_details") or {}
    life_cycle = state.get("life_cycle_state") or status.get("state") or "(none)"
    result = state.get("result_state")
    if not state and life_cycle == "TERMINATED":
        result = details.get("code")
    tasks = run.get("tasks") or [{}]
    return RunState(
        life_cycle=str(life_cycle),
        result=None if result is None else str(result),
        message=str(state.get("state_message") or details.get("message") or ""),
        url=str(run.get("run_page_url") or ""),
        task_run_id=tasks[0].get("run_id") or run.get("run_id"),
    )
