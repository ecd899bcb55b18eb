"""A step on serverless compute: what is submitted, as the workspace keeps it, and that it really runs there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import iam
from databricks.sdk.service import workspace as acls
from databricks.sdk.service.catalog import PermissionsChange, Privilege

from pipelines.local.settings import LocalSettings, admin_name
from pipelines_tests.databricks.fixtures import failure_text, remote_runs
from pipelines_tests.databricks.wiring import EVENT_KEY, Wiring
from pipelines_tests.local.conftest import client

DAGSTER = f"dagster=={dg.__version__}"
SIZES = {"standard": {"serverless": {"environment_version": "4", "dependencies": [DAGSTER]}, "timeout_s": 900}}


@pytest.fixture(scope="module")
def runner(workspace: WorkspaceClient, settings: LocalSettings) -> str:
    """Application id of a service principal that steps may run as: it may read and write the staging volume."""
    administrator = client(settings, "development", admin_name("development"))
    created = administrator.service_principals.create(
        display_name="step runner", entitlements=[iam.ComplexValue(value="workspace-access")]
    )
    name = created.application_id or ""
    for kind, securable, privileges in (
        ("catalog", "dev", [Privilege.USE_CATALOG]),
        ("schema", "dev.default", [Privilege.USE_SCHEMA]),
        ("volume", "dev.default.staging", [Privilege.READ_VOLUME, Privilege.WRITE_VOLUME]),
    ):
        administrator.grants.update(kind, securable, changes=[PermissionsChange(principal=name, add=privileges)])
    workspace.secrets.put_acl(EVENT_KEY.scope, name, acls.AclPermission.READ)
    rules, rule_set = (
        administrator.account_access_control_proxy,
        f"accounts/local/servicePrincipals/{name}/ruleSets/default",
    )
    submitter = f"servicePrincipals/{workspace.current_user.me().user_name}"
    grant = iam.GrantRule(role="roles/servicePrincipal.user", principals=[submitter])
    etag = rules.get_rule_set(rule_set, etag="").etag or ""
    rules.update_rule_set(rule_set, iam.RuleSetUpdateRequest(name=rule_set, etag=etag, grant_rules=[grant]))
    return name


def recorded(workspace: WorkspaceClient, dagster_run: str) -> dict[str, Any]:
    """The only remote run of a Dagster run, whole: the SDK's own model of it leaves things out."""
    [found] = remote_runs(workspace, dagster_run)
    answer = workspace.api_client.do("GET", "/api/2.2/jobs/runs/get", query={"run_id": found.run_id})
    assert isinstance(answer, dict)
    return answer


def test_a_step_runs_on_serverless_compute_as_the_settings_say(
    run: Callable[..., dg.JobExecutionResult], wired: Wiring, workspace: WorkspaceClient, runner: str
) -> None:
    wires = wired.with_changes(
        compute={
            "sizes": SIZES,
            "run_as_service_principal": runner,
            "budget_policy_id": "budget-7",
            "custom_tags": {"team": "data"},
        }
    )
    result = run("empty", wires, tags={"pipelines/release": "r42"})
    assert result.success, [event.message for event in result.all_events]
    [materialization] = result.asset_materializations_for_node("empty")
    assert materialization.metadata["remote"].value is True

    found = recorded(workspace, result.run_id)
    assert materialization.metadata["databricks_run"].value == found["run_page_url"]
    assert (found["state"]["life_cycle_state"], found["state"]["result_state"]) == ("TERMINATED", "SUCCESS")
    assert found["run_as_user_name"] == runner
    assert found["creator_user_name"] == workspace.current_user.me().user_name
    assert found["budget_policy_id"] == "budget-7"
    assert found["timeout_seconds"] == 900
    [task] = found["tasks"]
    assert found["environments"] == [
        {
            "environment_key": task["environment_key"],
            "spec": {"environment_version": "4", "dependencies": [DAGSTER]},
        }
    ]
    assert not {"existing_cluster_id", "new_cluster", "job_cluster_key", "libraries", "cluster_instance"} & {*task}
    # Serverless compute has no tags of its own: its runs carry them as text.
    described = task["description"].splitlines()
    assert {"team: data", "cost_center: tests", "release: r42", f"dagster_run: {result.run_id}"} <= {*described}


def test_a_package_that_serverless_compute_cannot_install_is_named(
    run: Callable[..., dg.JobExecutionResult], wired: Wiring
) -> None:
    sizes = {"standard": {"serverless": {"dependencies": ["dagster==0.0.1"]}}}
    result = run("empty", wired.with_changes(compute={"sizes": sizes}), raise_on_error=False)
    assert not result.success
    assert f"dagster is installed as {dg.__version__}, not 0.0.1" in failure_text(result, "empty")


def test_a_principal_that_steps_may_not_run_as_is_named(
    run: Callable[..., dg.JobExecutionResult], wired: Wiring, settings: LocalSettings
) -> None:
    administrator = client(settings, "development", admin_name("development"))
    stranger = administrator.service_principals.create(display_name="stranger").application_id or ""
    wires = wired.with_changes(compute={"sizes": SIZES, "run_as_service_principal": stranger})
    result = run("empty", wires, raise_on_error=False)
    assert not result.success
    assert f"may not run as {stranger}" in failure_text(result, "empty")
