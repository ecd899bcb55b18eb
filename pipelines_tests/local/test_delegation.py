"""Who may start what, and as whom it runs: jobs that others start, work that runs as another principal."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, PermissionDenied
from databricks.sdk.service import compute, iam, jobs

from pipelines.local.lifecycle import connection
from pipelines.local.settings import LocalSettings
from pipelines_tests.local.conftest import client_with, put_code, wait_for

SUCCESS = ("TERMINATED", "SUCCESS")
WHO = """
    from databricks.sdk import WorkspaceClient
    import sys
    print(WorkspaceClient().current_user.me().display_name, *sys.argv[1:])
"""


@pytest.fixture(scope="module")
def newcomer(administrator: WorkspaceClient, settings: LocalSettings) -> Callable[[str], WorkspaceClient]:
    """Makes a service principal of that name that may use the workspace, and holds no other right."""

    def make(name: str) -> WorkspaceClient:
        entitlements = [iam.ComplexValue(value="workspace-access")]
        created = administrator.service_principals.create(display_name=name, entitlements=entitlements)
        application_id = created.application_id or ""
        token = administrator.token_management.create_obo_token(application_id).token_value or ""
        return client_with(connection(settings, "development").host, token)

    return make


def entry(workspace: WorkspaceClient, level: iam.PermissionLevel) -> iam.AccessControlRequest:
    return iam.AccessControlRequest(
        service_principal_name=workspace.current_user.me().user_name, permission_level=level
    )


def run_as(workspace: WorkspaceClient, run_id: int) -> str:
    """As whom a run runs, which the SDK's own model of it leaves out."""
    found = workspace.api_client.do("GET", "/api/2.2/jobs/runs/get", query={"run_id": run_id})
    assert isinstance(found, dict)
    return found["run_as_user_name"]


def test_who_may_start_a_job_and_nothing_else(
    development: WorkspaceClient, development_cluster: str, newcomer: Callable[[str], WorkspaceClient]
) -> None:
    app = newcomer("customers app")
    file = put_code(development, WHO)
    task = jobs.Task(
        task_key="only",
        existing_cluster_id=development_cluster,
        spark_python_task=jobs.SparkPythonTask(python_file=file, parameters=["{{job.parameters.session}}"]),
    )
    parameters = [jobs.JobParameterDefinition(name="session", default="none")]
    job_id = development.jobs.create(name="published", tasks=[task], parameters=parameters).job_id or 0

    def refused(action: Callable[[], object]) -> None:
        with pytest.raises((PermissionDenied, NotFound)):
            action()

    refused(lambda: app.jobs.run_now(job_id))
    refused(lambda: app.jobs.get(job_id))
    refused(lambda: app.permissions.get("jobs", str(job_id)))
    own = entry(app, iam.PermissionLevel.CAN_MANAGE_RUN)
    refused(lambda: app.permissions.update("jobs", str(job_id), access_control_list=[own]))
    assert list(app.jobs.list(name="published")) == []

    development.permissions.update("jobs", str(job_id), access_control_list=[own])
    run_id = app.jobs.run_now(job_id, job_parameters={"session": "c0ffee"}).response.run_id
    done = wait_for(app, run_id)
    assert done.state == SUCCESS, done.logs
    # It runs as the job's owner, not as whom started it.
    assert done.logs.strip() == "pipelines-development c0ffee"
    assert done.run.creator_user_name == app.current_user.me().user_name
    assert run_as(app, run_id) == development.current_user.me().user_name
    assert [job.job_id for job in app.jobs.list(name="published")] == [job_id]

    submitted = jobs.SubmitTask(
        task_key="own",
        existing_cluster_id=development_cluster,
        spark_python_task=jobs.SparkPythonTask(python_file=file),
    )
    fresh = compute.ClusterSpec(spark_version="16.4.x-scala2.12", num_workers=0)
    other = development.jobs.submit(tasks=[submitted]).response.run_id
    refused(lambda: app.jobs.update(job_id, new_settings=jobs.JobSettings(name="taken over")))
    refused(lambda: app.jobs.delete(job_id))
    refused(lambda: app.permissions.update("jobs", str(job_id), access_control_list=[own]))
    refused(lambda: app.jobs.submit(tasks=[submitted]))
    refused(
        lambda: app.jobs.submit(
            tasks=[jobs.SubmitTask("own", new_cluster=fresh, spark_python_task=submitted.spark_python_task)]
        )
    )
    refused(lambda: app.clusters.create(spark_version="16.4.x-scala2.12", num_workers=0))
    refused(lambda: app.clusters.delete(development_cluster))
    refused(lambda: app.jobs.cancel_run(other))
    refused(lambda: app.jobs.get_run(other))
    refused(lambda: app.schemas.list("main").__next__())
    wait_for(development, other)
    development.jobs.delete(job_id)


def test_running_as_another_needs_its_users_role(
    development: WorkspaceClient,
    development_cluster: str,
    administrator: WorkspaceClient,
    newcomer: Callable[[str], WorkspaceClient],
) -> None:
    trainer = newcomer("trainer").current_user.me().user_name or ""
    task = jobs.SubmitTask(
        task_key="only",
        existing_cluster_id=development_cluster,
        spark_python_task=jobs.SparkPythonTask(python_file=put_code(development, WHO)),
    )

    def submit() -> int:
        wanted = jobs.JobRunAs(service_principal_name=trainer)
        return development.jobs.submit(tasks=[task], run_as=wanted).response.run_id

    with pytest.raises(PermissionDenied, match=r"roles/servicePrincipal\.user on service principal"):
        submit()
    name = f"accounts/local/servicePrincipals/{trainer}/ruleSets/default"
    rules = administrator.account_access_control_proxy
    me = development.current_user.me().user_name
    grant = iam.GrantRule(role="roles/servicePrincipal.user", principals=[f"servicePrincipals/{me}"])
    with pytest.raises(PermissionDenied):
        development.account_access_control_proxy.get_rule_set(name, etag="")
    etag = rules.get_rule_set(name, etag="").etag or ""
    changed = iam.RuleSetUpdateRequest(name=name, etag=etag, grant_rules=[grant])
    rules.update_rule_set(name, changed)
    with pytest.raises(Exception, match="has changed since"):
        rules.update_rule_set(name, changed)
    done = wait_for(development, submit())
    assert done.state == SUCCESS, done.logs
    assert done.logs.strip() == "trainer"
    assert run_as(development, done.run.run_id or 0) == trainer


def test_clusters_are_used_by_those_who_may(
    development: WorkspaceClient, administrator: WorkspaceClient, newcomer: Callable[[str], WorkspaceClient]
) -> None:
    guest = newcomer("guest")
    cluster_id = administrator.clusters.create(spark_version="16.4.x-scala2.12", num_workers=0).response.cluster_id
    task = jobs.SubmitTask(
        task_key="only",
        existing_cluster_id=cluster_id,
        spark_python_task=jobs.SparkPythonTask(python_file=put_code(development, "print('attached')")),
    )
    with pytest.raises(PermissionDenied, match="CAN_ATTACH_TO"):
        guest.jobs.submit(tasks=[task])
    allowed = [entry(guest, iam.PermissionLevel.CAN_ATTACH_TO)]
    administrator.permissions.set("clusters", cluster_id, access_control_list=allowed)
    assert wait_for(guest, guest.jobs.submit(tasks=[task]).response.run_id).state == SUCCESS
    with pytest.raises(PermissionDenied):
        guest.clusters.delete(cluster_id)
    administrator.clusters.permanent_delete(cluster_id)
