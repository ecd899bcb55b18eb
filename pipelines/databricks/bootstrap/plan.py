"""What a workspace and its metastore must hold before the first run, as plain values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

SecurableType = Literal["catalog", "schema", "volume"]
Permission = Literal["READ", "WRITE", "MANAGE"]
Entitlement = Literal["workspace-access", "allow-cluster-create"]
ComputeKind = Literal["cluster-policies", "instance-pools"]
ANYONE = "*"
"""Stands for every principal that is not the plan's own, in what another plan grants."""


@dataclass(frozen=True)
class Catalog:
    """A catalog that only bound workspaces see; `writable` is this workspace's binding.

    A `borrowed` catalog is another plan's: it must exist, and only this workspace's binding is added.
    """

    name: str
    comment: str = ""
    writable: bool = True
    borrowed: bool = False
    managed_location: str | None = None
    """Where its managed tables and volumes live, such as `s3://bucket/main`; None: the metastore's root storage."""


@dataclass(frozen=True)
class Schema:
    """A schema, by its full name `catalog.schema`; `own` says that it is this plan's though its catalog is borrowed."""

    name: str
    comment: str = ""
    own: bool = False


@dataclass(frozen=True)
class Volume:
    """A volume, by its full name; `location` makes it an external one over files that exist apart from it."""

    name: str
    comment: str = ""
    location: str | None = None


@dataclass(frozen=True)
class Table:
    """A table, by its full name, and its `CREATE TABLE IF NOT EXISTS` statement."""

    name: str
    statement: str


@dataclass(frozen=True)
class ServicePrincipal:
    """A service principal by its display name. A plan names every grant of it: others are taken back."""

    name: str
    entitlements: frozenset[Entitlement] = frozenset()
    """What it may do in the workspace; a right to make clusters that is not named is taken back."""


@dataclass(frozen=True)
class Grant:
    """Privileges on one securable, for a service principal of the plan (display name), a group or a user."""

    securable_type: SecurableType
    securable: str
    principal: str
    privileges: frozenset[str]

    def __post_init__(self) -> None:
        if not self.privileges:
            raise ValueError(f"A grant on {self.securable_type} {self.securable} to {self.principal} grants nothing.")


@dataclass(frozen=True)
class ComputeAccess:
    """A service principal's right to make clusters of a policy, or from a pool, that somebody else makes."""

    kind: ComputeKind
    identifier: str
    principal: str

    @property
    def permission(self) -> str:
        """The permission that this takes, as the permissions API calls it."""
        return {"cluster-policies": "CAN_USE", "instance-pools": "CAN_ATTACH_TO"}[self.kind]

    @property
    def label(self) -> str:
        """Permission, object and principal, in words."""
        kind = {"cluster-policies": "cluster policy", "instance-pools": "instance pool"}[self.kind]
        return f"{self.permission} on {kind} {self.identifier} to {self.principal}"


@dataclass(frozen=True)
class SecretAccess:
    """A principal's permission on a secret scope."""

    principal: str
    permission: Permission


@dataclass(frozen=True)
class RandomSecret:
    """A secret of 32 random bytes, hexadecimal, made once."""

    key: str


@dataclass(frozen=True)
class SigningKeys:
    """An Ed25519 pair, 32 bytes each in hexadecimal, made once under two keys of the scope."""

    signing_key: str
    public_key: str


@dataclass(frozen=True)
class SuppliedSecret:
    """A secret whose value comes from outside, such as another workspace's public key; `origin` says from where."""

    key: str
    origin: str


Secret = RandomSecret | SigningKeys | SuppliedSecret


@dataclass(frozen=True)
class SecretScope:
    """A secret scope, who may use it and what it holds. What a secret holds is never replaced."""

    name: str
    access: tuple[SecretAccess, ...] = ()
    secrets: tuple[Secret, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Everything that one workspace needs. Parents come before children by kind, in the order of the fields."""

    workspace: str
    service_principals: tuple[ServicePrincipal, ...] = ()
    compute_access: tuple[ComputeAccess, ...] = ()
    catalogs: tuple[Catalog, ...] = ()
    schemas: tuple[Schema, ...] = ()
    volumes: tuple[Volume, ...] = ()
    tables: tuple[Table, ...] = ()
    """Made only on demand (`create_tables`): whoever writes a table first makes it from its contract."""
    grants: tuple[Grant, ...] = ()
    granted_elsewhere: tuple[Grant, ...] = ()
    """What another plan grants on securables of this one, perhaps to `ANYONE`: not made here, and no drift."""
    managed: tuple[str, ...] = ()
    """Principals that others make and whose grants this plan names all of, as it does of its service principals."""
    secret_scopes: tuple[SecretScope, ...] = ()

    def __post_init__(self) -> None:
        known = {securable for _, securable in self.securables()}
        for securable in (*sorted(known), *(each.name for each in self.tables)):
            parent = securable.rpartition(".")[0]
            if parent and parent not in known:
                raise ValueError(f"The plan holds {securable} but not {parent}: add it.")
        for grant in (*self.grants, *self.granted_elsewhere):
            if grant.securable not in known:
                raise ValueError(f"The plan grants on {grant.securable}, which it does not hold: add it.")

    def is_borrowed(self, securable: str) -> bool:
        """Whether the securable is another plan's: its catalog is, and its schema is not this plan's own."""
        if ".".join(securable.split(".")[:2]) in {each.name for each in self.schemas if each.own}:
            return False
        return securable.partition(".")[0] in {each.name for each in self.catalogs if each.borrowed}

    def securables(self) -> list[tuple[SecurableType, str]]:
        """Kind and full name of everything that can carry grants, parents first."""
        kinds: tuple[tuple[SecurableType, Sequence[Catalog | Schema | Volume]], ...] = (
            ("catalog", self.catalogs),
            ("schema", self.schemas),
            ("volume", self.volumes),
        )
        return [(kind, each.name) for kind, members in kinds for each in members]

    @property
    def digest(self) -> str:
        """Changes whenever anything in the plan does: who keeps it knows whether to apply again."""
        plain = json.dumps(asdict(self), sort_keys=True, default=sorted)
        return hashlib.sha256(plain.encode()).hexdigest()
