"""Clusters, pools and policies as clients ask for them, and how long fresh compute pretends to need."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, PermissionDenied, ResourceDoesNotExist
from databricks.sdk.service import compute, iam, jobs

from pipelines.local.lifecycle import down
from pipelines.local.settings import LocalSettings, StartDelays
from pipelines_tests.local.conftest import client, local_settings, put_code, run_code, wait_for

_VERSION = "16.4.x-scala2.12"


def test_cluster_is_found_and_described(development: WorkspaceClient, development_cluster: str) -> None:
    found = development.clusters.get(development_cluster)
    assert found.state == compute.State.RUNNING
    assert found.creator_user_name == development.current_user.me().user_name
    assert development_cluster in {entry.cluster_id for entry in development.clusters.list(page_size=1)}
    kinds = [event.type for event in development.clusters.events(development_cluster)]
    assert kinds[0] == compute.EventType.RUNNING
    assert development.clusters.select_spark_version(long_term_support=True)
    assert development.clusters.list_node_types().node_types
    with pytest.raises(ResourceDoesNotExist):
        development.clusters.get("0000-000000-nothing")
    with pytest.raises(BadRequest, match="unexpected state"):
        development.clusters.start(development_cluster)


def test_cluster_is_made_once_per_token(development: WorkspaceClient) -> None:
    body = {"spark_version": _VERSION, "num_workers": 0, "idempotency_token": "once"}
    made = [development.api_client.do("POST", "/api/2.1/clusters/create", body=body) for _ in range(2)]
    assert made[0] == made[1]
    assert isinstance(made[0], dict)
    development.clusters.permanent_delete(made[0]["cluster_id"])


def test_pools_and_policies(development: WorkspaceClient) -> None:
    pool = development.instance_pools.create("pool", "m5d.large").instance_pool_id or ""
    assert development.instance_pools.get(pool).instance_pool_name == "pool"
    policy = development.cluster_policies.create(name="policy", definition="{}").policy_id or ""
    assert [entry.policy_id for entry in development.cluster_policies.list()] == [policy]
    with pytest.raises(BadRequest, match="Can't find an instance pool"):
        development.clusters.create(spark_version=_VERSION, num_workers=0, instance_pool_id="none")
    with pytest.raises(BadRequest, match="Can't find a cluster policy"):
        development.clusters.create(spark_version=_VERSION, num_workers=0, policy_id="none")
    development.instance_pools.delete(pool)
    with pytest.raises(ResourceDoesNotExist):
        development.instance_pools.get(pool)


def test_compute_choices_are_accepted_and_shown(development: WorkspaceClient) -> None:
    pool = development.instance_pools.create("run pool", "m5d.large").instance_pool_id or ""
    policy = development.cluster_policies.create(name="run policy", definition="{}").policy_id or ""
    file = put_code(development, "print(1)")
    task = jobs.SubmitTask(
        task_key="a",
        new_cluster=compute.ClusterSpec(spark_version=_VERSION, num_workers=0, instance_pool_id=pool, policy_id=policy),
        spark_python_task=jobs.SparkPythonTask(python_file=file),
    )
    run_id = development.jobs.submit(tasks=[task], budget_policy_id="budget-1").response.run_id
    done = wait_for(development, run_id)
    assert done.state == ("TERMINATED", "SUCCESS")
    assert done.run.tasks is not None
    shown, instance = done.run.tasks[0].new_cluster, done.run.tasks[0].cluster_instance
    assert shown is not None
    assert instance is not None
    assert (shown.instance_pool_id, shown.policy_id) == (pool, policy)
    cluster = development.clusters.get(instance.cluster_id or "")
    assert (cluster.instance_pool_id, cluster.policy_id) == (pool, policy)
    raw = development.api_client.do("GET", "/api/2.2/jobs/runs/get", query={"run_id": run_id})
    assert isinstance(raw, dict)
    assert raw["budget_policy_id"] == "budget-1"
    with urllib.request.urlopen(done.run.run_page_url or "") as page:
        assert "budget-1" in page.read().decode()
    task.new_cluster = compute.ClusterSpec(spark_version=_VERSION, num_workers=0, policy_id="unknown")
    with pytest.raises(BadRequest, match="Can't find a cluster policy"):
        development.jobs.submit(tasks=[task])


def test_cluster_of_another_is_not_mine_to_stop(
    development: WorkspaceClient, development_cluster: str, administrator: WorkspaceClient
) -> None:
    own = administrator.clusters.create(spark_version=_VERSION, num_workers=0).response.cluster_id
    with pytest.raises(PermissionDenied):
        development.clusters.delete(own)
    me = development.current_user.me().user_name
    administrator.permissions.update(
        "clusters",
        own,
        access_control_list=[
            iam.AccessControlRequest(service_principal_name=me, permission_level=iam.PermissionLevel.CAN_MANAGE)
        ],
    )
    assert administrator.permissions.get("clusters", own).access_control_list
    levels = administrator.permissions.get_permission_levels("clusters", own).permission_levels or []
    assert iam.PermissionLevel.CAN_RESTART in {level.permission_level for level in levels}
    development.clusters.delete(own)
    administrator.clusters.permanent_delete(own)


@pytest.fixture
def delayed(tmp_path: Path) -> Iterator[LocalSettings]:
    delays = StartDelays(job_cluster_s=2.0, pool_s=1.0, serverless_s=1.5)
    settings = local_settings(tmp_path, start_delays=delays, termination_delay_s=0.5)
    yield settings
    for workspace in settings.workspaces:
        down(settings, workspace)


@pytest.mark.slow
def test_fresh_compute_takes_its_time(delayed: LocalSettings) -> None:
    development = client(delayed, "development")
    pool = development.instance_pools.create("pool", "m5d.large").instance_pool_id
    kinds: dict[str, tuple[float, dict[str, Any]]] = {
        "job cluster": (2.0, {"new_cluster": compute.ClusterSpec(spark_version=_VERSION, num_workers=0)}),
        "pool": (
            1.0,
            {"new_cluster": compute.ClusterSpec(spark_version=_VERSION, num_workers=0, instance_pool_id=pool)},
        ),
        "serverless": (1.5, {}),
    }
    for name, (delay_s, kind) in kinds.items():
        began = time.monotonic()
        done = run_code(development, "print(1)", None, **kind)
        assert done.state == ("TERMINATED", "SUCCESS"), name
        assert time.monotonic() - began >= delay_s, name
        assert (done.run.setup_duration or 0) >= 1000 * delay_s, name


@pytest.mark.slow
def test_every_state_is_seen_in_its_order(delayed: LocalSettings) -> None:
    development = client(delayed, "development")
    spec = compute.ClusterSpec(spark_version=_VERSION, num_workers=0)
    task = jobs.SubmitTask(
        task_key="only",
        new_cluster=spec,
        spark_python_task=jobs.SparkPythonTask(python_file=put_code(development, "import time; time.sleep(0.5)")),
    )
    run_id = development.jobs.submit(tasks=[task]).response.run_id
    seen: list[tuple[str, str | None]] = []
    while not seen or seen[-1][0] != "TERMINATED":
        state = development.jobs.get_run(run_id).state
        assert state is not None
        assert state.life_cycle_state is not None
        now = state.life_cycle_state.value, state.result_state.value if state.result_state else None
        if not seen or seen[-1] != now:
            seen.append(now)
        time.sleep(0.02)
    assert seen == [("PENDING", None), ("RUNNING", None), ("TERMINATING", None), ("TERMINATED", "SUCCESS")]


@pytest.mark.slow
def test_run_cancelled_before_its_cluster_is_up(delayed: LocalSettings) -> None:
    development = client(delayed, "development")
    task = jobs.SubmitTask(
        task_key="only",
        new_cluster=compute.ClusterSpec(spark_version=_VERSION, num_workers=0),
        spark_python_task=jobs.SparkPythonTask(python_file=put_code(development, "print('must not run')")),
    )
    run_id = development.jobs.submit(tasks=[task]).response.run_id
    development.jobs.cancel_run(run_id)
    done = wait_for(development, run_id)
    assert done.state == ("TERMINATED", "CANCELED")
    assert done.logs == ""
    assert {cluster.state for cluster in development.clusters.list()} <= {compute.State.TERMINATED}
