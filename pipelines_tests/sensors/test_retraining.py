"""The release that serves is trained once more when gold has grown, once for each version of gold that asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import dagster as dg
import pytest

from pipelines.assets.release_check import CHECK, GROWTH
from pipelines.assets.releases import CHAMPIONS
from pipelines.environments import settings_from
from pipelines.jobs.production import release
from pipelines.releases.release_graph import graph_of
from pipelines.releases.run_tags import ANEW, ATTEMPT, AUTHOR, COMMIT, HEAD, SIGNER
from pipelines.sensors.release_branch import release_branch_sensor
from pipelines.settings import Settings
from pipelines_tests.releases.git.origin import Origin
from pipelines_tests.sensors.made_model import model_files


@dataclass
class Branch:
    """The sensor of `release` over a real repository and Dagster instance, whose head is what serves."""

    origin: Origin
    settings: Settings
    instance: dg.DagsterInstance
    cursor: str | None = None

    def tick(self) -> dg.SensorResult:
        sensor = release_branch_sensor(
            self.settings, _empty_job("rollback"), graph_of(self.origin.work / "pipelines" / "models")
        )
        context = dg.build_sensor_context(self.instance, self.cursor)
        found = sensor(context)
        self.cursor = context.cursor
        assert isinstance(found, dg.SensorResult)
        return found

    def serves(self, commit: str, on_its_way: str | None = None) -> None:
        state: dict[str, object] = {"current": commit, "released": [commit], "quarantined": {}, "sequence": 1}
        state["status"] = {"on_its_way": on_its_way}
        made = dg.AssetMaterialization(CHAMPIONS, partition=commit, metadata={"state": state})
        self._said(made)

    def grew(self, commit: str, share: float, version: int = 7) -> None:
        found = {"release": commit, "gold_version": version, "sessions_now": 12, "sessions_then": 10, "share": share}
        checked = dg.AssetCheckEvaluation(
            asset_key=CHAMPIONS, check_name=CHECK, passed=True, metadata={GROWTH: dg.MetadataValue.json(found)}
        )
        self._said(checked)

    def _said(self, event: dg.AssetMaterialization | dg.AssetCheckEvaluation) -> None:
        """As it really comes about: by a run, which then ends."""
        self.instance.report_runless_asset_event(event)
        run = self.instance.create_run_for_job(_empty_job("check_releases"), status=dg.DagsterRunStatus.STARTED)
        end = dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, run.job_name)
        self.instance.report_dagster_event(end, run.run_id)

    def run(self, tags: Mapping[str, str], status: dg.DagsterRunStatus) -> dg.DagsterRun:
        return self.instance.create_run_for_job(_empty_job(), tags=dict(tags), status=status)


@pytest.fixture
def branch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Branch]:
    monkeypatch.setattr("pipelines.releases.git.watch.RECORD_SECONDS", 0)  # what changes is seen by the next tick
    origin = Origin(tmp_path)
    head = origin.commit(model_files("glider"), "the first model")
    plain = settings_from({"PIPELINES_HOME": str(tmp_path / "home"), "PIPELINES_GIT": str(origin.bare)}, "production")
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        made = Branch(origin, replace(plain, retrain_growth=0.1), instance)
        tags = {"dagster/partition": head, COMMIT: head, HEAD: head, ATTEMPT: "2", AUTHOR: "Ana", SIGNER: "key"}
        made.run(tags, dg.DagsterRunStatus.SUCCESS)
        made.serves(head)
        yield made


def test_it_is_asked_for_once_for_each_version_of_gold(branch: Branch):
    head = branch.origin.head()
    branch.grew(head, 0.2)
    for _ in range(2):  # asked for again until the run is there; the key is the same, so there is one run
        [request] = branch.tick().run_requests or []
        assert (request.run_key, request.job_name, request.partition_key) == (f"anew_{head}_7", release.name, head)
        assert {name: request.tags.get(name) for name in (COMMIT, HEAD, ATTEMPT, AUTHOR, SIGNER, ANEW)} == {
            COMMIT: head, HEAD: head, ATTEMPT: "2", AUTHOR: "Ana", SIGNER: "key", ANEW: "7",
        }  # fmt: skip
    assert request.tags["pipelines/growth"] == "10 sessions then, 12 now"
    asked = branch.run({**request.tags, "dagster/partition": head}, dg.DagsterRunStatus.STARTED)
    assert not branch.tick().run_requests
    branch.instance.report_run_failed(asked)
    assert not branch.tick().run_requests, "it was asked for; what failed is not asked for again"
    branch.grew(head, 0.2, version=8)
    [again] = branch.tick().run_requests or []
    assert again.run_key == f"anew_{head}_8"


def test_there_is_no_reason_to(branch: Branch):
    head = branch.origin.head()
    words = f"Commit {head[:12]} is what runs."
    assert branch.tick().skip_reason is not None, "nothing was checked yet"
    branch.grew(head, 0.09)
    assert str(branch.tick().skip_reason.skip_message) == words  # type: ignore[union-attr]
    branch.grew("d" * 40, 0.5)
    assert not branch.tick().run_requests, "the growth of another release"
    branch.grew(head, 0.5)
    branch.serves(head, on_its_way=head)
    assert not branch.tick().run_requests, "trained anew, it waits for a person already"
    branch.serves(head)
    assert branch.tick().run_requests
    branch.settings = replace(branch.settings, retrain_growth=0.0)
    assert not branch.tick().run_requests, "the settings say never"


def test_a_push_comes_first(branch: Branch):
    served = branch.origin.head()
    branch.grew(served, 0.5)
    pushed = branch.origin.commit({"README.md": "more"}, "a push")
    [request] = branch.tick().run_requests or []
    assert (request.partition_key, ANEW in request.tags) == (pushed, False)
    branch.run({**request.tags, "dagster/partition": pushed}, dg.DagsterRunStatus.STARTED)
    assert not branch.tick().run_requests, "one is under way"


def test_a_head_that_does_not_serve_is_not_trained_anew(branch: Branch):
    head = branch.origin.head()
    branch.grew(head, 0.5)
    state = {"current": "e" * 40, "released": ["e" * 40, head], "quarantined": {head: "bad"}, "sequence": 2}
    made = dg.AssetMaterialization(CHAMPIONS, partition="e" * 40, metadata={"state": state})
    branch.instance.report_runless_asset_event(made)
    found = branch.tick()
    assert not found.run_requests
    assert "quarantine" in str(found.skip_reason)


def _empty_job(name: str = release.name) -> dg.JobDefinition:
    @dg.op
    def nothing() -> None: ...

    @dg.job(name=name)
    def job() -> None:
        nothing()

    return job
