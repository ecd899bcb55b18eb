"""The published job of a customer, as onboarding makes it and prints it for review."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipelines.databricks.compute import ComputeSettings
from pipelines.landing.address import S3Prefix
from pipelines.settings import Settings

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from pipelines.customers.registry import Customer

_NO_VOLUME = "no job is published: the embedded workspace does not see the zone, which is in a bucket"


def publish_job(settings: Settings, customer: Customer, administrator: WorkspaceClient) -> str:
    """Make the customer's job, or change it to what it should be now; what was done, in words."""
    from pipelines.customers.onboarding_plan import principal_of
    from pipelines.customers.published_job import publish
    from pipelines.databricks.bootstrap.identities import Identities
    from pipelines.remote import workspace_client

    if _is_out_of_sight(settings):
        return _NO_VOLUME
    assert settings.remote is not None
    principal = Identities(administrator, {}).id_of(customer.principal)
    is_group = customer.principal != principal_of(customer.id)
    client, tags = workspace_client(settings), _tags(settings, customer)
    return publish(client, customer.id, principal, is_group, tags, settings.remote.staging, _compute(settings))


def described_job(settings: Settings, customer: Customer) -> str:
    """The job as a comment below the plan's statements, for review."""
    from pipelines.customers.published_job import definition, job_name
    from pipelines.metastore import PRINCIPALS

    if _is_out_of_sight(settings):
        return f"\n-- {_NO_VOLUME}"
    program = f"{settings.remote.staging if settings.remote else ''}/programs/<digest>.py"
    job = definition(customer.id, _tags(settings, customer), program, _compute(settings))
    lines = [
        f"job {job_name(customer.id)}: made by {PRINCIPALS['production']} and run as it",
        f"  CAN MANAGE RUN to {customer.principal}",
        *json.dumps(job, indent=2).splitlines(),
    ]
    return "\n" + "\n".join(f"-- {line}" for line in lines)


def _is_out_of_sight(settings: Settings) -> bool:
    return isinstance(settings.customers, S3Prefix) and not settings.is_on_databricks


def _tags(settings: Settings, customer: Customer) -> dict[str, str]:
    return {**(settings.remote.tags if settings.remote else {}), "cost_center": customer.cost_center}


def _compute(settings: Settings) -> ComputeSettings:
    if settings.remote is None or settings.has_local_workspaces:
        # Its warm cluster may be another one tomorrow.
        return ComputeSettings.model_validate({"sizes": {"small": {"serverless": {}}}})
    return ComputeSettings.model_validate(settings.remote.compute)
