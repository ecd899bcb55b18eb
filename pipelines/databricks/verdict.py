"""Whether a step succeeded: only if Databricks and the step itself both say so. Otherwise, what to tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipelines.databricks.states import RunState

OWN_WORDS = ("failure", "retry")
"""Outcomes that the step's own last event tells."""


@dataclass(frozen=True)
class Verdict:
    """What came of an attempt."""

    succeeded: bool
    told_by_step: bool
    """Whether the step's own last event says how it ended, a failure for instance."""
    staging_spoiled: bool
    """Whether the task refused to begin, because what was staged is not what was submitted."""
    words: str


def judge(state: RunState, last: dict[str, Any] | None, has_end: bool) -> Verdict:
    """Judge by the state in which the run ended, and by the last thing that the step said, if it came so far."""
    outcome = last["outcome"] if last else None
    error = (last or {}).get("error") or {}
    if outcome == "success" and has_end and state.succeeded:
        return Verdict(True, True, False, "success")
    if outcome in OWN_WORDS and has_end:
        return Verdict(False, True, False, outcome)
    if outcome == "staging":
        return Verdict(False, False, True, f"it did not begin: {error.get('message', '')}")
    if outcome == "error":
        return Verdict(False, False, False, f"it broke off: {error.get('message', '')}\n{error.get('trace', '')}")
    if outcome == "success":
        words = "it reported success, but its run did not end so"
    elif state.succeeded:
        words = "its run succeeded without an event of the step's success"
    else:
        words = "its run ended before it did"
    return Verdict(False, False, False, words)
