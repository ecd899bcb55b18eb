"""Steps on fresh compute that takes its time to start, as a user asks for it: each step waits for its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs

from pipelines.embedded import local_settings
from pipelines.environments import current_settings
from pipelines.local.overview import overview
from pipelines.remote import workspace_client
from pipelines.settings import Settings
from pipelines_tests.end_to_end.environment import environment_in, finish, start_dagster

pytestmark = pytest.mark.slow

DELAYS_S = {"job": 4.0, "pool": 3.0, "serverless": 3.5}
JOB, STEPS = "costs", 2
"""The project's cheapest job: it asks the workspace for its runs, and needs no gold."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """One environment whose compute has those delays, here and in the processes that are started."""
    home = tmp_path_factory.mktemp("delays") / "home"
    with pytest.MonkeyPatch.context() as patch, environment_in(home):
        patch.setenv("PIPELINES_HOME", str(home))
        patch.setenv("PIPELINES_START_DELAYS", ",".join(f"{kind}={seconds}" for kind, seconds in DELAYS_S.items()))
        yield current_settings()


def runs_in(client: WorkspaceClient) -> dict[int, jobs.Run]:
    numbers = [run.run_id or 0 for run in client.jobs.list_runs()]
    return {number: client.jobs.get_run(number) for number in numbers}


@pytest.mark.parametrize("kind", DELAYS_S)
def test_each_step_waits_for_compute_of_its_own(kind: str, settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PIPELINES_COMPUTE", kind)
    client = workspace_client(current_settings())
    before = runs_in(client)
    finish(start_dagster(settings, "job", "execute", "-j", JOB))
    runs = [run for number, run in runs_in(client).items() if number not in before]
    assert len(runs) == STEPS
    for run in runs:
        assert (run.setup_duration or 0) >= 1000 * DELAYS_S[kind], run.as_dict()
    instances = [run.tasks[0].cluster_instance for run in runs if run.tasks]
    clusters = [client.clusters.get(instance.cluster_id or "") for instance in instances if instance]
    assert len({cluster.cluster_id for cluster in clusters}) == (0 if kind == "serverless" else STEPS)
    assert all(cluster.cluster_source and cluster.cluster_source.value == "JOB" for cluster in clusters)
    assert all((cluster.instance_pool_id is not None) == (kind == "pool") for cluster in clusters)
    # What no step runs on is not kept warm.
    assert overview(local_settings(settings), "development").clusters == {}
