"""The sensor of `release`: what it asks for as the branch moves and releases go on, and what it says."""

from __future__ import annotations

import dagster as dg
import pytest

from pipelines.releases.run_tags import ATTEMPT, AUTHOR, COMMIT, HEAD, SUPERSEDED_BY
from pipelines.sensors.branch_record import accept_head
from pipelines_tests.releases.git.origin import Origin
from pipelines_tests.sensors.branch_stage import Stage
from pipelines_tests.sensors.conftest import Clock


def test_a_first_push_asks_for_one_release_of_its_commit(stage: Stage, origin: Origin):
    head = origin.head()
    request = stage.asked()
    assert (request.job_name, request.partition_key, request.run_key) == ("release", head, f"{head}_1")
    assert {name: request.tags[name] for name in (COMMIT, HEAD, ATTEMPT)} == {COMMIT: head, HEAD: head, ATTEMPT: "1"}
    assert request.tags[AUTHOR] == "Amelia <amelia@example.org>"
    assert stage.partitions() == {head}


def test_until_its_run_exists_the_same_run_is_asked_for(stage: Stage):
    # The daemon may die between a tick and the run: the key is what keeps it from starting two.
    assert stage.asked().run_key == stage.asked().run_key


def test_nothing_new_asks_for_nothing(stage: Stage, origin: Origin):
    request = stage.asked()
    stage.start(request, dg.DagsterRunStatus.QUEUED)
    assert stage.words() == f"Commit {origin.head()[:12]} is being released, attempt 1."
    stage.released(request)  # by another run of the same: what counts is what was released
    for run in stage.runs_of(origin.head()):
        if not run.is_finished:
            stage.cancelled(run.run_id)
    assert stage.words() == f"Commit {origin.head()[:12]} is what runs."
    assert stage.words() == f"Commit {origin.head()[:12]} is what runs."


def test_of_two_pushes_between_ticks_only_the_newer_is_released(stage: Stage, origin: Origin):
    stage.released(stage.asked())
    passed_over, newest = origin.commit(), origin.commit()
    assert stage.asked().partition_key == newest
    assert passed_over not in stage.partitions()


def test_a_push_during_a_release_ends_the_older_one(stage: Stage, origin: Origin):
    running = stage.start(stage.asked(), dg.DagsterRunStatus.QUEUED)
    older, newer = origin.head(), origin.commit()
    request = stage.asked()
    assert (request.partition_key, request.tags[ATTEMPT]) == (newer, "1")
    ended = stage.run(running)
    assert (ended.status, ended.tags[SUPERSEDED_BY]) == (dg.DagsterRunStatus.CANCELED, newer)
    stage.released(request)
    assert stage.words() == f"Commit {newer[:12]} is what runs."
    assert [run.run_id for run in stage.runs_of(older)] == [running]


def test_a_run_that_was_not_queued_yet_is_superseded_at_a_later_tick(stage: Stage, origin: Origin):
    older = stage.start(stage.asked(), dg.DagsterRunStatus.NOT_STARTED)
    newer = origin.commit()
    stage.start(stage.asked())
    assert stage.run(older).status == dg.DagsterRunStatus.NOT_STARTED
    stage.queue(older)
    assert stage.words() == f"Commit {newer[:12]} is being released, attempt 1."
    assert stage.run(older).status == dg.DagsterRunStatus.CANCELED
    assert stage.words() == f"Commit {newer[:12]} is being released, attempt 1."
    assert [run.status for run in stage.runs_of(newer)] == [dg.DagsterRunStatus.STARTED]


def test_a_superseded_commit_is_released_after_all_once_it_is_the_head_again(stage: Stage, origin: Origin):
    stage.start(stage.asked(), dg.DagsterRunStatus.QUEUED)
    older, newer = origin.head(), origin.commit()
    stage.start(stage.asked(), dg.DagsterRunStatus.QUEUED)
    origin.back_to(older)
    # It never served, so this is no rollback, and history that goes back is refused until somebody accepts it.
    assert f"set back from {newer[:12]} to {older[:12]}" in stage.words()
    accept_head(stage.instance, older)
    request = stage.asked()
    assert (request.partition_key, request.tags[ATTEMPT]) == (older, "2")


def test_a_lost_cursor_releases_nothing_again(stage: Stage, origin: Origin):
    stage.released(stage.asked())
    stage.cursor = None
    assert stage.words() == f"Commit {origin.head()[:12]} is what runs."


def test_a_lost_cursor_starts_no_second_run_beside_the_first(stage: Stage, origin: Origin):
    stage.start(stage.asked())
    stage.cursor = "not even JSON"
    assert stage.words() == f"Commit {origin.head()[:12]} is being released, attempt 1."


