"""Who may compute, and make a cluster: by entitlement, or by a policy; and from a pool only who may use it."""

from __future__ import annotations

from typing import Any

from pipelines.local.errors import ApiError
from pipelines.local.identity import CREATE_CLUSTERS, Principal
from pipelines.local.permissions import require_level
from pipelines.local.workspace import Workspace

ATTACHING = ("CAN_ATTACH_TO", "CAN_RESTART", "CAN_MANAGE")
"""Levels of a cluster's access list that let tasks run on it."""


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


def require_compute(workspace: Workspace, principal: Principal) -> None:
    """Go on only if there is anything that the principal may compute on, for a task that names no cluster.

    One without the entitlement to clusters, without a policy that it may use and without a cluster that it may attach
    to is let in to start what others have made, and has no compute of its own, serverless neither.

    Raises:
        ApiError: there is nothing.
    """
    if principal.may_create_clusters or _holds(workspace, principal, "policy", "cluster-policies", ("CAN_USE",)):
        return
    if not _holds(workspace, principal, "cluster", "clusters", ATTACHING):
        raise ApiError(
            "PERMISSION_DENIED",
            f"User {principal.name} is not authorized to run tasks of its own: it has no compute. Entitle it to "
            f"{CREATE_CLUSTERS}, or give it a cluster policy or a cluster.",
        )


def _holds(workspace: Workspace, principal: Principal, stored: str, kind: str, levels: tuple[str, ...]) -> bool:
    """Whether it holds one of the levels on any of the kind by an access list; what runs made counts for nobody."""
    for identifier, _ in workspace.store.items(stored):
        try:
            require_level(workspace, principal, kind, identifier, levels, owner="")
        except ApiError:
            continue
        return True
    return False


def _owner(workspace: Workspace, kind: str, identifier: str) -> str:
    document = workspace.store.get(kind, identifier)
    return "" if document is None else document["creator_user_name"]
