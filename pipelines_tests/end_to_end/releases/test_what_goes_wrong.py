"""What stands in a release's way, with the real daemon, web server and workspace: what serves goes on serving.

The tests are the life of one production site, in this order: after the last one its gold is not to be trained on.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest
from dagster import DagsterRunStatus

from pipelines.releases.git.watch import LOOK_SECONDS
from pipelines.releases.run_tags import ATTEMPT
from pipelines_tests.end_to_end import renamed_sensor
from pipelines_tests.end_to_end.releases.conftest import World
from pipelines_tests.end_to_end.site_faults import (
    CLUSTER_LOST,
    hanging_remote,
    let_time_pass,
    lost_clusters,
    restored_gold,
)
from pipelines_tests.end_to_end.tiny_repository import MODEL, WAITS, model_files

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

FIT = "prod__models__tiny"
MANIFEST = f"pipelines/models/{MODEL}/model.yaml"
PROMOTED = [("requested", MODEL), ("promoted", MODEL)]


@pytest.fixture(autouse=True)
def _something_serves(world: World) -> None:
    if not world.serving:
        world.release(model_files(), "what serves")


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


def manifest_with(old: str, new: str) -> dict[str, str]:
    files = model_files(strength=50)
    assert old in files[MANIFEST]
    return {**files, MANIFEST: files[MANIFEST].replace(old, new)}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            manifest_with("  known_accuracy:", "  known_acuracy:"),
            f"{MANIFEST}: key `(whole file)`: primary_metric 'known_accuracy' has no entry in thresholds: add its",
        ),
        (
            # The graph is built from manifests: one that gives none would take the sensor away with the location.
            manifest_with("owner: flight-data-science", "owner: '@ana'"),
            f"{MANIFEST}: key `owner`: '@ana' is neither a team nor an e-mail address",
        ),
    ],
    ids=["misspelt", "gives no graph"],
)
def test_a_manifest_that_is_wrong_is_refused_before_anything_runs(world: World, files: dict[str, str], words: str):
    site, before = world.site, world.site.champion(MODEL)
    runs = site.instance.get_runs_count()
    commit = world.people.commit(files, "a slip of the pen")
    told = site.says(words)
    assert f"Commit {commit[:12]} cannot be released" in told
    assert "Push a newer commit that mends it." in told
    assert str(site.settings.home) not in told, "a data scientist has no such folder"
    site.looks_again()
    assert site.says(words).endswith(told.partition(": ")[2]), "and so it stays"
    assert site.instance.get_runs_count() == runs
    assert commit not in site.partitions()
    assert site.champion(MODEL) == before
    world.people.git("revert", "--no-edit", "HEAD")


def test_what_a_gate_has_stopped_is_tried_again_by_a_person_alone(world: World):
    site, before, made = world.site, world.site.champion(MODEL), world.site.versions(MODEL)
    commit = world.people.commit(model_files(strength=60, minimum=1.5), "more than there can be")
    site.ended(commit)
    told = site.says("was stopped by a gate")
    assert f"{MODEL}, meets_thresholds: known_accuracy is " in told
    assert " below the minimum 1.5." in told
    site.looks_again(2)
    assert [run.tags[ATTEMPT] for run in site.runs(commit)] == ["1"]
    assert "known_accuracy" in site.command("retry", commit, code=1)
    site.says(f"Attempt 2 to release {commit[:12]} was stopped by a gate")
    site.looks_again(2)
    assert [run.tags[ATTEMPT] for run in site.runs(commit)] == ["2", "1"]
    assert site.versions(MODEL) == [*made, len(made) + 1], "the same version was judged again"
    assert site.champion(MODEL) == before
    assert ("promoted", MODEL) not in site.audit(commit)
    world.people.git("revert", "--no-edit", "HEAD")


def test_what_the_workspace_loses_is_tried_again_after_a_while_and_not_for_ever(world: World):
    site, before, made = world.site, world.site.champion(MODEL), world.site.versions(MODEL)
    with lost_clusters(site.settings):
        commit = world.people.commit(model_files(strength=70), "while clusters are taken away")
        for attempt in (1, 2, 3):
            run = site.ended(commit, attempt)
            told = site.says(f"Attempt {attempt + 1} follows by itself.")
            assert f"Attempt {attempt} to release {commit[:12]} failed for a reason that may pass" in told
            assert CLUSTER_LOST in told
            if attempt == 1:
                site.looks_again(2)
                assert len(site.runs(commit)) == 1, "not at once"
            let_time_pass(site.instance, run, 3600)
        site.ended(commit, 4)
        told = site.says("it was the last of 4")
        assert "Mend the cause, then ask for another attempt." in told
        site.looks_again(2)
        assert [run.tags[ATTEMPT] for run in site.runs(commit)] == ["4", "3", "2", "1"]
    assert site.champion(MODEL) == before
    site.command("retry", commit)
    assert site.versions(MODEL) == [*made, len(made) + 1]
    assert site.champion(MODEL) == len(made) + 1
    site.says(f"Commit {commit[:12]} is what runs.")
    world.serving = commit


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
    assert [row for row in site.audit(commit) if row[1] == MODEL] == PROMOTED
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
    assert [row for row in site.audit(commit) if row[1] == MODEL] == PROMOTED
    assert site.champion(MODEL) == before, "the record is ahead of the registry"
    site.command("recover")
    assert site.champion(MODEL) == site.versions(MODEL)[-1]
    site.says(f"Commit {commit[:12]} is what runs.")
    assert [row for row in site.audit(commit) if row[1] == MODEL] == PROMOTED
    world.serving = commit
    world.people.git("revert", "--no-edit", "HEAD")


def test_a_remote_that_is_away_or_hangs_and_a_cursor_that_is_lost_release_nothing_again(world: World):
    site, runs = world.site, world.site.instance.get_runs_count()
    away = world.people.bare.rename(world.people.bare.with_name("away.git"))
    assert str(world.people.bare) in site.says("does not appear to be a git repository")
    away.rename(world.people.bare)
    site.says(f"Commit {world.serving[:12]} is what runs.")
    with hanging_remote(world.people.bare):
        site.says(f"did not answer within {LOOK_SECONDS:.0f} s")
        assert site.cursor("release_branch")["head"] == world.serving
        [hung, *_] = [tick for tick in site.ticks("release_branch") if "did not answer" in (tick.skip_reason or "")][
            ::-1
        ]
        assert hung.end_timestamp is not None
        assert hung.end_timestamp - hung.timestamp < 30, "Dagster ends a tick after 60 s"
    site.processes.kill_daemon()
    site.forget_cursor("release_branch")
    site.processes.start_daemon()
    site.says(f"Commit {world.serving[:12]} is what runs.")
    site.looks_again()
    assert site.instance.get_runs_count() == runs


def test_a_sensor_and_a_location_that_are_renamed_release_nothing_again(world: World):
    site, runs = world.site, world.site.instance.get_runs_count()
    site.restart("production", renamed_sensor.__name__, renamed_sensor.SENSOR)
    site.looks_again()
    site.says(f"Commit {world.serving[:12]} is what runs.")
    site.restart("customers")
    site.looks_again()
    site.says(f"Commit {world.serving[:12]} is what runs.")
    assert site.instance.get_runs_count() == runs
    # Whose graph changes has its location loaded anew, which is to be asked for by the name that it has now.
    before = site.champion(MODEL)
    world.release(model_files(strength=80, minutes=11), "by another name")
    assert site.champion(MODEL) == site.versions(MODEL)[-1] != before


def test_gold_that_was_restored_names_who_was_trained_on_it_and_trains_nobody(world: World):
    site, champion = world.site, world.site.champion(MODEL)
    newest, now = restored_gold(site.settings, "sessions")
    told = site.command("check", code=1)
    assert (
        f"{MODEL}: version {champion}, its champion, was trained on data that gold does not hold any more: "
        f"main.gold.sessions version {newest} (now {now})"
    ) in told
    commit = world.people.commit(model_files(strength=90), "on gold that somebody restored")
    site.ended(commit)
    told = site.says(f"main.gold.sessions version {now} by ")
    assert "RESTORE at" in told
    assert "Models may not be trained on it" in told
    assert f"Attempt 1 to release {commit[:12]} found gold that cannot be trained on" in told
    site.looks_again(2)
    assert len(site.runs(commit)) == 1
    assert site.audit(commit) == []
    assert site.champion(MODEL) == champion
