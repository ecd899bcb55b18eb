"""SCIM users and service principals, personal access tokens, and OAuth for service principals."""

from __future__ import annotations

import base64
import re
from typing import Any

from starlette.responses import JSONResponse, Response

from pipelines.local.endpoints import Call, Endpoints
from pipelines.local.errors import ApiError, invalid, missing
from pipelines.local.identity import entitlements_of
from pipelines.local.store import Document

endpoints = Endpoints()

_ENTITLEMENTS = re.compile(r'entitlements(\[value eq "(?P<one>[^"]+)"\])?')
_KINDS = {"Users": "User", "ServicePrincipals": "ServicePrincipal"}


def _shown(document: Document, workspace: str) -> dict[str, Any]:
    groups = [*document["groups"], "users", *(["admins"] if workspace in document["admin_of"] else [])]
    shown: dict[str, Any] = {
        "id": document["id"],
        "displayName": document["display_name"],
        "active": True,
        "entitlements": [{"value": name} for name in entitlements_of(document)],
        "groups": [{"display": group, "type": "direct"} for group in groups],
        "schemas": [f"urn:ietf:params:scim:schemas:core:2.0:{document['kind']}"],
    }
    if document["kind"] == "User":
        shown |= {
            "userName": document["name"],
            "emails": [{"type": "work", "value": document["name"], "primary": True}],
        }
    else:
        shown["applicationId"] = document["name"]
    return shown


@endpoints.get("/api/2.0/preview/scim/v2/Me")
def me(call: Call) -> dict[str, Any]:
    document = call.workspace.directory.find(call.principal.name)
    assert document is not None
    # A service principal's own record carries its application id as the user name, too.
    return {**_shown(document, call.workspace.name), "userName": document["name"]}


@endpoints.get("/api/2.0/preview/scim/v2/{kind:str}")
def list_principals(call: Call) -> dict[str, Any]:
    kind = _KINDS.get(call.path["kind"])
    if kind is None:
        raise ApiError("ENDPOINT_NOT_FOUND", f"Path {call.request.url.path} was not found")
    documents = call.workspace.directory.documents(kind)
    if not call.principal.admin:  # the names of the others tell who else is a customer
        documents = [document for document in documents if document["name"] == call.principal.name]
    found = [_shown(document, call.workspace.name) for document in documents]
    attribute, _, value = call.text("filter", "").partition(" eq ")
    if value:
        found = [entry for entry in found if str(entry.get(attribute)) == value.strip('"')]
    start = call.integer("startIndex", 1) - 1
    count = call.integer("count", 100)
    chosen = found[start : start + count]
    return {"Resources": chosen, "totalResults": len(found), "startIndex": start + 1, "itemsPerPage": len(chosen)}


@endpoints.post("/api/2.0/preview/scim/v2/{kind:str}")
def add_principal(call: Call) -> Response:
    _require_admin(call)
    kind = _KINDS.get(call.path["kind"])
    if kind is None:
        raise ApiError("ENDPOINT_NOT_FOUND", f"Path {call.request.url.path} was not found")
    name = call.text("userName") if kind == "User" else call.text("displayName")
    if call.workspace.directory.find(name) is not None:
        raise ApiError("ALREADY_EXISTS", f"User with username {name} already exists.")
    entitlements = [str(entry["value"]) for entry in call.arguments.get("entitlements") or []]
    document = call.workspace.directory.add(name, kind, [], entitlements=entitlements)
    return JSONResponse(_shown(document, call.workspace.name), 201)


@endpoints.get("/api/2.0/preview/scim/v2/{kind:str}/{id:str}")
def get_principal(call: Call) -> dict[str, Any]:
    document = call.workspace.directory.find(call.path["id"])
    if document is None or document["kind"] != _KINDS.get(call.path["kind"]):
        raise missing(f"{call.path['kind']} with id {call.path['id']} not found.")
    if document["name"] != call.principal.name:
        _require_admin(call)
    return _shown(document, call.workspace.name)


