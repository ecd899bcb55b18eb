"""What Dagster knows of a branch's releases and trainings, read from its runs and from what releases said."""

from __future__ import annotations

import dagster as dg

from pipelines.assets.releases import CHAMPIONS
from pipelines.releases.git.record import InFlight, Record
from pipelines.releases.run_tags import ATTEMPT, COMMIT, HEAD
from pipelines.sensors.branch_record import (
    accept_head,
    accepted_heads,
    commit_of,
    in_progress,
    record_of_releases,
    record_of_trainings,
)

A, B = "a" * 40, "b" * 40


def executed(instance: dg.DagsterInstance, job: str, tags: dict[str, str], fails: bool = False) -> str:
    """A run of that job with these tags, which succeeds or fails; its id."""

    @dg.op
    def step():
        if fails:
            raise ConnectionError("away")

    @dg.job(name=job, executor_def=dg.in_process_executor)
    def made():
        step()

    return made.execute_in_process(instance=instance, tags=tags, raise_on_error=False).run_id


def tell_state(instance: dg.DagsterInstance, **state: object) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(CHAMPIONS, metadata={"state": state}))


def test_an_empty_instance_knows_of_nothing(instance: dg.DagsterInstance):
    assert record_of_releases(instance, CHAMPIONS) == Record()
    assert record_of_trainings(instance) == Record()


def test_releases_say_themselves_what_serves(instance: dg.DagsterInstance):
    tell_state(instance, current=A, released=[B, A], quarantined={B: "it was worse"})
    found = record_of_releases(instance, CHAMPIONS)
    assert (found.current, found.released, dict(found.quarantined)) == (A, frozenset({A, B}), {B: "it was worse"})
    assert found.tip == A, "where the branch was is not known from any run"
    assert found.in_flight is None


def test_the_newest_statement_counts(instance: dg.DagsterInstance):
    tell_state(instance, current=A, released=[A])
    tell_state(instance, current=B, released=[A, B])
    assert record_of_releases(instance, CHAMPIONS).current == B


def test_the_tip_is_where_the_branch_was_when_something_was_done(instance: dg.DagsterInstance):
    executed(instance, "release", {COMMIT: A, HEAD: A, "dagster/partition": A}, fails=True)
    assert record_of_releases(instance, CHAMPIONS).tip == A
    executed(instance, "rollback", {HEAD: B})
    assert record_of_releases(instance, CHAMPIONS).tip == B
    executed(instance, "rollback", {})  # by a person: the branch has not moved
    assert record_of_releases(instance, CHAMPIONS).tip == B


def test_a_rerun_in_dagsters_ui_counts_by_its_partition(instance: dg.DagsterInstance):
    run_id = executed(instance, "release", {"dagster/partition": A}, fails=True)
    run = instance.get_run_by_id(run_id)
    assert run is not None
    assert commit_of(run) == A
    found = record_of_releases(instance, CHAMPIONS).attempts[A]
    assert (found.number, found.outcome) == (1, "infrastructure")


def test_the_last_attempt_of_each_commit_counts(instance: dg.DagsterInstance):
    for commit, number in ((A, "1"), (B, "1"), (A, "2")):
        executed(instance, "release", {COMMIT: commit, ATTEMPT: number, "dagster/partition": commit}, fails=True)
    found = record_of_releases(instance, CHAMPIONS).attempts
    assert {commit: attempt.number for commit, attempt in found.items()} == {A: 2, B: 1}
    tell_state(instance, current=A, released=[A])
    assert set(record_of_releases(instance, CHAMPIONS).attempts) == {B}, "what is released has no failure left"


def test_a_success_that_released_nothing_waits_for_approval(instance: dg.DagsterInstance):
    executed(instance, "release", {COMMIT: A, "dagster/partition": A})
    assert record_of_releases(instance, CHAMPIONS).in_flight == InFlight(A, 1)
    tell_state(instance, current=A, released=[A])
    assert record_of_releases(instance, CHAMPIONS).in_flight is None


def test_runs_that_are_about_no_commit_are_nobodys_release(instance: dg.DagsterInstance):
    executed(instance, "release", {"dagster/partition": "2026-03-04"}, fails=True)
    executed(instance, "train", {}, fails=True)
    assert record_of_releases(instance, CHAMPIONS) == Record()
    assert record_of_trainings(instance) == Record()


def test_trainings_are_done_when_their_runs_succeed(instance: dg.DagsterInstance):
    executed(instance, "train", {COMMIT: A, HEAD: A})
    executed(instance, "train", {COMMIT: B, HEAD: B, ATTEMPT: "2"}, fails=True)
    found = record_of_trainings(instance)
    assert (found.current, found.tip, found.released) == (A, B, frozenset({A}))
    assert {commit: attempt.number for commit, attempt in found.attempts.items()} == {B: 2}
    assert in_progress(instance, "train") == []


def test_accepted_heads_are_kept(instance: dg.DagsterInstance):
    accept_head(instance, A)
    accept_head(instance, B)
    accept_head(instance, A)
    assert accepted_heads(instance) == {A, B}
    assert record_of_releases(instance, CHAMPIONS).accepted == {A, B}
