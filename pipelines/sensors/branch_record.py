"""What Dagster knows of a branch's releases: its runs, and what the releases last said of themselves.

Nothing of it is a sensor's own memory, so a lost cursor or a renamed sensor releases nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from pipelines.releases.git.record import Attempt, InFlight, Record
from pipelines.releases.plan import is_commit
from pipelines.releases.run_tags import ATTEMPT, COMMIT, HEAD
from pipelines.sensors.attempt_outcome import ending_of

ACCEPTED = "pipelines/accepted"
"""Where the instance keeps heads of rewritten history that a person has accepted."""
_MOST_RUNS = 100
IN_PROGRESS = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
    dg.DagsterRunStatus.MANAGED,
)
"""The statuses of runs that have not ended."""
_WILL_RETRY, _RETRIED_AS = "dagster/will_retry", "dagster/auto_retry_run_id"
_PARTITION = "dagster/partition"


def commit_of(run: dg.DagsterRun) -> str | None:
    """The commit that the run is about: its partition where releases have partitions, else its tag."""
    partition = run.tags.get(_PARTITION)
    return partition if is_commit(partition) else run.tags.get(COMMIT)


def release_state(instance: dg.DagsterInstance, champions: dg.AssetKey) -> Mapping[str, Any]:
    """What the releases last said of themselves (`pipelines.releases.state`); empty before the first."""
    event = instance.get_latest_materialization_event(champions)
    kept = event.asset_materialization.metadata.get("state") if event and event.asset_materialization else None
    return kept.value if kept is not None and isinstance(kept.value, Mapping) else {}


def record_of_releases(instance: dg.DagsterInstance, champions: dg.AssetKey) -> Record:
    """The record of the branch whose commits are released to customers."""
    state = release_state(instance, champions)
    released = frozenset(state.get("released", ()))
    runs = _runs(instance, "release")
    newest = [record.dagster_run for record in runs]
    in_flight = _in_flight(newest)
    if in_flight is None and newest and newest[0].is_success:
        commit = commit_of(newest[0])
        if commit and commit not in released:  # nothing is wrong with it: a person has to approve
            in_flight = InFlight(commit, _number(newest[0]))
    moves = [*runs, *_runs(instance, "rollback", limit=10)]
    return Record(
        current=state.get("current"),
        tip=_tip(moves) or state.get("current"),
        released=released,
        in_flight=in_flight,
        attempts=_attempts(instance, runs, set(released)),
        quarantined=dict(state.get("quarantined", {})),
        accepted=accepted_heads(instance),
    )


def record_of_trainings(instance: dg.DagsterInstance) -> Record:
    """The record of the branch whose commits development trains."""
    runs = _runs(instance, "train")
    done = [commit for record in runs if record.dagster_run.is_success and (commit := commit_of(record.dagster_run))]
    return Record(
        current=done[0] if done else None,
        tip=_tip(runs),
        released=frozenset(done),
        in_flight=_in_flight([record.dagster_run for record in runs]),
        attempts=_attempts(instance, runs, set(done)),
    )


def newest_change(instance: dg.DagsterInstance) -> str:
    """The newest beginning, step or end of any run: records are made of what runs did."""
    for record in instance.get_run_records(limit=1, order_by="update_timestamp"):
        return f"{record.dagster_run.run_id} {record.dagster_run.status.value} {record.update_timestamp.isoformat()}"
    return ""


def in_progress(instance: dg.DagsterInstance, job: str) -> list[tuple[dg.DagsterRun, str]]:
    """Runs of the job that have not ended, each with the commit that it is about."""
    found = instance.get_runs(dg.RunsFilter(job_name=job, statuses=list(IN_PROGRESS)))
    return [(run, commit) for run in found if (commit := commit_of(run))]


def accepted_heads(instance: dg.DagsterInstance) -> frozenset[str]:
    """Heads of rewritten history that a person has accepted."""
    kept = instance.daemon_cursor_storage.get_cursor_values({ACCEPTED}).get(ACCEPTED)
    return frozenset((kept or "").split())


def accept_head(instance: dg.DagsterInstance, commit: str) -> None:
    """Keep that a person has accepted this head of rewritten history."""
    instance.daemon_cursor_storage.set_cursor_values({ACCEPTED: " ".join({*accepted_heads(instance), commit})})


def _runs(instance: dg.DagsterInstance, job: str, limit: int = _MOST_RUNS) -> Sequence[dg.RunRecord]:
    found = instance.get_run_records(dg.RunsFilter(job_name=job), limit=limit)
    return [record for record in found if commit_of(record.dagster_run) or HEAD in record.dagster_run.tags]


def _in_flight(runs: Iterable[dg.DagsterRun]) -> InFlight | None:
    for run in runs:
        retried = run.tags.get(_WILL_RETRY) == "true" and not run.tags.get(_RETRIED_AS)
        if (not run.is_finished or (run.is_failure and retried)) and (commit := commit_of(run)):
            return InFlight(commit, _number(run))
    return None


def _attempts(instance: dg.DagsterInstance, runs: Sequence[dg.RunRecord], done: set[str]) -> dict[str, Attempt]:
    """The last ended attempt of each commit that is not released since."""
    found: dict[str, Attempt] = {}
    for record in runs:
        run = record.dagster_run
        commit = commit_of(run)
        if commit is None or commit in done or commit in found or not run.is_finished or run.is_success:
            continue
        ending = ending_of(instance, run)
        found[commit] = Attempt(_number(run), ending.outcome, record.end_time or 0.0, ending.why)
    return found


def _number(run: dg.DagsterRun) -> int:
    number = run.tags.get(ATTEMPT, "1")
    return int(number) if number.isdecimal() else 1


def _tip(runs: Sequence[dg.RunRecord]) -> str | None:
    """Where the branch was when something was last done about it."""
    heads = [(record.create_timestamp, record.dagster_run.tags.get(HEAD)) for record in runs]
    return max(((when, head) for when, head in heads if head), default=(None, None))[1]