@endpoints.patch("/api/2.0/preview/scim/v2/{kind:str}/{id:str}")
def change_principal(call: Call) -> dict[str, Any]:
    """Add, replace or remove entitlements; nothing else of a principal can be changed."""
    _require_admin(call)
    document = call.workspace.directory.find(call.path["id"])
    if document is None or document["kind"] != _KINDS.get(call.path["kind"]):
        raise missing(f"{call.path['kind']} with id {call.path['id']} not found.")
    held = entitlements_of(document)
    for operation in call.arguments.get("Operations") or []:
        held = _changed(held, str(operation.get("op")).lower(), str(operation.get("path")), operation.get("value"))
    return _shown(call.workspace.directory.set_entitlements(document["name"], held), call.workspace.name)


def _changed(held: list[str], verb: str, path: str, values: Any) -> list[str]:
    target = _ENTITLEMENTS.fullmatch(path)
    if target is None:
        raise invalid(f"The path {path!r} cannot be changed here: only entitlements can.")
    named = [target["one"]] if target["one"] else [str(entry["value"]) for entry in values or []]
    if verb == "remove":
        return [name for name in held if target["one"] and name not in named]
    if verb not in ("add", "replace"):
        raise invalid(f"The operation {verb!r} is none of add, replace and remove.")
    return sorted({*(held if verb == "add" else ()), *named})


@endpoints.delete("/api/2.0/preview/scim/v2/{kind:str}/{id:str}")
def remove_principal(call: Call) -> Response:
    _require_admin(call)
    document = call.workspace.directory.find(call.path["id"])
    if document is None:
        raise missing(f"{call.path['kind']} with id {call.path['id']} not found.")
    call.workspace.directory.remove(document["name"])
    return Response(status_code=204)


def _token_info(document: Document) -> dict[str, Any]:
    return {name: document[name] for name in ("token_id", "comment", "creation_time", "expiry_time")}


@endpoints.post("/api/2.0/token/create")
def create_token(call: Call) -> dict[str, Any]:
    lifetime = call.arguments.get("lifetime_seconds")
    token, document = call.workspace.tokens.issue(
        call.principal.name, call.text("comment", ""), None if lifetime in (None, -1) else float(lifetime)
    )
    return {"token_value": token, "token_info": _token_info(document)}


@endpoints.get("/api/2.0/token/list")
def list_tokens(call: Call) -> dict[str, Any]:
    return {"token_infos": [_token_info(document) for document in call.workspace.tokens.of(call.principal.name)]}


@endpoints.post("/api/2.0/token/delete")
def delete_token(call: Call) -> dict[str, Any]:
    if not call.workspace.tokens.revoke(call.text("token_id")):
        raise missing(f"Token with id {call.text('token_id')} does not exist")
    return {}


@endpoints.post("/api/2.0/token-management/on-behalf-of/tokens")
def create_token_for(call: Call) -> dict[str, Any]:
    _require_admin(call)
    document = call.workspace.directory.find(call.text("application_id"))
    if document is None or document["kind"] != "ServicePrincipal":
        raise missing(f"Service principal {call.text('application_id')} does not exist")
    lifetime = call.arguments.get("lifetime_seconds")
    token, kept = call.workspace.tokens.issue(
        document["name"], call.text("comment", ""), None if lifetime in (None, -1) else float(lifetime)
    )
    return {"token_value": token, "token_info": _token_info(kept)}


@endpoints.get("/oidc/.well-known/oauth-authorization-server")
def oauth_server(call: Call) -> dict[str, Any]:
    host = str(call.request.base_url).rstrip("/")
    return {
        "issuer": f"{host}/oidc",
        "authorization_endpoint": f"{host}/oidc/v1/authorize",
        "token_endpoint": f"{host}/oidc/v1/token",
    }


@endpoints.post("/oidc/v1/token")
async def oauth_token(call: Call) -> dict[str, Any]:
    """Client credentials: the id is the application id, the secret one of the service principal's tokens."""
    scheme, _, encoded = call.request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise ApiError("UNAUTHENTICATED", "invalid_client: client credentials are missing")
    identifier, _, secret = base64.b64decode(encoded).decode().partition(":")
    workspace = call.workspace
    if workspace.tokens.owner(secret) != workspace.directory.name_of(identifier):
        raise ApiError("UNAUTHENTICATED", "invalid_client: Client authentication failed")
    token, _ = workspace.tokens.issue(workspace.directory.name_of(identifier), "oauth", 3600)
    return {"access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": "all-apis"}


def _require_admin(call: Call) -> None:
    if not call.principal.admin:
        raise ApiError("PERMISSION_DENIED", "Only workspace admins may do this.")
