"""Access lists of workspace objects (jobs, clusters, pools, policies, notebooks): kept, shown and enforced."""

from __future__ import annotations

from typing import Any

from pipelines.local.endpoints import Call, Endpoints
from pipelines.local.errors import ApiError, invalid, missing
from pipelines.local.identity import Principal
from pipelines.local.workspace import Workspace

endpoints = Endpoints()

_LEVELS = {
    "jobs": ("CAN_VIEW", "CAN_MANAGE_RUN", "IS_OWNER", "CAN_MANAGE"),
    "clusters": ("CAN_ATTACH_TO", "CAN_RESTART", "CAN_MANAGE"),
    "cluster-policies": ("CAN_USE",),
    "instance-pools": ("CAN_ATTACH_TO", "CAN_MANAGE"),
    "notebooks": ("CAN_READ", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE"),
    "directories": ("CAN_READ", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE"),
    "registered-models": ("CAN_READ", "CAN_EDIT", "CAN_MANAGE"),
    "experiments": ("CAN_READ", "CAN_EDIT", "CAN_MANAGE"),
    "authorization": ("CAN_USE",),
}
_OWNED = {"jobs": "job", "clusters": "cluster", "instance-pools": "pool", "cluster-policies": "policy"}
"""Kinds of objects that have an owner, and what the store calls them."""
_MANAGING = ("CAN_MANAGE", "IS_OWNER")
_PRINCIPAL_FIELDS = ("user_name", "group_name", "service_principal_name")
_OBJECT = "/api/2.0/permissions/{kind:str}/{id:str}"


def _levels(call: Call) -> tuple[str, ...]:
    levels = _LEVELS.get(call.path["kind"])
    if levels is None:
        raise invalid(f"'{call.path['kind']}' is not a valid object type")
    return levels


def _entries(call: Call) -> list[dict[str, str]]:
    entries = call.arguments.get("access_control_list") or []
    for entry in entries:
        if entry.get("permission_level") not in _levels(call):
            raise invalid(f"Permission level {entry.get('permission_level')} is not valid for {call.path['kind']}.")
        if sum(bool(entry.get(name)) for name in _PRINCIPAL_FIELDS) != 1:
            raise invalid("Exactly one of user_name, group_name and service_principal_name is needed.")
    return entries


def _who(entry: dict[str, str]) -> tuple[str, str]:
    return next((name, entry[name]) for name in _PRINCIPAL_FIELDS if entry.get(name))


def _shown(call: Call, entries: list[dict[str, str]]) -> dict[str, Any]:
    kind = call.path["kind"]
    return {
        "object_id": f"/{kind}/{call.path['id']}",
        "object_type": kind.rstrip("s"),
        "access_control_list": [
            {
                **{name: value for name, value in entry.items() if name in _PRINCIPAL_FIELDS},
                "all_permissions": [{"permission_level": entry["permission_level"], "inherited": False}],
            }
            for entry in entries
        ],
    }


def _require(call: Call, levels: tuple[str, ...]) -> None:
    """Go on only for the object's owner, an administrator, or a holder of one of the levels."""
    kind, identifier = call.path["kind"], call.path["id"]
    owner = ""
    if kind in _OWNED:
        key = f"{int(identifier):020d}" if kind == "jobs" and identifier.isdigit() else identifier
        document = call.workspace.store.get(_OWNED[kind], key)
        if document is None and kind == "jobs":
            # A run that was submitted has the number of a job, and no job.
            found = call.workspace.runs.all()
            document = next((run for run in found if str(run["job_id"]) == identifier), None)
        if document is None:
            raise missing(f"{_OWNED[kind].capitalize()} {identifier} does not exist.")
        owner = document["creator_user_name"]
    may(call, kind, identifier, levels, owner)


@endpoints.get(_OBJECT)
def get_permissions(call: Call) -> dict[str, Any]:
    _require(call, _levels(call))
    document = call.workspace.store.get("acl", f"{call.path['kind']}/{call.path['id']}") or {"entries": []}
    return _shown(call, document["entries"])


@endpoints.put(_OBJECT)
def set_permissions(call: Call) -> dict[str, Any]:
    _require(call, _MANAGING)
    entries = _entries(call)
    call.workspace.store.put("acl", f"{call.path['kind']}/{call.path['id']}", {"entries": entries})
    return _shown(call, entries)


@endpoints.patch(_OBJECT)
def update_permissions(call: Call) -> dict[str, Any]:
    _require(call, _MANAGING)
    key = f"{call.path['kind']}/{call.path['id']}"
    changes = _entries(call)
    with call.workspace.store.transaction():
        kept = (call.workspace.store.get("acl", key) or {"entries": []})["entries"]
        changed = {_who(entry) for entry in changes}
        entries = [entry for entry in kept if _who(entry) not in changed] + changes
        call.workspace.store.put("acl", key, {"entries": entries})
    return _shown(call, entries)


@endpoints.get(_OBJECT + "/permissionLevels")
def permission_levels(call: Call) -> dict[str, Any]:
    return {"permission_levels": [{"permission_level": level, "description": level} for level in _levels(call)]}


def may(call: Call, kind: str, identifier: str, levels: tuple[str, ...], owner: str) -> None:
    """Go on only if the caller is the owner, an administrator, or a holder of one of the levels on the object.

    Raises:
        ApiError: the caller is none of these.
    """
    require_level(call.workspace, call.principal, kind, identifier, levels, owner)


def require_level(
    workspace: Workspace, principal: Principal, kind: str, identifier: str, levels: tuple[str, ...], owner: str
) -> None:
    """The same for any principal."""
    if principal.admin or principal.name == owner:
        return
    document = workspace.store.get("acl", f"{kind}/{identifier}") or {"entries": []}
    mine = principal.identities
    for entry in document["entries"]:
        name = workspace.directory.name_of(_who(entry)[1])
        if name in mine and entry["permission_level"] in levels:
            return
    raise ApiError(
        "PERMISSION_DENIED",
        f"User {principal.name} does not have {levels[0]} permission on {kind.rstrip('s')} {identifier}.",
    )
