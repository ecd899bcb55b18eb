"""Who is who: users, service principals, groups, and the tokens that prove it."""

from __future__ import annotations

import hashlib
import secrets
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from pipelines.local.errors import ApiError
from pipelines.local.settings import LocalSettings, admin_name
from pipelines.local.store import Document, Store

_NAMESPACE = uuid.UUID("6d0e7a52-0c61-4a1c-9a57-6f2f7b1c9d10")
EVERYONE = "account users"
CREATE_CLUSTERS = "allow-cluster-create"
"""Entitlement of a user or service principal, as SCIM calls it."""
ENTITLEMENTS = ("workspace-access", "databricks-sql-access", CREATE_CLUSTERS)


@dataclass(frozen=True)
class Principal:
    """A user or a service principal. `name` is what grants refer to: an e-mail, or an application id."""

    name: str
    display_name: str
    kind: str
    admin: bool = False
    groups: frozenset[str] = field(default=frozenset())
    may_create_clusters: bool = True
    """Whether it is entitled to clusters of any kind, not only to those of a policy."""

    @property
    def identities(self) -> frozenset[str]:
        """All names under which this principal may hold a grant."""
        return self.groups | {self.name, EVERYONE}


class Directory:
    """The account's users, service principals and groups; workspaces share it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(
        self,
        display_name: str,
        kind: str,
        admin_of: list[str],
        groups: list[str] | None = None,
        entitlements: list[str] | None = None,
    ) -> Document:
        """The principal of that name, made if there is none. Service principals get an application id.

        Without a list of entitlements one that is made has them all.
        """
        name = display_name if kind == "User" else str(uuid.uuid5(_NAMESPACE, display_name))
        with self._store.transaction():
            document = self._store.get("principal", name) or {
                "id": str(self._store.next_number("principal", 4_000_000_000_001)),
                "name": name,
                "display_name": display_name,
                "kind": kind,
                "admin_of": [],
                "groups": [],
            }
            if entitlements is not None:
                document["entitlements"] = entitlements
            document["admin_of"] = sorted({*document["admin_of"], *admin_of})
            document["groups"] = sorted({*document["groups"], *(groups or [])})
            self._store.put("principal", name, document)
        return document

    def set_entitlements(self, name: str, entitlements: list[str]) -> Document:
        """Replace what the principal is entitled to; its document."""
        with self._store.transaction():
            document = {**(self._store.get("principal", name) or {}), "entitlements": entitlements}
            self._store.put("principal", name, document)
        return document

    def set_rules(self, name: str, rules: list[dict[str, Any]]) -> None:
        """Replace who may use and manage the service principal."""
        with self._store.transaction():
            document = self.find(name)
            if document is not None:
                self._store.put("principal", document["name"], {**document, "grant_rules": rules})

    def documents(self, kind: str) -> list[Document]:
        """All principals of a kind (`User` or `ServicePrincipal`)."""
        return [document for _, document in self._store.items("principal") if document["kind"] == kind]

    def find(self, name: str) -> Document | None:
        """The principal with that name, display name, or id."""
        document = self._store.get("principal", name)
        if document is not None:
            return document
        return next(
            (entry for _, entry in self._store.items("principal") if name in (entry["display_name"], entry["id"])), None
        )

    def remove(self, name: str) -> None:
        """Forget the principal."""
        self._store.delete("principal", name)

    def name_of(self, name: str) -> str:
        """What grants call the principal: its application id or user name; groups stay as they are."""
        document = self.find(name)
        return name if document is None else document["name"]

    def principal(self, name: str, workspace: str) -> Principal:
        """The principal as one workspace sees it.

        Raises:
            ApiError: nobody has that name.
        """
        document = self.find(name)
        if document is None:
            raise ApiError("RESOURCE_DOES_NOT_EXIST", f"Principal: Could not find principal with name {name}")
        admin = workspace in document["admin_of"]
        groups = {*document["groups"], "users", *(["admins"] if admin else [])}
        entitled = admin or CREATE_CLUSTERS in entitlements_of(document)
        return Principal(
            document["name"], document["display_name"], document["kind"], admin, frozenset(groups), entitled
        )


def entitlements_of(document: Document) -> list[str]:
    """What the principal is entitled to: all, if nothing was ever said of it."""
    return document.get("entitlements", [*ENTITLEMENTS])


class Tokens:
    """Personal access tokens of one workspace; only their digests are kept.

    The metastore knows of each which workspace's it is, so that one that is used elsewhere is refused by its name.
    """

    def __init__(self, store: Store, shared: Store, workspace: str) -> None:
        self._store = store
        self._shared = shared
        self._workspace = workspace

    def issue(
        self, principal: str, comment: str = "", lifetime_s: float | None = None, task: bool = False
    ) -> tuple[str, Document]:
        """A new token for the principal, and what is kept of it; one for a task is known in its workspace only."""
        token = f"dapi{secrets.token_hex(16)}"
        now = int(time.time() * 1000)
        document = {
            "token_id": secrets.token_hex(32),
            "principal": principal,
            "comment": comment,
            "creation_time": now,
            "expiry_time": -1 if lifetime_s is None else now + int(lifetime_s * 1000),
        }
        self._store.put("token", _digest(token), document)
        if not task:
            self._shared.put("token_workspace", _digest(token), {"workspace": self._workspace})
        return token, document

    def adopt(self, token: str, principal: str) -> None:
        """Accept a token that was made elsewhere."""
        self._store.put(
            "token",
            _digest(token),
            {
                "token_id": secrets.token_hex(32),
                "principal": principal,
                "comment": "bootstrap",
                "creation_time": int(time.time() * 1000),
                "expiry_time": -1,
            },
        )
        self._shared.put("token_workspace", _digest(token), {"workspace": self._workspace})

    def owner(self, token: str) -> str:
        """The name of the principal whose token this is.

        Raises:
            ApiError: the token is unknown here (wrong, or of another workspace), or has expired.
        """
        document = self._store.get("token", _digest(token))
        if document is None:
            raise ApiError(403, self._refusal(token), status=403)
        if 0 <= document["expiry_time"] <= time.time() * 1000:
            raise ApiError(401, f"Token is expired (workspace '{self._workspace}').", status=401)
        return document["principal"]

    def _refusal(self, token: str) -> str:
        known = self._shared.get("token_workspace", _digest(token))
        if known is None or known["workspace"] == self._workspace:
            return f"Invalid access token. Workspace '{self._workspace}' does not know it, or it was revoked."
        return (
            f"Invalid access token. It is one of workspace '{known['workspace']}', and this is '{self._workspace}': "
            "use the address or the token of the other one."
        )

    def of(self, principal: str) -> list[Document]:
        """What is kept of the principal's tokens."""
        return [document for _, document in self._store.items("token") if document["principal"] == principal]

    def revoke(self, token_id: str) -> bool:
        """Make the token with that id invalid; whether there was one."""
        for key, document in self._store.items("token"):
            if document["token_id"] == token_id:
                return self._store.delete("token", key)
        return False

    def revoke_commented(self, prefix: str) -> None:
        """Make every token invalid whose comment begins so."""
        for key, document in self._store.items("token"):
            if document["comment"].startswith(prefix):
                self._store.delete("token", key)

    def revoke_token(self, token: str) -> None:
        """Make this token invalid."""
        self._store.delete("token", _digest(token))


def populate(directory: Directory, settings: LocalSettings) -> None:
    """Make the principals that the settings name, and one administrator per workspace."""
    for workspace in settings.workspaces:
        directory.add(admin_name(workspace), "User", [workspace], ["metastore-admins"])
    for principal in settings.principals:
        directory.add(principal.name, "ServicePrincipal", [principal.workspace] if principal.admin else [])


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
