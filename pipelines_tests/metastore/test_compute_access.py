"""What the service principals may make clusters by: the entitlement, or a policy, as the plan says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import PermissionDenied
from databricks.sdk.service import compute, iam, jobs

from pipelines.databricks.bootstrap.apply import apply, differences
from pipelines.databricks.bootstrap.step import BootstrapError
from pipelines.metastore import PRINCIPALS, Site, development_plan
from pipelines_tests.local.conftest import put_code, wait_for
from pipelines_tests.metastore.conftest import Workspaces

NAME = PRINCIPALS["development"]
ENTITLED = f"entitlement allow-cluster-create of {NAME}"
Submit = Callable[..., tuple[str, str | None]]


@pytest.fixture
def site(workspaces: Workspaces) -> Iterator[Site]:
    """The site; afterwards the workspace is as its plan says."""
    yield workspaces.site
    apply(development_plan(workspaces.site), workspaces.development)


@pytest.fixture
def submit(development: WorkspaceClient) -> Submit:
    """Runs a file on a new cluster as the service principal; the run's state."""

    def run(policy: str | None = None, pool: str | None = None) -> tuple[str, str | None]:
        cluster = compute.ClusterSpec(
            spark_version="16.4.x-scala2.12",
            num_workers=0,
            spark_conf={"databricks.local.engine": "none"},
            policy_id=policy,
            instance_pool_id=pool,
        )
        file = jobs.SparkPythonTask(python_file=put_code(development, "print(1)"))
        task = jobs.SubmitTask(task_key="only", new_cluster=cluster, spark_python_task=file)
        return wait_for(development, development.jobs.submit(tasks=[task]).response.run_id).state

    return run


def test_without_a_policy_the_principal_is_entitled_to_any_cluster(
    workspaces: Workspaces, site: Site, submit: Submit
) -> None:
    admin, plan = workspaces.development, development_plan(site)
    assert submit() == ("TERMINATED", "SUCCESS")
    [found] = admin.service_principals.list(filter=f'displayName eq "{NAME}"')
    admin.service_principals.patch(
        found.id or "",
        operations=[iam.Patch(op=iam.PatchOp.REMOVE, path='entitlements[value eq "allow-cluster-create"]')],
        schemas=[iam.PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP],
    )
    assert differences(plan, admin) == [f"missing: {ENTITLED}"]
    with pytest.raises(PermissionDenied, match="not authorized to create clusters"):
        submit()
    assert [line for line in apply(plan, admin) if not line.startswith("was there")] == [f"added: {ENTITLED}"]
    assert differences(plan, admin) == []
    assert submit() == ("TERMINATED", "SUCCESS")


def test_with_a_policy_it_makes_clusters_of_that_alone(workspaces: Workspaces, site: Site, submit: Submit) -> None:
    admin = workspaces.development
    policy = admin.cluster_policies.create(name="job clusters", definition="{}").policy_id or ""
    pool = admin.instance_pools.create("job clusters", "m5d.large").instance_pool_id or ""
    with pytest.raises(PermissionDenied, match="CAN_USE"):
        submit(policy)
    plan = development_plan(replace(site, cluster_policies=(policy,), instance_pools=(pool,)))
    permissions = [f"CAN_USE on cluster policy {policy} to {NAME}", f"CAN_ATTACH_TO on instance pool {pool} to {NAME}"]
    assert differences(plan, admin) == [f"too much: {ENTITLED}", *(f"missing: {each}" for each in permissions)]
    assert [line for line in apply(plan, admin) if not line.startswith("was there")] == [
        f"taken back: {ENTITLED}",
        *(f"added: {each}" for each in permissions),
    ]
    assert differences(plan, admin) == []
    assert submit(policy, pool) == ("TERMINATED", "SUCCESS")
    with pytest.raises(PermissionDenied, match="without a policy"):
        submit()


def test_a_policy_that_is_not_there_is_named(workspaces: Workspaces, site: Site) -> None:
    plan = development_plan(replace(site, cluster_policies=("0123",)))
    assert f"missing: CAN_USE on cluster policy 0123 to {NAME}" in differences(plan, workspaces.development)
    with pytest.raises(BootstrapError, match=r"CAN_USE on cluster policy 0123 .* has no such object"):
        apply(plan, workspaces.development)
