"""Making a workspace what its plan says, and saying where it is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pipelines.databricks.bootstrap.compute_access import compute_steps
from pipelines.databricks.bootstrap.grants import grant_steps
from pipelines.databricks.bootstrap.identities import Identities
from pipelines.databricks.bootstrap.plan import Plan
from pipelines.databricks.bootstrap.secret_scopes import secret_steps
from pipelines.databricks.bootstrap.securables import securable_steps
from pipelines.databricks.bootstrap.step import Step

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_DONE = {"there": "was there", "missing": "added", "extra": "taken back", "foreign": "not of the plan, left"}


def apply(
    plan: Plan,
    client: WorkspaceClient,
    supplied: Mapping[str, str] | None = None,
    application_ids: Mapping[str, str] | None = None,
) -> list[str]:
    """Do all that `applying` does; what was done and what was there, a line each."""
    return list(applying(plan, client, supplied, application_ids))


def applying(
    plan: Plan,
    client: WorkspaceClient,
    supplied: Mapping[str, str] | None = None,
    application_ids: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Bring about what the plan asks for, as an administrator of workspace and metastore; safe to do again.

    Of the plan's service principals, grants and rights to make clusters beyond the plan are taken back. Nothing else is
    ever removed, and no secret is replaced. Tables are not made. `supplied` are the values of supplied secrets
    by key, `application_ids` those of service principals that this workspace does not list, by display name.

    Yields:
        What was done or was there, after each step.

    Raises:
        BootstrapError: something that another plan or a person has to make is missing.
    """
    for step in _steps(plan, client, supplied, application_ids):
        if step.act is not None:
            step.act()
        yield f"{_DONE[step.state]}: {step.what}"


def differences(
    plan: Plan,
    client: WorkspaceClient,
    supplied: Mapping[str, str] | None = None,
    application_ids: Mapping[str, str] | None = None,
) -> list[str]:
    """What is missing and what is there beyond the plan, a line each; changes nothing."""
    names = {"missing": "missing", "extra": "too much", "foreign": "not of the plan"}
    found = _steps(plan, client, supplied, application_ids)
    return [f"{names[step.state]}: {step.what}" for step in found if step.state != "there"]


def _steps(
    plan: Plan, client: WorkspaceClient, supplied: Mapping[str, str] | None, application_ids: Mapping[str, str] | None
) -> Iterator[Step]:
    identities = Identities(client, application_ids or {})
    yield from identities.steps(each.name for each in plan.service_principals)
    yield from compute_steps(plan, client, identities)
    yield from securable_steps(plan, client)
    yield from grant_steps(plan, client, identities)
    yield from secret_steps(plan, client, identities, supplied or {})
