"""A model's step of a release where gold is not fit to train on: refused, until gold and the request are others."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from pipelines.assets.released_models import released_model_asset
from pipelines.engines.engine import Engine
from pipelines.models.manifest import load_manifests
from pipelines.partitions import RELEASES
from pipelines.releases.request import request_of
from pipelines.releases.run_tags import OUTCOME
from pipelines.releases.site import open_releases
from pipelines_tests.releases.registered import production
from pipelines_tests.releases.test_observe import SESSIONS, A, Site, add_sessions


def test_gold_that_lacks_a_table_refuses_the_release_until_it_is_asked_for_on_newer_gold(
    engine: Engine, tmp_path: Path
):
    settings = production(tmp_path / "home")
    site = Site(engine, settings, open_releases(engine, settings))
    site.request(A, add_sessions(engine, range(3)))
    made = released_model_asset(load_manifests()["maneuver_classifier"], settings)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(str(RELEASES.name), [A])
        resources = {"engine": engine, "settings": settings, "step_launcher": None}
        run = dg.materialize([made], partition_key=A, instance=instance, resources=resources, raise_on_error=False)
    [failed] = run.get_step_failure_events()
    said = failed.step_failure_data.user_failure_data
    assert said is not None
    assert "does not exist yet, so there is nothing to train on" in str(said.description)
    assert said.metadata[OUTCOME].value == "gold"
    assert site.record.on_its_way is None
    newer = add_sessions(engine, range(3, 5))
    site.request(A, newer)
    assert site.record.on_its_way == A
    assert request_of(site.record, A).gold_versions == {SESSIONS: newer}
