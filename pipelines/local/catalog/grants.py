"""Unity Catalog API: grants, direct and effective."""

from __future__ import annotations

from typing import Any

from pipelines.local.catalog.namespaces import may_manage
from pipelines.local.catalog.privileges import KNOWN, ancestors
from pipelines.local.endpoints import Call, Endpoints
from pipelines.local.errors import ApiError, invalid

endpoints = Endpoints()

_ROOT = "/api/2.1/unity-catalog"
_DIRECT = f"{_ROOT}/permissions/{{kind:str}}/{{full_name:str}}"


def _securable(call: Call) -> tuple[str, str]:
    kind, full_name = call.path["kind"].lower(), call.path["full_name"].lower()
    if kind not in ("catalog", "schema", "table", "volume"):
        raise invalid(f"SECURABLETYPE {kind.upper()} is not supported here.")
    call.workspace.metastore.get(kind, full_name)
    return kind, full_name


def _shown_of(call: Call, kind: str, full_name: str) -> frozenset[str] | None:
    """Whose grants the caller sees: everybody's (None) as who may manage it, else its own.

    Raises:
        ApiError: the caller holds nothing there, and so is not told of it.
    """
    try:
        may_manage(call, kind, full_name)
    except ApiError:
        schema = ".".join(full_name.split(".")[:2])
        privileges, where = call.workspace.metastore.privileges, call.workspace.name
        if kind != "catalog":
            privileges.require(call.principal, where, "USE_SCHEMA", "schema", schema)
        if not privileges.held(call.principal, where, kind, full_name):
            raise
        return call.principal.identities
    return None


def _assignments(grants: dict[str, Any], shown: frozenset[str] | None) -> list[dict[str, Any]]:
    return [
        {"principal": name, "privileges": privileges}
        for name, privileges in sorted(grants.items())
        if shown is None or name in shown
    ]


@endpoints.get(_DIRECT)
def get_grants(call: Call) -> dict[str, Any]:
    kind, full_name = _securable(call)
    shown = _shown_of(call, kind, full_name)
    grants = call.workspace.metastore.privileges.grants(kind, full_name)
    wanted = call.arguments.get("principal")
    if wanted:
        name = call.workspace.directory.name_of(wanted)
        grants = {principal: privileges for principal, privileges in grants.items() if principal == name}
    return {"privilege_assignments": _assignments(grants, shown)}


@endpoints.patch(_DIRECT)
def update_grants(call: Call) -> dict[str, Any]:
    kind, full_name = _securable(call)
    may_manage(call, kind, full_name)
    privileges = call.workspace.metastore.privileges
    with call.workspace.metastore.store.transaction():
        grants = {name: set(held) for name, held in privileges.grants(kind, full_name).items()}
        for change in call.arguments.get("changes") or []:
            name = call.workspace.directory.name_of(str(change.get("principal", "")))
            if call.workspace.directory.find(name) is None and "@" in name:
                raise ApiError("RESOURCE_DOES_NOT_EXIST", f"Could not find principal with name {name}")
            added = {_privilege(text) for text in change.get("add") or []}
            removed = {_privilege(text) for text in change.get("remove") or []}
            grants[name] = (grants.get(name, set()) | added) - removed
        privileges.set_grants(kind, full_name, {name: sorted(held) for name, held in grants.items()})
    return {"privilege_assignments": _assignments(privileges.grants(kind, full_name), None)}


@endpoints.get(f"{_ROOT}/effective-permissions/{{kind:str}}/{{full_name:str}}")
def effective_grants(call: Call) -> dict[str, Any]:
    kind, full_name = _securable(call)
    shown = _shown_of(call, kind, full_name)
    wanted = call.arguments.get("principal")
    name = call.workspace.directory.name_of(wanted) if wanted else None
    found: dict[str, list[dict[str, str]]] = {}
    for level, above in ancestors(kind, full_name):
        for principal, held in call.workspace.metastore.privileges.grants(level, above).items():
            if name is not None and principal != name:
                continue
            for privilege in held:
                entry = {"privilege": privilege}
                if (level, above) != (kind, full_name):
                    entry |= {"inherited_from_type": level.upper(), "inherited_from_name": above}
                found.setdefault(principal, []).append(entry)
    return {"privilege_assignments": _assignments(found, shown)}


def _privilege(text: str) -> str:
    privilege = text.upper().replace(" ", "_")
    if privilege not in KNOWN:
        raise invalid(f"Privilege {text} is not applicable to this entity.")
    return privilege
