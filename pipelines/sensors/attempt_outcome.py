"""How a run that was to release a commit ended: because of the commit, a gate, gold, a person, or the machinery."""

from __future__ import annotations

import re
from dataclasses import dataclass

import dagster as dg

from pipelines.releases.git.record import Outcome
from pipelines.releases.run_tags import OUTCOME, OUTCOME_TAG, OWN, SUPERSEDED_BY, WHY_TAG

_LONGEST_WHY = 900
_OUTCOMES: tuple[Outcome, ...] = ("infrastructure", "gate", "refused", "gold", "stopped", "superseded")
_LASTING = ("refused", "gate", "gold")
_BROKE_OFF = "it broke off:"
_LOG = "\nEnd of its log:"
_TIMED_OUT = "TERMINATED/TIMEDOUT"
_CLASS = re.compile(r"^[\w.]+(Error|Exception|Failure): ")
"""What Python writes before the words of an error."""
_NOT_IMPORTABLE = ("ImportError", "ModuleNotFoundError", "SyntaxError", "IndentationError", "TabError")
"""What stays so however often it is tried: every commit has the same packages."""


@dataclass(frozen=True)
class Ending:
    """The outcome, and why in a sentence for a person."""

    outcome: Outcome
    why: str


def ending_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Ending:
    """How the run, which did not succeed, ended. Found out once and kept as tags of the run."""
    own = run.tags if run.tags.get(OWN) == run.run_id else {}
    for outcome in _OUTCOMES:
        if outcome == own.get(OUTCOME_TAG):
            return Ending(outcome, own.get(WHY_TAG, ""))
    newer = own.get(SUPERSEDED_BY)
    # However it ended: who is told to stop may also fail, or be found dead.
    found = Ending("superseded", f"superseded by {newer[:12]}.") if newer else _found(instance, run)
    instance.add_run_tags(run.run_id, {OUTCOME_TAG: found.outcome, WHY_TAG: found.why, OWN: run.run_id})
    return found


def _found(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Ending:
    if run.status == dg.DagsterRunStatus.CANCELED:
        return Ending("stopped", f"run {run.run_id[:8]} was cancelled.")
    endings = [
        _of_failure(entry.dagster_event.step_failure_data, str(entry.step_key))
        for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
        if entry.dagster_event is not None
    ]
    if not endings:
        return Ending("infrastructure", f"run {run.run_id[:8]} ended without saying why.")
    # What is wrong with the commit stays wrong, whatever else failed beside it; and so does gold.
    return min(endings, key=lambda ending: _LASTING.index(ending.outcome)
               if ending.outcome in _LASTING else len(_LASTING))  # fmt: skip


def _of_failure(data: object, step: str) -> Ending:
    said = getattr(data, "user_failure_data", None)
    error = getattr(data, "error", None)
    timed_out = error is not None and _TIMED_OUT in error.message
    while error is not None and error.cause is not None:
        error = error.cause
        timed_out = timed_out or _TIMED_OUT in error.message
    words = _CLASS.sub("", (error.message if error is not None else "").strip().partition(_LOG)[0])
    if said is not None:
        words = said.description or words
        value = said.metadata.get(OUTCOME)
        for outcome in _OUTCOMES:
            if value is not None and value.value == outcome:
                return Ending(outcome, words[:_LONGEST_WHY])
    why = f"{step}: {words}"[:_LONGEST_WHY]
    if timed_out:
        limit = "its time limit, which `compute.time_limit_minutes` of model.yaml sets"
        return Ending("refused", f"{step} took longer than {limit}: let it take less, or raise the limit.")
    if getattr(error, "cls_name", None) in _NOT_IMPORTABLE:
        return Ending("refused", f"{step}: its code cannot be imported: {words}"[:_LONGEST_WHY])
    # The shipped code could not even be loaded: nothing else of the project runs before the step begins.
    if _BROKE_OFF in words and "/pipelines/" in words:
        return Ending("refused", why)
    return Ending("infrastructure", why)
