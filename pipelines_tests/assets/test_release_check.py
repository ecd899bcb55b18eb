"""The check of releases as Dagster runs it: its verdict, its words, and what it tells of gold's growth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from pipelines.assets.release_check import CHECK, champions_agree, last_growth
from pipelines.assets.releases import CHAMPIONS
from pipelines.engines.engine import Engine
from pipelines.releases.plan import PLAN_TAG
from pipelines.releases.site import open_releases
from pipelines.sensors.release_schedule import check_config
from pipelines.training.registry import connect, registered_name
from pipelines_tests.releases.registered import production
from pipelines_tests.releases.test_observe import MODEL, A, B, Site, add_sessions


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


def check(
    site: Site, instance: dg.DagsterInstance, head: str, models: list[str], problem: str = ""
) -> dg.AssetCheckEvaluation:
    """The check's evaluation, by a run of the job in this process."""
    definitions = dg.Definitions(
        assets=[dg.AssetSpec(CHAMPIONS)],
        asset_checks=[champions_agree],
        jobs=[dg.define_asset_job("check_releases", selection=dg.AssetSelection.checks(champions_agree))],
        resources={"engine": site.engine, "settings": site.settings, "step_launcher": None},
    )
    job = definitions.get_job_def("check_releases")
    config = check_config({"head": head, "models": models, "problem": problem})
    [found] = job.execute_in_process(run_config=config, instance=instance).get_asset_check_evaluations()
    assert (found.asset_key, found.check_name) == (CHAMPIONS, CHECK)
    return found


def test_the_verdict_follows_what_customers_may_notice(engine: Engine, tmp_path: Path, instance: dg.DagsterInstance):
    settings = production(tmp_path / "home")
    site = Site(engine, settings, open_releases(engine, settings))
    site.request(A, add_sessions(engine, range(10)))
    site.promote(A, 1)
    assert last_growth(instance) == {}
    agreed = check(site, instance, A, [MODEL])
    assert (agreed.passed, agreed.description) == (True, "All agree.")
    grown = add_sessions(engine, range(10, 14))
    pushed = check(site, instance, B, [MODEL])
    assert (pushed.passed, pushed.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert pushed.description == (
        f"the head of `release` is {B[:12]}, and release {A[:12]} serves: nobody has requested it."
    )
    growth = last_growth(instance)
    assert (growth["release"], growth["gold_version"], growth["share"]) == (A, grown, 0.4)
    unanswered = check(site, instance, "", [], "The remote does not answer.")
    assert (unanswered.passed, unanswered.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "The remote does not answer." in str(unanswered.description)
    client, name = connect(settings), registered_name(settings, MODEL)
    client.delete_registered_model_alias(name, "champion")
    completed = check(site, instance, A, [MODEL])
    assert (completed.passed, completed.metadata["completed"].value) == (True, MODEL)
    client.set_registered_model_tag(name, PLAN_TAG, '{"by": "hand"}')
    edited = check(site, instance, A, [MODEL, "tug"])
    assert (edited.passed, edited.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "tug: release aaaaaaaaaaaa has it, and no version of it serves." in str(edited.description)
    assert str(edited.description).startswith(f"{MODEL}: its tag is no plan")
