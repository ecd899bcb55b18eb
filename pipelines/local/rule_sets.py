"""Account access control: who may let work run as a service principal."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from pipelines.local.endpoints import Call, Endpoints
from pipelines.local.errors import ApiError, invalid, missing
from pipelines.local.identity import Principal
from pipelines.local.workspace import Workspace

endpoints = Endpoints()

USER = "roles/servicePrincipal.user"
MANAGER = "roles/servicePrincipal.manager"
_ROOT = "/api/2.0/preview/accounts/access-control"
_NAME = re.compile(r"accounts/[^/]+/servicePrincipals/([^/]+)/ruleSets/default")


def _rules(workspace: Workspace, application_id: str) -> list[dict[str, Any]]:
    document = workspace.directory.find(application_id)
    return [] if document is None else document.get("grant_rules", [])


def _holds(workspace: Workspace, principal: Principal, application_id: str, roles: tuple[str, ...]) -> bool:
    names = {f"servicePrincipals/{principal.name}", f"users/{principal.name}"}
    names |= {f"groups/{group}" for group in principal.groups}
    return any(
        rule.get("role") in roles and names & set(rule.get("principals") or [])
        for rule in _rules(workspace, application_id)
    )


def require_run_as(workspace: Workspace, principal: Principal, wanted: dict[str, str]) -> Principal:
    """The principal that work is to run as, if the caller may let it.

    Raises:
        ApiError: there is no such principal, or the caller is neither it, nor an administrator, nor has the role of a
            user of that service principal.
    """
    name = wanted.get("service_principal_name") or wanted.get("user_name") or ""
    chosen = workspace.principal(name)
    if chosen.name == principal.name or principal.admin:
        return chosen
    if chosen.kind == "ServicePrincipal" and _holds(workspace, principal, chosen.name, (USER,)):
        return chosen
    raise ApiError(
        "PERMISSION_DENIED",
        f"User {principal.name} may not run as {name}: {USER} on service principal {chosen.name} is needed.",
    )


def _asked(call: Call) -> str:
    found = _NAME.fullmatch(call.text("name"))
    if found is None:
        raise invalid("Only rule sets accounts/<account>/servicePrincipals/<application id>/ruleSets/default exist.")
    if call.workspace.directory.find(found.group(1)) is None:
        raise missing(f"Service principal {found.group(1)} does not exist.")
    if not call.principal.admin and not _holds(call.workspace, call.principal, found.group(1), (MANAGER,)):
        raise ApiError("PERMISSION_DENIED", f"{MANAGER} on service principal {found.group(1)} is needed.")
    return found.group(1)


def _shown(call: Call, application_id: str) -> dict[str, Any]:
    rules = _rules(call.workspace, application_id)
    etag = hashlib.sha256(json.dumps(rules).encode()).hexdigest()[:32]
    return {"name": call.text("name"), "etag": etag, "grant_rules": rules}


@endpoints.get(f"{_ROOT}/rule-sets")
def get_rules(call: Call) -> dict[str, Any]:
    return _shown(call, _asked(call))


@endpoints.put(f"{_ROOT}/rule-sets")
def put_rules(call: Call) -> dict[str, Any]:
    application_id = _asked(call)
    wanted = call.arguments.get("rule_set") or {}
    if wanted.get("etag") != _shown(call, application_id)["etag"]:
        raise ApiError("RESOURCE_CONFLICT", "The rule set has changed since it was read: read it again.")
    call.workspace.directory.set_rules(application_id, wanted.get("grant_rules") or [])
    return _shown(call, application_id)


@endpoints.get(f"{_ROOT}/assignable-roles")
def assignable_roles(_: Call) -> dict[str, Any]:
    return {"roles": [{"name": USER}, {"name": MANAGER}]}