def test_a_renamed_sensor_releases_nothing_again(stage: Stage, origin: Origin):
    # Dagster knows neither the cursor nor the keys of runs that a sensor of another name has asked for.
    stage.sensor_of_runs = "what_it_was_called_before"
    request = stage.asked()
    stage.start(request)
    stage.cursor = None
    assert stage.words() == f"Commit {origin.head()[:12]} is being released, attempt 1."
    stage.released(request)
    stage.cursor = None
    stage.cancelled(stage.runs_of(origin.head())[-1].run_id)
    assert stage.words() == f"Commit {origin.head()[:12]} is what runs."


def test_rewinding_to_a_released_commit_goes_back_without_training(stage: Stage, origin: Origin, clock: Clock):
    stage.released(stage.asked())
    first, second = origin.head(), origin.commit()
    stage.released(stage.asked())
    origin.back_to(first)
    assert "is it still there in a moment?" in stage.words()
    clock.pass_by(30)
    request = stage.asked()
    assert (request.job_name, request.partition_key, request.tags[HEAD]) == ("rollback", None, first)
    assert request.run_config == {
        "ops": {
            "make_rollback": {
                "config": {
                    "actor": "git",
                    "reason": f"the branch was set back to {first[:12]}",
                    "release": first,
                }
            }
        }
    }
    assert stage.asked().run_key == request.run_key, "until it is done it is one and the same run"
    stage.rolled_back(request, first)
    assert stage.words() == f"Commit {first[:12]} is what runs."
    # What was left is in quarantine, and a push of it again does not undo that.
    origin.git("reset", "-q", "--hard", second)
    origin.push()
    assert f"Commit {second[:12]} is in quarantine: it was worse (git)" in stage.words()
    third = origin.commit()
    assert stage.asked().partition_key == third


def test_going_back_and_forth_asks_for_each_way_anew(stage: Stage, origin: Origin, clock: Clock):
    stage.released(stage.asked())
    first = origin.head()
    origin.commit()
    stage.released(stage.asked())
    origin.back_to(first)
    stage.words()
    clock.pass_by(30)
    once = stage.asked()
    stage.rolled_back(once, first)
    origin.commit()
    stage.released(stage.asked())
    origin.back_to(first)
    stage.words()
    clock.pass_by(30)
    again = stage.asked()
    assert (again.job_name, again.tags[HEAD]) == ("rollback", first)
    assert again.run_key != once.run_key, "Dagster would take it for done"


def test_a_rollback_that_failed_is_asked_for_again(stage: Stage, origin: Origin, clock: Clock):
    stage.released(stage.asked())
    first = origin.head()
    origin.commit()
    stage.released(stage.asked())
    origin.back_to(first)
    stage.words()
    clock.pass_by(30)
    once = stage.asked()

    def fail(_: dg.OpExecutionContext) -> None:
        raise ConnectionError("the registry does not answer")

    stage.fails(once, fail)
    assert stage.asked().run_key != once.run_key


def test_a_rollback_by_command_refuses_the_head_until_a_newer_commit(stage: Stage, origin: Origin):
    stage.released(stage.asked())
    bad = origin.commit()
    stage.released(stage.asked())
    stage.rolled_back()
    assert stage.words().startswith(f"Commit {bad[:12]} is in quarantine: it was worse (Ana)")
    better = origin.commit()
    assert stage.asked().partition_key == better


def test_a_release_that_waits_for_approval_is_not_tried_again(stage: Stage, origin: Origin, clock: Clock):
    stage.awaits_approval(stage.asked())
    clock.pass_by(3600)
    assert stage.words() == f"Commit {origin.head()[:12]} is being released, attempt 1."
    newer = origin.commit()
    assert stage.asked().partition_key == newer


@pytest.mark.parametrize("cut_off", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED])
def test_a_run_that_dagster_will_retry_is_still_in_flight(
    stage: Stage, origin: Origin, clock: Clock, cut_off: dg.DagsterRunStatus
):
    run_id = stage.start(stage.asked(), cut_off)
    stage.instance.add_run_tags(run_id, {"dagster/will_retry": "true"})
    stage.died(run_id)
    clock.pass_by(3600)
    assert stage.words() == f"Commit {origin.head()[:12]} is being released, attempt 1."
    stage.instance.add_run_tags(run_id, {"dagster/auto_retry_run_id": "b" * 36})
    assert stage.asked().tags[ATTEMPT] == "2", "its retry is no longer there"
