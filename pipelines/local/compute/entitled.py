"""Who may make a cluster: by entitlement, or by a policy; and from a pool only who may use it."""

from __future__ import annotations

from typing import Any

from pipelines.local.errors import ApiError
from pipelines.local.identity import Principal
from pipelines.local.permissions import require_level
from pipelines.local.workspace import Workspace


def require_cluster(workspace: Workspace, principal: Principal, spec: dict[str, Any]) -> None:
    """Go on only if the principal may make a cluster of that definition, whose policy and pool exist.

    Raises:
        ApiError: it names no policy and the principal is not entitled to clusters without one, or it names a policy
            or a pool that the principal may not use.
    """
    policy, pool = spec.get("policy_id"), spec.get("instance_pool_id")
    if policy:
        require_level(
            workspace, principal, "cluster-policies", policy, ("CAN_USE",), _owner(workspace, "policy", policy)
        )
    elif not principal.may_create_clusters:
        raise ApiError(
            "PERMISSION_DENIED", f"User {principal.name} is not authorized to create clusters without a policy."
        )
    if pool:
        levels = ("CAN_ATTACH_TO", "CAN_MANAGE")
        require_level(workspace, principal, "instance-pools", pool, levels, _owner(workspace, "pool", pool))


def _owner(workspace: Workspace, kind: str, identifier: str) -> str:
    document = workspace.store.get(kind, identifier)
    return "" if document is None else document["creator_user_name"]
