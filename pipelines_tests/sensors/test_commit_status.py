"""What GitHub is told of a commit, from the push to the run's end, and that it never stands in the way."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from pipelines.assets.releases import CHAMPIONS
from pipelines.environments import settings_from
from pipelines.jobs.production import approve, release
from pipelines.releases.run_tags import ANEW, COMMIT, OUTCOME, OWN, SUPERSEDED_BY
from pipelines.sensors.commit_status import commit_status_sensors, runs_link, status_target
from pipelines.sensors.release_branch import release_branch_sensor
from pipelines.settings import Settings
from pipelines_tests.releases.git.hub import Hub
from pipelines_tests.releases.git.origin import Origin
from pipelines_tests.sensors.made_model import model_files

COMMIT_1, COMMIT_2 = "a" * 40, "b" * 40
VARIABLE = "PIPELINES_TEST_STATUS_TOKEN"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv(VARIABLE, "s3cret-t0ken")
    made = Hub()
    yield made
    made.close()


@pytest.fixture
def settings(tmp_path: Path, hub: Hub) -> Settings:
    """Production's, whose commits are told of at the hub."""
    plain = settings_from({"PIPELINES_HOME": str(tmp_path / "home")}, "production")
    git = replace(plain.git, status_repository="flight/models", status_token_variable=VARIABLE, status_api=hub.url)
    return replace(plain, git=git, dagster_url="https://dagster.example.org/")


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


def ended(
    settings: Settings,
    instance: dg.DagsterInstance,
    *,
    metadata: dict[str, str] | None = None,
    failure: dg.Failure | Exception | None = None,
    tags: dict[str, str] | None = None,
) -> dg.DagsterRun:
    """A run of a job named `release` of one step that ends so, and what the sensor of its end does about it."""

    @dg.op
    def step(context: dg.OpExecutionContext) -> None:
        if failure is not None:
            raise failure
        context.log_event(dg.AssetMaterialization(CHAMPIONS, metadata=metadata or {}))

    @dg.job(name=release.name)
    def job() -> None:
        step()

    run_tags = {"dagster/partition": COMMIT_1} if tags is None else tags
    done = job.execute_in_process(instance=instance, raise_on_error=False, tags=run_tags)
    evaluate(settings, instance, done.dagster_run)
    return done.dagster_run


