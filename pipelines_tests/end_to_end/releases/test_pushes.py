"""Releases by `git push`, with the real daemon, web server and workspace: what is pushed is what customers get.

The tests are the life of one production site, in this order.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster import DagsterRunStatus

from pipelines.environments import settings_from
from pipelines.releases.run_tags import ANEW, ATTEMPT, SUPERSEDED_BY
from pipelines_tests.end_to_end.daemon import CRASH_POINTS
from pipelines_tests.end_to_end.dagster_ui import DagsterUi
from pipelines_tests.end_to_end.environment import finish, start_job, upload_sessions
from pipelines_tests.end_to_end.releases.conftest import World
from pipelines_tests.end_to_end.tiny_repository import MODEL, WAITS, model_files

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

FIT, CHAMPIONS = "prod__models__tiny", "prod__releases__champions"


def test_a_push_becomes_one_run_and_a_champion(world: World):
    site = world.site
    # The site was loaded from this project's own models: the graph of the pushed commit's is loaded first.
    commit = world.people.commit({**model_files(), **model_files("kite")}, "the first models")
    run = site.released(commit)
    assert [one.run_id for one in site.runs(commit)] == [run.run_id]
    assert site.partitions() == {commit}
    assert site.audit(commit) == [(what, model) for what in ("requested", "promoted") for model in ("kite", MODEL)]
    assert [(site.versions(model), site.champion(model)) for model in (MODEL, "kite")] == [([1], 1), ([1], 1)]
    of_steps = {each.step_key: each for each in site.instance.get_run_step_stats(run.run_id)}
    one, other = of_steps[FIT], of_steps["prod__models__kite"]
    assert max(one.start_time or 0, other.start_time or 0) < min(one.end_time or 0, other.end_time or 0), "side by side"
    site.says(f"Commit {commit[:12]} is what runs.")
    world.serving = commit


def test_daemon_and_worker_killed_anywhere_leave_one_release(world: World):
    site = world.site
    before = site.versions(MODEL)
    site.processes.kill_daemon()
    commit = world.people.commit(model_files(strength=2), "killed on its way")
    for point in CRASH_POINTS:
        site.processes.start_daemon(dies_at=point)
        site.processes.daemon_died()
    site.processes.start_daemon()
    first = site.step_began(commit, FIT)
    site.kill_worker(first)
    site.kill_worker(site.step_began(commit, CHAMPIONS, after=first))
    site.released(commit)
    assert site.says(f"Commit {commit[:12]} is what runs.")
    made = before[-1] + 1
    assert (site.versions(MODEL), site.champion(MODEL)) == ([*before, made], made)
    assert site.audit(commit) == [(what, model) for what in ("requested", "promoted") for model in ("kite", MODEL)]
    runs = site.runs(commit)
    assert {run.tags[ATTEMPT] for run in runs} == {"1"}, "Dagster's own retry, not another attempt"
    assert {run.root_run_id for run in runs} == {None, first.run_id}, "and of one run, whatever the daemon forgot"
    world.serving = commit


def test_a_push_during_a_release_supersedes_it(world: World):
    site = world.site
    older = world.people.commit(model_files(strength=3, spoil=WAITS), "takes its time")
    run = site.step_began(older, FIT)
    world.people.drop("kite", "without the kite")
    newer = world.people.commit(model_files(strength=4), "and quick again")
    site.released(newer)
    ended = site.instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status == DagsterRunStatus.CANCELED
    assert SUPERSEDED_BY in ended.tags
    assert [what for what, _ in site.audit(older)] == ["requested", "requested"]
    assert ("retired", "kite") in site.audit(newer)
    assert ("promoted", MODEL) in site.audit(newer)
    assert site.champion("kite") is None
    assert site.versions("kite") != [], "retired, not deleted"
    site.says(f"Commit {newer[:12]} is what runs.")
    world.serving = newer


def test_a_release_that_waits_for_a_person_becomes_champion_by_their_word(world: World):
    site, before = world.site, world.site.champion(MODEL)
    files = model_files(strength=15)
    manifest = f"pipelines/models/{MODEL}/model.yaml"
    commit = world.people.commit({**files, manifest: files[manifest] + "gates: {approval: person}\n"}, "ask first")
    site.released(commit)
    assert site.champion(MODEL) == before
    site.says(f"Commit {commit[:12]} is being released, attempt 1.")
    said = site.command("approve", commit[:9], "--actor", "Ana", "--reason", "looked at every session")
    assert commit[:12] in said
    assert site.champion(MODEL) == site.versions(MODEL)[-1] != before
    assert site.audit(commit) == [(what, MODEL) for what in ("requested", "approved", "promoted")]
    site.says(f"Commit {commit[:12]} is what runs.")
    world.serving = commit


def test_one_model_alone_is_tried_again_and_a_release_that_is_run_again_stays_the_same(world: World, tmp_path: Path):
    site, ui, there = world.site, DagsterUi(world.site.processes.url), tmp_path / "there"
    absent = f"import pathlib; assert pathlib.Path({str(there)!r}).exists(), 'its file is not there'"
    commit = world.people.commit({**model_files(strength=16), **model_files("kite", spoil=absent)}, "half of it works")
    assert site.ended(commit).status == DagsterRunStatus.FAILURE
    [made], kites = site.versions(MODEL)[-1:], site.versions("kite")
    there.touch()
    again = ui.run_again(site.runs(commit)[0].run_id)
    assert FIT not in site.succeeded(again)
    assert (site.champion(MODEL), site.champion("kite")) == (made, kites[-1] + 1)
    site.says(f"Commit {commit[:12]} is what runs.")
    served = (site.versions(MODEL), site.versions("kite"), site.audit(commit))
    whole = ui.launch("release", commit, {})
    assert FIT in site.succeeded(whole)
    assert (site.versions(MODEL), site.versions("kite"), site.audit(commit)) == served
    world.serving = commit


def test_rollbacks_by_command_and_by_rewinding(world: World):
    site = world.site
    good, of_good = world.serving, site.champion(MODEL)
    bad = world.people.commit(model_files(strength=21), "not so good, as customers will find")
    site.released(bad)
    of_bad, versions = site.champion(MODEL), site.versions(MODEL)
    assert of_bad != of_good

    site.command("rollback", "--reason", "customers complain")
    assert site.champion(MODEL) == of_good
    site.says(f"Commit {bad[:12]} is in quarantine: customers complain")

    site.command("lift", bad, "--reason", "they were wrong")
    site.says(f"Commit {bad[:12]} is what runs.")
    assert site.champion(MODEL) == of_bad

    world.people.back_to(good)
    site.says(f"Commit {good[:12]} is what runs.")
    assert site.champion(MODEL) == of_good
    assert site.versions(MODEL) == versions, "nothing was trained"
    world.serving = good


def test_gold_that_has_grown_is_trained_on_once_more(world: World):
    site = world.site
    before, commit = site.champion(MODEL), world.serving
    development = settings_from({"PIPELINES_HOME": str(site.settings.home)})
    upload_sessions(development, count=2, first_seed=40)
    finish(start_job(development, "ingest"))
    site.command("check")
    again = site.wait(
        "a run for grown gold", lambda: next((run for run in site.runs(commit) if ANEW in run.tags), None)
    )
    assert again.tags["pipelines/growth"] == "2 sessions then, 4 now"
    site.released(commit)
    assert site.champion(MODEL) == site.versions(MODEL)[-1] != before, "by the same gates, and by the same code"
    site.command("check")
    site.says(f"Commit {commit[:12]} is what runs.")
    assert len([run for run in site.runs(commit) if ANEW in run.tags]) == 1


def test_a_version_of_an_old_commit_and_of_old_gold_is_made_again(world: World):
    site, versions = world.site, world.site.versions(MODEL)
    told = site.command("reproduce", f"{MODEL}@1")
    assert f"{MODEL} version 1 was made again, and is equal:" in told
    assert site.versions(MODEL) == versions


def test_two_pushes_while_nobody_looks_release_the_newest(world: World):
    site = world.site
    site.processes.kill_daemon()
    passed = world.people.commit(model_files(strength=30), "passed over")
    newest = world.people.commit(model_files(strength=31), "the newest")
    site.processes.start_daemon()
    site.released(newest)
    site.says(f"Commit {newest[:12]} is what runs.")
    assert site.runs(passed) == []
    assert site.audit(passed) == []
    world.serving = newest


def test_history_that_is_rewritten_is_not_released(world: World):
    site, before = world.site, world.site.champion(MODEL)
    world.people.back_to(world.serving + "~1")
    rewritten = world.people.commit(model_files(strength=32), "instead of what serves")
    told = site.says(f"History was rewritten: the branch is at {rewritten[:12]}")
    assert rewritten in told, "whoever accepts it needs the whole commit"
    assert site.runs(rewritten) == []
    assert site.champion(MODEL) == before
    world.people.back_to(world.serving)
    site.says(f"Commit {world.serving[:12]} is what runs.")
