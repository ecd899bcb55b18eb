"""Secret scopes, their secrets and access lists. Values leave only through `get`, to those who may read."""

from __future__ import annotations

import base64
import time
from typing import Any

from pipelines.local.endpoints import Call, Endpoints
from pipelines.local.errors import ApiError, invalid, missing
from pipelines.local.identity import Principal
from pipelines.local.store import Store

endpoints = Endpoints()

_LEVELS = {"READ": 1, "WRITE": 2, "MANAGE": 3}
_LONGEST_SECRET = 128 * 1024


class Secrets:
    """The secret scopes of one workspace."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create_scope(self, scope: str, owner: str) -> None:
        """Make a scope that `owner` manages.

        Raises:
            ApiError: there is one of that name.
        """
        with self._store.transaction():
            if self._store.get("secret_scope", scope) is not None:
                raise ApiError("RESOURCE_ALREADY_EXISTS", f"Scope {scope} already exists!")
            self._store.put("secret_scope", scope, {"acls": {owner: "MANAGE"}})

    def scopes(self) -> dict[str, dict[str, str]]:
        """The access list of every scope."""
        return {scope: document["acls"] for scope, document in self._store.items("secret_scope")}

    def acls(self, scope: str) -> dict[str, str]:
        """Principal -> permission of one scope.

        Raises:
            ApiError: there is no such scope.
        """
        document = self._store.get("secret_scope", scope)
        if document is None:
            raise missing(f"Scope {scope} does not exist!")
        return document["acls"]

    def set_acls(self, scope: str, acls: dict[str, str]) -> None:
        """Replace the access list of a scope."""
        self._store.put("secret_scope", scope, {"acls": acls})

    def delete_scope(self, scope: str) -> None:
        """Remove a scope and everything in it."""
        self.acls(scope)
        with self._store.transaction():
            for key, _ in self._store.items("secret", f"{scope}/"):
                self._store.delete("secret", key)
            self._store.delete("secret_scope", scope)

    def require(self, scope: str, principal: Principal, level: str) -> None:
        """Go on only if the principal holds at least that permission on the scope.

        Raises:
            ApiError: the scope does not exist, or the permission is lacking.
        """
        acls = self.acls(scope)
        held = max((_LEVELS[acls[name]] for name in principal.identities | {"users"} if name in acls), default=0)
        if held < _LEVELS[level]:
            raise ApiError(
                "PERMISSION_DENIED",
                f"User {principal.name} does not have {level} permission on scope {scope}.",
            )

    def put(self, scope: str, key: str, value: bytes) -> None:
        """Write a secret's value."""
        document = {"value": base64.b64encode(value).decode(), "at": int(time.time() * 1000)}
        self._store.put("secret", f"{scope}/{key}", document)

    def get(self, scope: str, key: str) -> str:
        """A secret's value, base64.

        Raises:
            ApiError: there is no such secret.
        """
        document = self._store.get("secret", f"{scope}/{key}")
        if document is None:
            raise missing(f"Secret does not exist with scope: {scope} and key: {key}")
        return document["value"]

    def keys(self, scope: str) -> list[dict[str, Any]]:
        """The keys of a scope and when each was last written."""
        prefix = f"{scope}/"
        return [
            {"key": key.removeprefix(prefix), "last_updated_timestamp": document["at"]}
            for key, document in self._store.items("secret", prefix)
        ]

    def delete(self, scope: str, key: str) -> None:
        """Remove a secret."""
        self.get(scope, key)
        self._store.delete("secret", f"{scope}/{key}")

    def redact(self, text: str) -> str:
        """The text with every secret value in it replaced, as Databricks' logs show it."""
        for _, document in self._store.items("secret"):
            value = base64.b64decode(document["value"]).decode(errors="replace")
            if len(value) >= 4:
                text = text.replace(value, "[REDACTED]")
        return text


@endpoints.post("/api/2.0/secrets/scopes/create")
def create_scope(call: Call) -> dict[str, Any]:
    scope = call.text("scope")
    if len(scope) > 128 or not all(letter.isalnum() or letter in "-_.@/ " for letter in scope):
        raise invalid(f"Scope name {scope!r} is not valid.")
    call.workspace.secrets.create_scope(scope, call.text("initial_manage_principal", call.principal.name))
    return {}


