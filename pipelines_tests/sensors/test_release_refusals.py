"""The sensor of `release` where something is wrong: with the remote, with the commit, or with an attempt."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import dagster as dg
import pytest

from pipelines.releases.git.retry import RetryPolicy
from pipelines.releases.run_tags import ATTEMPT, COMMIT, OUTCOME, OWN, SUPERSEDED_BY
from pipelines.sensors.branch_record import accept_head
from pipelines_tests.releases.git.http_remote import HttpRemote
from pipelines_tests.releases.git.origin import Origin
from pipelines_tests.sensors.branch_stage import Stage, WebServer
from pipelines_tests.sensors.conftest import Clock
from pipelines_tests.sensors.made_model import model_files


def infrastructure(_: dg.OpExecutionContext) -> None:
    raise ConnectionError("the workspace does not answer")


def gate(_: dg.OpExecutionContext) -> None:
    raise dg.Failure(
        "glider: known_accuracy is 0.41, asked for is at least 0.5.", metadata={OUTCOME: "gate"}, allow_retries=False
    )


def refused(_: dg.OpExecutionContext) -> None:
    raise dg.Failure(
        "pipelines/models/glider/model.py, line 3: ZeroDivisionError: division by zero",
        metadata={OUTCOME: "refused"},
        allow_retries=False,
    )


# The remote


def test_a_remote_that_is_down_leaves_all_as_it_is_and_is_asked_again_later(
    stage: Stage, origin: Origin, clock: Clock, tmp_path: Path
):
    stage.released(stage.asked())
    stage.words()
    away = origin.bare.rename(tmp_path / "away.git")
    assert str(origin.bare) in stage.words()
    away.rename(origin.bare)
    head = origin.commit()
    clock.pass_by(3600)
    assert stage.asked().partition_key == head


def test_a_remote_that_hangs_ends_the_tick_in_time_with_the_reason(
    stage: Stage, origin: Origin, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pipelines.releases.git.watch.LOOK_SECONDS", 1.5)
    served = HttpRemote(origin.bare.parent)
    try:
        url = f"{served.url}/origin.git"
        monkeypatch.setenv("PIPELINES_GIT", url)
        stage.reload()
        stage.released(stage.asked())
        stage.words()
        served.hang_at = "info/refs"
        began = time.monotonic()
        told = stage.words()
        assert time.monotonic() - began < 20  # 10 s of them for the sensor's own work on a busy machine
        assert "did not answer within 1.5 s" in told
        asked = len(served.requests)
        assert stage.words() == told, "the reason is told until it is time to ask again"
        assert len(served.requests) == asked
        served.release()
        served.hang_at = None
        clock.pass_by(600)
        assert stage.words() == f"Commit {origin.head()[:12]} is what runs."
    finally:
        served.close()


def test_a_deleted_branch_changes_nothing(stage: Stage, origin: Origin):
    request = stage.asked()
    running = stage.start(request, dg.DagsterRunStatus.QUEUED)
    origin.delete()
    assert "has no branch 'release'" in stage.words()
    assert stage.run(running).status == dg.DagsterRunStatus.QUEUED
    origin.push()
    assert "is being released" in stage.words()


# The commit


def test_a_rewritten_history_is_refused_until_its_head_is_accepted(stage: Stage, origin: Origin):
    first = origin.head()
    stage.released(stage.asked())
    stage.released(_next(stage, origin))
    origin.back_to(first)
    rewritten = origin.commit()
    told = stage.words()
    assert told.startswith(f"History was rewritten: the branch is at {rewritten[:12]}")
    assert rewritten in told, "whoever accepts it needs the whole commit"
    accept_head(stage.instance, rewritten)
    assert stage.asked().partition_key == rewritten


def _next(stage: Stage, origin: Origin) -> dg.RunRequest:
    origin.commit()
    return stage.asked()


def _submodule(origin: Origin) -> str:
    origin.git("update-index", "--add", "--cacheinfo", f"160000,{origin.head()},vendored")
    origin.git("commit", "-q", "--no-gpg-sign", "-m", "a submodule")
    origin.push()
    return origin.head()


def _no_models(origin: Origin) -> str:
    origin.git("rm", "-r", "-q", "pipelines/models")
    return origin.commit()


@pytest.mark.parametrize(
    ("push", "words"),
    [
        (_submodule, "has submodules, whose code the commit does not hold: vendored."),
        (_no_models, "has no model: no file matches pipelines/models/*/model.yaml."),
        (
            lambda origin: origin.commit({"pipelines/models/glider/ideas.ipynb": "{}"}),
            "has notebooks below pipelines/, and production carries none: pipelines/models/glider/ideas.ipynb.",
        ),
        (
            lambda origin: origin.commit(model_files("glider", thresholds={"known_acuracy": {"minimum": 0.5}})),
            "key `(whole file)`: primary_metric 'known_accuracy' has no entry in thresholds: add its bound there.",
        ),
        (
            lambda origin: origin.commit({"pipelines/models/glider/model.yaml": "name: [glider\n"}),
            "pipelines/models/glider/model.yaml: not readable as YAML",
        ),
        (
            lambda origin: origin.commit({"pipelines/models/kite/model.yaml": model_yaml("kite")}),
            "pipelines/models/kite/model.py: missing.",
        ),
    ],
    ids=["submodule", "no models", "notebook", "key missing", "no YAML", "no code"],
)
def test_a_commit_that_cannot_be_used_is_refused_in_words_and_ends_nothing(
    stage: Stage, origin: Origin, dagster_server: WebServer, push: Callable[[Origin], str], words: str
):
    running = stage.start(stage.asked(), dg.DagsterRunStatus.QUEUED)
    good, bad = origin.head(), push(origin)
    told = stage.words()
    assert words in told
    assert bad[:12] in told
    assert str(stage.settings.home) not in told, "a data scientist has no such folder"
    assert stage.words() == told
    assert stage.run(running).status == dg.DagsterRunStatus.QUEUED, "what was good goes on"
    assert stage.partitions() == {good}
    assert dagster_server.asked == []


def test_a_commit_that_is_refused_for_its_manifest_is_not_fetched_again(
    stage: Stage, origin: Origin, monkeypatch: pytest.MonkeyPatch
):
    served = HttpRemote(origin.bare.parent)
    try:
        monkeypatch.setenv("PIPELINES_GIT", f"{served.url}/origin.git")
        stage.reload()
        stage.released(stage.asked())
        origin.commit({"pipelines/models/glider/model.yaml": "name: [glider\n"})
        before = len(served.requests)
        told = stage.words()
        fetched = len(served.requests) - before
        assert stage.words() == told
        looked = len(served.requests) - before - fetched
        assert 0 < looked < fetched, "a look at the branch and no more"
    finally:
        served.close()


def model_yaml(name: str) -> str:
    return model_files(name)[f"pipelines/models/{name}/model.yaml"]


# An attempt


def test_what_the_infrastructure_spoils_is_tried_again_later_and_not_forever(
    stage: Stage, origin: Origin, clock: Clock
):
    policy, head = RetryPolicy(), origin.head()
    keys = []
    for number in range(1, policy.most_attempts + 1):
        request = stage.asked()
        assert request.tags[ATTEMPT] == str(number)
        keys.append(request.run_key)
        clock.ahead = 0.0
        stage.fails(request, infrastructure)
        told = stage.words()
        assert "the workspace does not answer" in told
        if number < policy.most_attempts:
            assert f"Attempt {number + 1} follows by itself." in told
            delay = policy.delay_seconds(head, number)
            clock.pass_by(delay - 25)
            stage.words()
            clock.pass_by(50)
    assert keys == [f"{head}_{number}" for number in (1, 2, 3, 4)]
    clock.pass_by(7 * 86_400)
    assert "it was the last of 4" in stage.words()
    assert _next(stage, origin).tags[ATTEMPT] == "1"


def test_a_run_whose_process_died_is_retried_by_dagster_first_and_then_as_another_attempt(
    stage: Stage, origin: Origin, clock: Clock
):
    request = stage.asked()
    first = last = stage.start(request)
    for _ in range(2):
        stage.died(last)
        clock.pass_by(3600)
        assert stage.words() == f"Commit {origin.head()[:12]} is being released, attempt 1."
        retry = stage.start(replace_tags(request, stage.run(last).tags), again=(first, last))
        stage.instance.add_run_tags(last, {"dagster/auto_retry_run_id": retry})
        last = retry
    clock.ahead = 0.0
    stage.died(last)
    assert "Attempt 2 follows by itself." in stage.words()
    clock.pass_by(120)
    assert stage.asked().tags[ATTEMPT] == "2"


@pytest.mark.parametrize(
    ("fail", "words"),
    [
        (gate, "was stopped by a gate: glider: known_accuracy is 0.41, asked for is at least 0.5."),
        (refused, "cannot be used: pipelines/models/glider/model.py, line 3: ZeroDivisionError: division by zero"),
    ],
    ids=["gate", "refused"],
)
def test_what_is_wrong_with_the_commit_is_not_tried_again(
    stage: Stage, origin: Origin, clock: Clock, fail: Callable[[dg.OpExecutionContext], None], words: str
):
    stage.fails(stage.asked(), fail)
    assert words in stage.words()
    clock.pass_by(7 * 86_400)
    stage.cursor = None
    assert words in stage.words()
    assert _next(stage, origin).tags[ATTEMPT] == "1"


def test_a_person_may_ask_for_another_attempt(stage: Stage, origin: Origin):
    from pipelines.cli.release import _asked_before

    stage.fails(stage.asked(), gate)
    commit, tags = _asked_before(stage.instance, origin.head()[:8])
    assert (commit, tags[ATTEMPT], tags[COMMIT]) == (origin.head(), "2", origin.head())
    again = dg.RunRequest(run_key=None, job_name="release", partition_key=commit, tags=tags)
    running = stage.start(again)
    assert stage.words() == f"Commit {commit[:12]} is being released, attempt 2."
    stage.cancelled(running)
    assert "Attempt 2" in stage.words()
    assert "was stopped by a person" in stage.words()
    stage.released(again)
    assert stage.words() == f"Commit {commit[:12]} is what runs."


def test_a_run_that_is_run_again_is_judged_by_its_own_end(stage: Stage):
    # Dagster gives the tags of a run to whatever runs it again, also those that tell how it ended.
    request = stage.asked()
    first = stage.fails(request, infrastructure)
    assert "follows by itself" in stage.words()
    inherited = stage.run(first).tags
    assert inherited[OWN] == first
    stage.fails(replace_tags(request, inherited), gate)
    assert "was stopped by a gate" in stage.words()


def test_a_superseded_run_that_is_run_again_is_judged_by_its_own_end(stage: Stage, origin: Origin):
    request = stage.asked()
    first = stage.start(request, dg.DagsterRunStatus.QUEUED)
    older, newer = origin.head(), origin.commit()
    stage.start(stage.asked(), dg.DagsterRunStatus.QUEUED)
    assert stage.run(first).tags[SUPERSEDED_BY] == newer
    stage.fails(replace_tags(request, stage.run(first).tags), refused)
    origin.back_to(older)
    accept_head(stage.instance, older)
    assert "cannot be used" in stage.words()


def replace_tags(request: dg.RunRequest, tags: Mapping[str, str]) -> dg.RunRequest:
    """The request as it is of a run that Dagster runs again."""
    given = {name: value for name, value in tags.items() if name not in ("dagster/will_retry", "dagster/partition")}
    return dg.RunRequest(request.run_key, job_name=request.job_name, partition_key=request.partition_key, tags=given)