def evaluate(settings: Settings, instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    name, kind = {
        "SUCCESS": ("success", dg.DagsterEventType.RUN_SUCCESS),
        "FAILURE": ("failure", dg.DagsterEventType.RUN_FAILURE),
        "CANCELED": ("cancel", dg.DagsterEventType.RUN_CANCELED),
    }[found.status.value]
    [sensor] = [
        one for one in commit_status_sensors(settings, [release, approve]) if one.name == f"commit_status_{name}"
    ]
    [entry] = instance.all_logs(run.run_id, of_type=kind)
    event = entry.dagster_event
    assert event is not None
    context = dg.build_run_status_sensor_context(sensor.name, event, instance, found)
    sensor(context)  # type: ignore[operator]


def told(hub: Hub) -> list[tuple[str, str, str]]:
    """State, description and path of every status."""
    return [(one["state"], one["description"], one["path"]) for one in hub.requests]


def test_a_release_that_ended_well(settings: Settings, instance: dg.DagsterInstance, hub: Hub):
    run = ended(settings, instance, metadata={"outcome": "promoted", "why": "every gate passed."})
    assert told(hub) == [("success", "every gate passed.", f"/repos/flight/models/statuses/{COMMIT_1}")]
    assert hub.requests[0]["target_url"] == f"https://dagster.example.org/runs/{run.run_id}"
    assert hub.requests[0]["context"] == "release/production"
    assert hub.requests[0]["token"] == "Bearer s3cret-t0ken"


def test_a_release_that_waits_for_a_person_goes_on(settings: Settings, instance: dg.DagsterInstance, hub: Hub):
    ended(settings, instance, metadata={"outcome": "awaits_approval", "why": "x awaits a person."})
    assert [state for state, *_ in told(hub)] == ["pending"]


@pytest.mark.parametrize("serves", [COMMIT_1, COMMIT_2], ids=["nothing is missing", "others have to approve, too"])
def test_a_release_that_a_person_approved(settings: Settings, instance: dg.DagsterInstance, hub: Hub, serves: str):
    @dg.op(config_schema={"release": str})
    def make_approve(context) -> None:
        why = "glider approved by Ana; promoted: every gate passed."
        made = dg.AssetMaterialization(CHAMPIONS, partition=serves, metadata={"outcome": "approve", "why": why})
        context.log_event(made)

    @dg.job
    def approve() -> None:
        make_approve()

    config = {"ops": {"make_approve": {"config": {"release": COMMIT_1[:9]}}}}
    evaluate(settings, instance, approve.execute_in_process(config, instance=instance).dagster_run)
    approved = [("success", "glider approved by Ana; promoted: every gate passed.")]
    assert [(state, words) for state, words, _ in told(hub)] == (approved if serves == COMMIT_1 else [])


@pytest.mark.parametrize(
    ("failure", "state", "words"),
    [
        (dg.Failure("rmse is 3, allowed is 2.", metadata={OUTCOME: "gate"}), "failure", "Stopped by a gate: rmse is 3"),
        (dg.Failure("model.py, line 3: oh.", metadata={OUTCOME: "refused"}), "failure", "Refused: model.py, line 3"),
        (dg.Failure("by nobody.", metadata={OUTCOME: "gold"}), "error", "Gold cannot be trained on: by nobody."),
        (ConnectionError("no route"), "error", "Failed, and is tried again by itself where that may help: step: no r"),
    ],
    ids=["gate", "commit", "gold", "machinery"],
)
def test_a_release_that_ended_badly(
    failure: Exception, state: str, words: str, settings: Settings, instance: dg.DagsterInstance, hub: Hub
):
    ended(settings, instance, failure=failure)
    [(posted, description, _)] = told(hub)
    assert posted == state
    assert description.startswith(words)


def test_the_release_that_serves_stays_well_when_new_versions_of_it_are_stopped(
    settings: Settings, instance: dg.DagsterInstance, hub: Hub
):
    gate = dg.Failure("rmse is 3.", metadata={OUTCOME: "gate"})
    ended(settings, instance, failure=gate, tags={"dagster/partition": COMMIT_1, ANEW: "7"})
    assert [(state, words) for state, words, _ in told(hub)] == [
        ("success", "Serves as before. Trained anew on more data: Stopped by a gate: rmse is 3.")
    ]


def test_a_release_that_a_newer_one_superseded(settings: Settings, instance: dg.DagsterInstance, hub: Hub):
    tags = {"dagster/partition": COMMIT_1}
    run = instance.create_run_for_job(_empty_job(), tags=tags, status=dg.DagsterRunStatus.STARTED)
    instance.add_run_tags(run.run_id, {SUPERSEDED_BY: COMMIT_2, OWN: run.run_id})
    instance.report_run_canceled(run)
    evaluate(settings, instance, run)
    assert [(state, words) for state, words, _ in told(hub)] == [
        ("error", f"Superseded: superseded by {COMMIT_2[:12]}.")
    ]


def test_runs_of_no_commit_are_nobodys_business(settings: Settings, instance: dg.DagsterInstance, hub: Hub):
    ended(settings, instance, metadata={"outcome": "promoted", "why": "x"}, tags={})
    assert hub.requests == []


def test_a_hub_that_refuses_fails_nothing(settings: Settings, instance: dg.DagsterInstance, hub: Hub):
    hub.status = 401
    ended(settings, instance, metadata={"outcome": "promoted", "why": "x"})
    hub.close()
    ended(settings, instance, metadata={"outcome": "promoted", "why": "x"})
    assert len(hub.requests) == 1


def test_without_settings_or_token_nothing_is_posted(settings: Settings, hub: Hub, monkeypatch: pytest.MonkeyPatch):
    assert status_target(settings) is not None
    silent = replace(settings, git=replace(settings.git, status_token_variable=None))
    assert (status_target(silent), commit_status_sensors(silent, [release, approve])) == (None, [])
    of_a_folder = replace(settings, git=replace(settings.git, status_repository=None))
    assert status_target(of_a_folder) is None
    by_address = replace(of_a_folder.git, url="https://github.com/flight/other.git")
    derived = status_target(replace(settings, git=by_address))
    assert derived is not None
    assert derived.repository == "flight/other"
    assert status_target(replace(silent, git=replace(by_address, status_token_variable=None))) is None
    monkeypatch.delenv(VARIABLE)
    assert status_target(settings) is None
    assert hub.requests == []


def test_a_push_is_told_when_it_is_asked_for_and_when_it_is_refused(
    settings: Settings, instance: dg.DagsterInstance, hub: Hub, tmp_path: Path
):
    origin = Origin(tmp_path)
    head = origin.commit({**model_files("glider"), "pipelines/models/glider/look.ipynb": "{}"}, "with a notebook")
    settings = replace(settings, git=replace(settings.git, url=str(origin.bare)))
    sensor = release_branch_sensor(settings, _empty_job("rollback"), _graph(origin))
    cursor = None
    for _ in range(2):
        context = dg.build_sensor_context(instance, cursor)
        assert isinstance(sensor(context), dg.SensorResult)
        cursor = context.cursor
    [(state, description, path)] = told(hub)
    assert (state, path) == ("failure", f"/repos/flight/models/statuses/{head}")
    assert "look.ipynb" in description
    origin.git("rm", "-q", "pipelines/models/glider/look.ipynb")
    mended = origin.commit({"README.md": "no notebook"}, "mended")
    found = sensor(dg.build_sensor_context(instance, cursor))
    assert isinstance(found, dg.SensorResult)
    assert [request.tags[COMMIT] for request in found.run_requests or ()] == [mended]
    assert told(hub)[1] == ("pending", "Attempt 1: glider.", f"/repos/flight/models/statuses/{mended}")
    assert hub.requests[1]["target_url"] == runs_link(settings, mended)
    assert hub.requests[1]["target_url"].startswith("https://dagster.example.org/runs?q")
    broken = origin.commit({"pipelines/models/glider/model.yaml": "name: [glider\n"}, "no manifest any more")
    for _ in range(2):
        context = dg.build_sensor_context(instance, cursor)
        sensor(context)
        cursor = context.cursor
    [(state, description, path)] = told(hub)[2:]
    assert (state, path) == ("failure", f"/repos/flight/models/statuses/{broken}")
    assert "model.yaml: not readable as YAML" in description


def _graph(origin: Origin) -> dict[str, str]:
    from pipelines.releases.release_graph import graph_of

    return graph_of(origin.work / "pipelines" / "models")


def _empty_job(name: str = release.name) -> dg.JobDefinition:
    @dg.op
    def nothing() -> None: ...

    @dg.job(name=name)
    def job() -> None:
        nothing()

    return job
