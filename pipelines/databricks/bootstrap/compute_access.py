"""Who may make clusters: entitlements of service principals, and their permissions on cluster policies and pools.

A run on a new cluster needs one of the two: the entitlement to make any cluster, or CAN_USE on the policy that the
cluster names. Serverless compute needs neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, get_args

from pipelines.databricks.bootstrap.identities import Identities
from pipelines.databricks.bootstrap.plan import ComputeAccess, Entitlement, Plan, ServicePrincipal
from pipelines.databricks.bootstrap.step import BootstrapError, Step

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service import iam

_TAKEN_BACK: tuple[Entitlement, ...] = ("allow-cluster-create",)


def compute_steps(plan: Plan, client: WorkspaceClient, identities: Identities) -> Iterator[Step]:
    """A step per entitlement and permission; each principal is looked up only when its turn comes."""
    for principal in plan.service_principals:
        yield from _entitlements(client, principal)
    for access in plan.compute_access:
        yield _access(client, access, identities)


def _entitlements(client: WorkspaceClient, principal: ServicePrincipal) -> Iterator[Step]:
    found = next(iter(client.service_principals.list(filter=f'displayName eq "{principal.name}"')), None)
    held = {each.value for each in (found.entitlements or [])} if found else set()
    for name in get_args(Entitlement):
        what = f"entitlement {name} of {principal.name}"
        if name in principal.entitlements and name in held:
            yield Step("there", what)
        elif name in principal.entitlements:
            yield Step("missing", what, lambda name=name: _entitle(client, principal, name, "add"))
        elif name in held and name in _TAKEN_BACK:
            yield Step("extra", what, lambda name=name: _entitle(client, principal, name, "remove"))


def _entitle(client: WorkspaceClient, principal: ServicePrincipal, name: Entitlement, verb: str) -> None:
    from databricks.sdk.service import iam

    [found] = client.service_principals.list(filter=f'displayName eq "{principal.name}"')
    if verb == "add":
        change = iam.Patch(op=iam.PatchOp.ADD, path="entitlements", value=[{"value": name}])
    else:
        change = iam.Patch(op=iam.PatchOp.REMOVE, path=f'entitlements[value eq "{name}"]')
    schemas = [iam.PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP]
    client.service_principals.patch(found.id or "", operations=[change], schemas=schemas)


def _access(client: WorkspaceClient, access: ComputeAccess, identities: Identities) -> Step:
    from databricks.sdk.errors import BadRequest, NotFound
    from databricks.sdk.service import iam

    try:
        entries = client.permissions.get(access.kind, access.identifier).access_control_list or []
    except (NotFound, BadRequest):
        return Step("missing", access.label, lambda: _of_administrators(access))
    principal, level = identities.id_of(access.principal), iam.PermissionLevel(access.permission)
    if any(entry.service_principal_name == principal and level in _levels(entry) for entry in entries):
        return Step("there", access.label)

    def act() -> None:
        wanted = iam.AccessControlRequest(service_principal_name=principal, permission_level=level)
        client.permissions.update(access.kind, access.identifier, access_control_list=[wanted])

    return Step("missing", access.label, act)


def _levels(entry: iam.AccessControlResponse) -> set[iam.PermissionLevel | None]:
    return {each.permission_level for each in entry.all_permissions or []}


def _of_administrators(access: ComputeAccess) -> None:
    raise BootstrapError(
        f"{access.label} cannot be given: the workspace has no such object. Make it under Compute, and give its id."
    )
