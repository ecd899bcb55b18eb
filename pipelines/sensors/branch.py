"""The git sensors: whatever a watched branch is at, and is not yet done, gets done, once.

`release` of the models' repository leads to releases in production, `main` to training in development. Each tick looks
at where the branch is (`pipelines.releases.git.watch`); the reason of whatever it does or leaves is the tick's text.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import dagster as dg

from pipelines.releases.git.record import Record
from pipelines.releases.run_tags import ATTEMPT, AUTHOR, COMMIT, HEAD, OWN, SIGNER, SUPERSEDED_BY
from pipelines.sensors.branch_record import in_progress, newest_change
from pipelines.sensors.commit_status import runs_link, tell
from pipelines.settings import Settings

if TYPE_CHECKING:
    from pipelines.releases.git.decision import Release, Rollback
    from pipelines.releases.git.mirror import Mirror
    from pipelines.releases.git.watch import Candidate, Look

_LONGEST_TAG = 900


class UnreleasableError(Exception):
    """A commit that passed all that is asked of commits, and yet cannot be carried through."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(f"{why} {remedy}")
        self.why, self.remedy = why, remedy


@dataclass(frozen=True)
class Following:
    """What a location does about its branch."""

    job: str
    """The job that carries a commit through."""
    record: Callable[[dg.DagsterInstance], Record]
    release: Callable[[Settings, str, Release, Candidate], dg.SensorResult]
    """Is told the name that the code location has in Dagster. May raise `UnreleasableError`: the commit is then
    refused until something about the branch changes."""
    rollback: Callable[[dg.DagsterInstance, Rollback], dg.SensorResult]
    otherwise: Callable[[dg.DagsterInstance, Settings, Look], dg.SensorResult | None] = lambda *_: None
    """May ask for something where the branch asks for nothing; not asked again while nothing has changed."""


def tick(context: dg.SensorEvaluationContext, settings: Settings, following: Following) -> dg.SensorResult:
    """One look at the branch and what follows from it."""
    from pipelines.releases.branch import NOT_WATCHED, mirror_of, policy_of
    from pipelines.releases.git.cursor import Cursor, refusal
    from pipelines.releases.git.decision import Release
    from pipelines.releases.git.watch import look

    if not settings.git.url:
        return dg.SensorResult(skip_reason=NOT_WATCHED)
    record: Record | None = None

    def known() -> Record:
        nonlocal record
        record = following.record(context.instance)
        return record

    mirror, policy = mirror_of(settings), policy_of(settings)
    cursor, change = Cursor.load(context.cursor), partial(newest_change, context.instance)
    found = look(mirror, policy, known, cursor, time.time(), change)
    decision = found.decision
    context.update_cursor(found.cursor.dump())
    try:
        result = _acted(context, settings, following, mirror, found)
    except UnreleasableError as error:
        assert found.head is not None
        assert record is not None, "only what was examined is released, and that takes the record"
        kept = refusal(found.head, policy.basis(record, found.head), error.why, error.remedy)
        context.update_cursor(replace(found.cursor, refusal=kept).dump())
        tell(settings, found.head, "failure", error.why, settings.dagster_url, context.log)
        return dg.SensorResult(skip_reason=str(error))
    if result.run_requests:  # asked for again until the run is there: nothing is settled before
        context.update_cursor(replace(found.cursor, settled=None).dump())
    # A commit that is refused after all, or whose turn comes at a later tick, ends nothing that is under way.
    if decision.supersedes and (result.run_requests or not isinstance(decision, Release)):
        _supersede(context, following.job, found.head or "", lambda commit: commit == decision.supersedes)
    elif record is not None and record.in_flight is not None and record.in_flight.commit == found.head:
        # What could not be cancelled when the newer run was asked for.
        _supersede(context, following.job, found.head, lambda commit: commit != found.head)
    return result


def _acted(
    context: dg.SensorEvaluationContext, settings: Settings, following: Following, mirror: Mirror, found: Look
) -> dg.SensorResult:
    from pipelines.releases.git.decision import Refuse, Release, Rollback

    decision = found.decision
    if isinstance(decision, Release):
        assert found.candidate is not None, "only what was examined is released"
        mirror.keep(decision.commit)
        origin = context.code_location_origin
        location = origin.location_name if origin else settings.location
        asked = following.release(settings, location, decision, found.candidate)
        if asked.run_requests:
            told = f"Attempt {decision.attempt}: {', '.join(found.candidate.models)}."
            tell(settings, decision.commit, "pending", told, runs_link(settings, decision.commit), context.log)
        return asked
    if isinstance(decision, Rollback):
        return following.rollback(context.instance, decision)
    if isinstance(decision, Refuse) and found.candidate is not None:  # examined, so it is said once
        tell(settings, found.candidate.record.commit, "failure", decision.why, settings.dagster_url, context.log)
    asked = None if found.unchanged else following.otherwise(context.instance, settings, found)
    return asked or dg.SensorResult(skip_reason=_words(found))


def tags_of(decision: Release, candidate: Candidate) -> dict[str, str]:
    """Tags by which a run knows its commit and where it comes from."""
    tags = {
        COMMIT: decision.commit,
        HEAD: decision.commit,
        ATTEMPT: str(decision.attempt),
        AUTHOR: candidate.record.author[:_LONGEST_TAG],
        "pipelines/subject": candidate.record.subject[:_LONGEST_TAG],
        "pipelines/release": decision.commit[:12],
        "pipelines/trigger": "git",
    }
    return {**tags, SIGNER: candidate.signer[:_LONGEST_TAG]} if candidate.signer else tags


def _supersede(context: dg.SensorEvaluationContext, job: str, by: str, unwanted: Callable[[str], bool]) -> None:
    for run, commit in in_progress(context.instance, job):
        # A run that is not queued yet has nothing that could be told to stop; a later tick finds it.
        if not unwanted(commit) or run.status in (dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.NOT_STARTED):
            continue
        context.log.info(f"Run {run.run_id} of {commit[:12]} is cancelled: the branch is at {by[:12]}.")
        context.instance.add_run_tags(run.run_id, {SUPERSEDED_BY: by, OWN: run.run_id})
        context.instance.run_coordinator.cancel_run(run.run_id)


def _words(found: Look) -> str:
    from pipelines.releases.git.decision import Nothing, Refuse, Wait

    match found.decision:
        case Refuse(why=why, remedy=remedy):
            return f"{why} {remedy}"
        case Nothing(why=why) | Wait(why=why):
            return why
    raise AssertionError(f"{found.decision} is acted upon")
