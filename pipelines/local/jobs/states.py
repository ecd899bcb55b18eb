"""States of runs, in both notations of the Jobs API: `state` (2.0, 2.1) and `status` (2.2)."""

from __future__ import annotations

import time
from typing import Any

from pipelines.local.store import Document

FINAL = ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")
_STATUS = {
    "BLOCKED": "BLOCKED",
    "PENDING": "PENDING",
    "QUEUED": "QUEUED",
    "RUNNING": "RUNNING",
    "WAITING_FOR_RETRY": "WAITING",
    "TERMINATING": "TERMINATING",
}
_CODES = {
    "SUCCESS": ("SUCCESS", "SUCCESS"),
    "FAILED": ("RUN_EXECUTION_ERROR", "CLIENT_ERROR"),
    "TIMEDOUT": ("RUN_EXECUTION_ERROR", "CLIENT_ERROR"),
    "CANCELED": ("USER_CANCELED", "SUCCESS"),
    "MAXIMUM_CONCURRENT_RUNS_REACHED": ("MAX_CONCURRENT_RUNS_EXCEEDED", "CLIENT_ERROR"),
    "UPSTREAM_FAILED": ("RUN_EXECUTION_ERROR", "CLIENT_ERROR"),
    "UPSTREAM_CANCELED": ("USER_CANCELED", "SUCCESS"),
    "EXCLUDED": ("SUCCESS", "SUCCESS"),
    "SUCCESS_WITH_FAILURES": ("SUCCESS_WITH_FAILURES", "SUCCESS"),
}


def now_ms() -> int:
    """The time as Databricks writes it: milliseconds since 1970."""
    return int(time.time() * 1000)


def is_final(document: Document) -> bool:
    """Whether the run or task has ended for good."""
    return document["state"]["life_cycle_state"] in FINAL


def set_state(document: Document, life_cycle: str, result: str | None = None, message: str = "") -> None:
    """Move a run or a task to a state, and write the times that go with it."""
    at = now_ms()
    state: dict[str, Any] = {"life_cycle_state": life_cycle, "state_message": message}
    state["user_cancelled_or_timedout"] = result in ("CANCELED", "TIMEDOUT")
    if result is not None:
        state["result_state"] = result
    document["state"] = state
    document["status"] = _status(life_cycle, result, message)
    times = document.setdefault("times", {})
    times.setdefault(life_cycle, at)
    if life_cycle == "PENDING":
        document.setdefault("start_time", at)
    _set_durations(document, times, at, life_cycle in FINAL)


def _status(life_cycle: str, result: str | None, message: str) -> dict[str, Any]:
    if life_cycle not in FINAL:
        return {"state": _STATUS[life_cycle]}
    if life_cycle == "INTERNAL_ERROR":
        code, kind = "INTERNAL_ERROR", "INTERNAL_ERROR"
    elif life_cycle == "SKIPPED":
        code, kind = "SKIPPED", "CLIENT_ERROR"
    else:
        code, kind = _CODES.get(result or "", ("RUN_EXECUTION_ERROR", "CLIENT_ERROR"))
    return {"state": "TERMINATED", "termination_details": {"code": code, "type": kind, "message": message}}


def _set_durations(document: Document, times: dict[str, int], at: int, final: bool) -> None:
    began = document.get("start_time", at)
    running = times.get("RUNNING")
    terminating = times.get("TERMINATING")
    if running is not None:
        document["setup_duration"] = running - began
    if terminating is not None:
        document["execution_duration"] = terminating - (running or terminating)
    if final:
        document["end_time"] = at
        document["cleanup_duration"] = at - (terminating or at)
        document.setdefault("setup_duration", 0)
        document.setdefault("execution_duration", 0)
        document["run_duration"] = at - began
