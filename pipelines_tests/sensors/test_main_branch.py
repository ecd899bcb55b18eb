"""The sensor of `main`: what it asks development to train as the branch moves."""

from __future__ import annotations

import dagster as dg
import pytest

from pipelines.environments import settings_from
from pipelines.releases.run_tags import ATTEMPT, COMMIT
from pipelines.settings import Settings
from pipelines_tests.releases.git.origin import Origin
from pipelines_tests.sensors.branch_stage import Stage
from pipelines_tests.sensors.conftest import Clock
from pipelines_tests.sensors.made_model import model_files


@pytest.fixture
def development(
    settings: Settings, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, origin: Origin, clock: Clock
) -> Stage:
    """The development location; its branch `main` has one commit."""
    from pipelines.definitions import development as load

    monkeypatch.setenv("PIPELINES_HOME", str(settings.home))
    monkeypatch.setenv("PIPELINES_GIT", settings.git.url)
    found = settings_from({"PIPELINES_HOME": str(settings.home), "PIPELINES_GIT": settings.git.url})
    origin.commit(model_files("glider"), push=False)
    origin.push(branch="main")
    return Stage(found, instance, load, "main_branch")


def push(origin: Origin) -> str:
    head = origin.commit(push=False)
    origin.push(branch="main")
    return head


def nothing(_: dg.OpExecutionContext) -> None:
    """A training that succeeds."""


def breaks(_: dg.OpExecutionContext) -> None:
    raise ConnectionError("the workspace does not answer")


def test_what_is_pushed_is_trained_once(development: Stage, origin: Origin):
    request = development.asked()
    assert (request.job_name or "train", request.partition_key) == ("train", None)
    assert (request.run_key, request.tags[COMMIT]) == (f"{origin.head()}_1", origin.head())
    running = development.start(request, dg.DagsterRunStatus.QUEUED)
    assert "is being released" in development.words()
    newer = push(origin)
    request = development.asked()
    assert request.tags[COMMIT] == newer
    assert development.run(running).status == dg.DagsterRunStatus.CANCELED
    development.fails(request, nothing)
    development.cursor = None
    assert development.words() == f"Commit {newer[:12]} is what runs."


def test_rewritten_history_and_notebooks_are_a_data_scientists_right(development: Stage, origin: Origin):
    first = origin.head()
    development.fails(development.asked(), nothing)
    push(origin)
    development.fails(development.asked(), nothing)
    origin.git("reset", "-q", "--hard", first)
    rewritten = origin.commit({"pipelines/models/glider/ideas.ipynb": "{}"}, push=False)
    origin.push(branch="main")
    assert development.asked().tags[COMMIT] == rewritten


def test_a_rewind_trains_the_older_commit_again(development: Stage, origin: Origin, clock: Clock):
    first = origin.head()
    development.fails(development.asked(), nothing)
    push(origin)
    development.fails(development.asked(), nothing)
    origin.git("reset", "-q", "--hard", first)
    origin.push(branch="main")
    development.words()
    clock.pass_by(30)
    once = development.asked()
    assert once.tags[COMMIT] == first
    assert once.run_key == development.asked().run_key
    development.fails(once, nothing)
    assert development.words() == f"Commit {first[:12]} is what runs."


def test_a_failed_training_is_tried_again_later(development: Stage, clock: Clock):
    development.fails(development.asked(), breaks)
    assert "Attempt 2 follows by itself." in development.words()
    clock.pass_by(120)
    assert development.asked().tags[ATTEMPT] == "2"