@endpoints.get("/api/2.0/secrets/scopes/list")
def list_scopes(call: Call) -> dict[str, Any]:
    mine = call.principal.identities | {"users"}
    return {
        "scopes": [
            {"name": scope, "backend_type": "DATABRICKS"}
            for scope, acls in call.workspace.secrets.scopes().items()
            if mine & acls.keys()
        ]
    }


@endpoints.post("/api/2.0/secrets/scopes/delete")
def delete_scope(call: Call) -> dict[str, Any]:
    call.workspace.secrets.require(call.text("scope"), call.principal, "MANAGE")
    call.workspace.secrets.delete_scope(call.text("scope"))
    return {}


@endpoints.post("/api/2.0/secrets/put")
def put_secret(call: Call) -> dict[str, Any]:
    scope, key = call.text("scope"), call.text("key")
    call.workspace.secrets.require(scope, call.principal, "WRITE")
    encoded = call.arguments.get("bytes_value")
    value = base64.b64decode(encoded) if encoded is not None else call.text("string_value", "").encode()
    if len(value) > _LONGEST_SECRET:
        raise ApiError("INVALID_PARAMETER_VALUE", "The maximum allowed secret value size is 128 KB.")
    call.workspace.secrets.put(scope, key, value)
    return {}


@endpoints.get("/api/2.0/secrets/get")
def get_secret(call: Call) -> dict[str, Any]:
    scope, key = call.text("scope"), call.text("key")
    call.workspace.secrets.require(scope, call.principal, "READ")
    return {"key": key, "value": call.workspace.secrets.get(scope, key)}


@endpoints.get("/api/2.0/secrets/list")
def list_secrets(call: Call) -> dict[str, Any]:
    call.workspace.secrets.require(call.text("scope"), call.principal, "READ")
    return {"secrets": call.workspace.secrets.keys(call.text("scope"))}


@endpoints.post("/api/2.0/secrets/delete")
def delete_secret(call: Call) -> dict[str, Any]:
    call.workspace.secrets.require(call.text("scope"), call.principal, "WRITE")
    call.workspace.secrets.delete(call.text("scope"), call.text("key"))
    return {}


@endpoints.post("/api/2.0/secrets/acls/put")
def put_acl(call: Call) -> dict[str, Any]:
    scope, permission = call.text("scope"), call.text("permission")
    call.workspace.secrets.require(scope, call.principal, "MANAGE")
    if permission not in _LEVELS:
        raise invalid(f"Permission {permission} is not one of READ, WRITE, MANAGE.")
    name = call.workspace.directory.name_of(call.text("principal"))
    call.workspace.secrets.set_acls(scope, {**call.workspace.secrets.acls(scope), name: permission})
    return {}


@endpoints.get("/api/2.0/secrets/acls/get")
def get_acl(call: Call) -> dict[str, Any]:
    call.workspace.secrets.require(call.text("scope"), call.principal, "MANAGE")
    name = call.workspace.directory.name_of(call.text("principal"))
    acls = call.workspace.secrets.acls(call.text("scope"))
    if name not in acls:
        raise missing(f"No ACL for principal {name} on scope {call.text('scope')}")
    return {"principal": name, "permission": acls[name]}


@endpoints.get("/api/2.0/secrets/acls/list")
def list_acls(call: Call) -> dict[str, Any]:
    call.workspace.secrets.require(call.text("scope"), call.principal, "MANAGE")
    acls = call.workspace.secrets.acls(call.text("scope"))
    return {"items": [{"principal": name, "permission": level} for name, level in sorted(acls.items())]}


@endpoints.post("/api/2.0/secrets/acls/delete")
def delete_acl(call: Call) -> dict[str, Any]:
    scope = call.text("scope")
    call.workspace.secrets.require(scope, call.principal, "MANAGE")
    name = call.workspace.directory.name_of(call.text("principal"))
    acls = call.workspace.secrets.acls(scope)
    if acls.pop(name, None) is None:
        raise missing(f"No ACL for principal {name} on scope {scope}")
    call.workspace.secrets.set_acls(scope, acls)
    return {}
