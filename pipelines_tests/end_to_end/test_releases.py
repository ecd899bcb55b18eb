"""Releases by `git push`, with the real daemon, web server and workspace, and what may happen to them on the way.

The tests are the life of one production site, in this order; each begins with a push and leaves the site in peace.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from dagster import DagsterRunStatus

from pipelines.environments import settings_from
from pipelines.releases.run_tags import ANEW, SUPERSEDED_BY
from pipelines_tests.end_to_end.environment import environment_in, finish, start_job, upload_sessions
from pipelines_tests.end_to_end.production_site import ProductionSite, production_site
from pipelines_tests.end_to_end.tiny_repository import MODEL, TinyRepository, model_files

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

FIT = "prod__models__tiny"
WAITS = "import time; time.sleep(300)"
PROMOTED = [("requested", MODEL), ("promoted", MODEL)]


@dataclass
class World:
    """The site, the people who push to it, and the commit that serves."""

    site: ProductionSite
    people: TinyRepository
    serving: str = ""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("releases")
    with environment_in(folder / "home") as settings:
        # These two fall into the parts that training and judging need; the part follows from the file's digest.
        upload_sessions(settings, count=2, first_seed=5)
        finish(start_job(settings, "ingest"))
        people = TinyRepository(folder / "people")
        with production_site(settings, people.bare) as site:
            yield World(site, people)


def test_a_push_becomes_one_run_and_a_champion(world: World):
    site = world.site
    # The site was loaded from this project's own models: the graph of the pushed commit's is loaded first.
    commit = world.people.commit({**model_files(), **model_files("kite")}, "the first models")
    run = site.released(commit)
    assert [one.run_id for one in site.runs(commit)] == [run.run_id]
    assert site.partitions() == {commit}
    assert site.audit(commit) == [(what, model) for what in ("requested", "promoted") for model in ("kite", MODEL)]
    assert [(site.versions(model), site.champion(model)) for model in (MODEL, "kite")] == [([1], 1), ([1], 1)]
    site.says(f"Commit {commit[:12]} is what runs.")
    world.serving = commit


def test_daemon_and_worker_killed_leave_one_release(world: World):
    site = world.site
    before = site.versions(MODEL)
    commit = world.people.commit(model_files(strength=2), "killed on its way")
    site.run(commit)
    site.kill_daemon()
    site.start_daemon()
    site.kill_worker(site.step_began(commit, FIT))
    site.released(commit)
    assert site.says(f"Commit {commit[:12]} is what runs.")
    made = before[-1] + 1
    assert (site.versions(MODEL), site.champion(MODEL)) == ([*before, made], made)
    assert site.audit(commit) == [(what, model) for what in ("requested", "promoted") for model in ("kite", MODEL)]
    attempts = [run.tags["pipelines/attempt"] for run in site.runs(commit)]
    assert set(attempts) == {"1"}, "Dagster's own retry, not another attempt"
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


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            {**model_files(strength=5), "pipelines/models/tiny/model.py": "import numpie\n"},
            "pipelines/models/tiny/model.py, line 1: the code of tiny cannot be imported (ModuleNotFoundError",
        ),
        (
            model_files(strength=6, spoil="estimator.coef_[:] = float('nan')"),
            "known_accuracy",
        ),
        (
            model_files(strength=7, spoil=WAITS, minutes=0.1),
            "took longer than its time limit",
        ),
        (
            {**model_files(strength=8), "pipelines/training/train.py": "import numpie\n"},
            "No module named 'numpie'",
        ),
    ],
    ids=["imports nothing that is there", "predicts NaN", "never ends", "breaks the training itself"],
)
def test_a_commit_that_does_not_work_is_refused_in_words(world: World, files: dict[str, str], words: str):
    site = world.site
    versions = site.champion(MODEL)
    commit = world.people.commit(files, "a mistake")
    run = site.ended(commit)
    assert run.status == DagsterRunStatus.FAILURE
    told = site.says("Push a newer commit that mends it")
    assert words in told
    assert commit[:12] in told
    assert site.champion(MODEL) == versions
    assert len(site.runs(commit)) == 1
    world.people.git("revert", "--no-edit", "HEAD")


def test_a_registry_that_is_locked_for_a_while_delays_the_release(world: World):
    site = world.site
    commit = world.people.commit(model_files(strength=9), "while the registry is busy")
    site.step_began(commit, FIT)
    database = site.settings.home / "mlflow" / "production" / "mlflow.db"
    connection = sqlite3.connect(database, timeout=60, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    time.sleep(4)
    connection.execute("ROLLBACK")
    connection.close()
    site.released(commit)
    assert site.audit(commit) == PROMOTED
    world.serving = commit


def test_what_died_between_the_record_and_the_alias_is_completed(world: World, tmp_path: Path):
    site = world.site
    before = site.champion(MODEL)
    moves = (world.people.work / "pipelines/releases/moves.py").read_text()
    line = "        moved = Record.of((*record.entries, *entries))\n"
    assert line in moves
    dies = "        if changes[0].transition == 'promoted':\n            __import__('os').abort()\n"
    commit = world.people.commit(
        {**model_files(strength=10), "pipelines/releases/moves.py": moves.replace(line, dies + line)}, "dies"
    )
    assert site.ended(commit).status == DagsterRunStatus.FAILURE
    assert site.audit(commit) == PROMOTED
    assert site.champion(MODEL) == before, "the record is ahead of the registry"
    site.command("recover")
    assert site.champion(MODEL) == site.versions(MODEL)[-1]
    site.says(f"Commit {commit[:12]} is what runs.")
    assert site.audit(commit) == PROMOTED
    world.people.git("revert", "--no-edit", "HEAD")


def test_rollbacks_by_command_and_by_rewinding(world: World):
    site = world.site
    good = world.people.commit(model_files(strength=20), "a good one")
    site.released(good)
    of_good = site.champion(MODEL)
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


def test_two_pushes_while_nobody_looks_release_the_newest(world: World):
    site = world.site
    site.kill_daemon()
    passed = world.people.commit(model_files(strength=30), "passed over")
    newest = world.people.commit(model_files(strength=31), "the newest")
    site.start_daemon()
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


def test_a_remote_that_is_away_and_a_cursor_that_is_lost_release_nothing_again(world: World):
    site, runs = world.site, world.site.instance.get_runs_count()
    away = world.people.bare.rename(world.people.bare.with_name("away.git"))
    assert str(world.people.bare) in site.says("does not appear to be a git repository")
    away.rename(world.people.bare)
    site.says(f"Commit {world.serving[:12]} is what runs.")
    site.kill_daemon()
    site.forget_cursor("release_branch")
    site.start_daemon()
    looked = site.looks("release_branch")
    site.wait("another look", lambda: True if site.looks("release_branch") > looked else None)
    site.says(f"Commit {world.serving[:12]} is what runs.")
    assert site.instance.get_runs_count() == runs
