"""Secret scopes, who may use them, and the secrets that are made once and never replaced."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pipelines.databricks.bootstrap.identities import Identities
from pipelines.databricks.bootstrap.plan import Plan, RandomSecret, Secret, SecretScope, SigningKeys
from pipelines.databricks.bootstrap.step import BootstrapError, Step

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


def secret_steps(
    plan: Plan, client: WorkspaceClient, identities: Identities, supplied: Mapping[str, str]
) -> Iterator[Step]:
    """A step per scope, permission and secret; `supplied` are the values of supplied secrets by key."""
    if not plan.secret_scopes:
        return
    scopes = {scope.name for scope in client.secrets.list_scopes()}
    for scope in plan.secret_scopes:
        there = scope.name in scopes
        act = None if there else lambda scope=scope: client.secrets.create_scope(scope.name)
        yield Step("there" if there else "missing", f"secret scope {scope.name}", act)
        yield from _access(client, scope, identities)
        for secret in scope.secrets:
            yield from _secret(client, scope.name, secret, supplied)


def read_secret(client: WorkspaceClient, scope: str, key: str) -> str:
    """The value of a secret that the caller may read.

    Raises:
        databricks.sdk.errors.NotFound: there is no such secret.
        databricks.sdk.errors.PermissionDenied: the caller may not read the scope.
    """
    return base64.b64decode(client.secrets.get_secret(scope, key).value or "").decode()


def _access(client: WorkspaceClient, scope: SecretScope, identities: Identities) -> Iterator[Step]:
    from databricks.sdk.errors import NotFound
    from databricks.sdk.service.workspace import AclPermission

    try:
        present = {each.principal: each.permission for each in client.secrets.list_acls(scope.name)}
    except NotFound:
        present = {}
    wanted = {identities.id_of(each.principal): AclPermission(each.permission) for each in scope.access}
    for principal, permission in wanted.items():
        what = f"{permission.value} on secret scope {scope.name} to {identities.name_of(principal)}"
        if present.get(principal) == permission:
            yield Step("there", what)
        else:
            yield Step(
                "missing", what, lambda p=principal, level=permission: client.secrets.put_acl(scope.name, p, level)
            )
    for principal, permission in sorted((name, level) for name, level in present.items() if name not in wanted):
        # Who made a scope manages it, as every administrator of the workspace does.
        if permission != AclPermission.MANAGE:
            yield Step("foreign", f"{permission.value} on secret scope {scope.name} to {identities.name_of(principal)}")


def _secret(client: WorkspaceClient, scope: str, secret: Secret, supplied: Mapping[str, str]) -> Iterator[Step]:
    from databricks.sdk.errors import NotFound

    try:
        present = {each.key or "" for each in client.secrets.list_secrets(scope)}
    except NotFound:
        present = set()

    def put(key: str, value: str) -> None:
        client.secrets.put_secret(scope, key, string_value=value)

    if isinstance(secret, SigningKeys):
        yield _signing_keys(client, scope, secret, present)
        return
    what = f"secret {scope}/{secret.key}"
    if isinstance(secret, RandomSecret):
        act = None if secret.key in present else lambda: put(secret.key, secrets.token_hex(32))
        yield Step("there" if secret.key in present else "missing", what, act)
    elif secret.key not in present:

        def put_supplied() -> None:
            if secret.key not in supplied:
                raise BootstrapError(f"{what.capitalize()} is {secret.origin}, and no value was given: give it.")
            put(secret.key, supplied[secret.key])

        yield Step("missing", what, put_supplied)
    elif secret.key in supplied and read_secret(client, scope, secret.key) != supplied[secret.key]:
        yield Step("foreign", f"{what}: it has another value than {secret.origin}; delete it to have it set anew")
    else:
        yield Step("there", what)


def _signing_keys(client: WorkspaceClient, scope: str, keys: SigningKeys, present: set[str]) -> Step:
    what = f"secrets {scope}/{keys.signing_key} and {keys.public_key}"
    if {keys.signing_key, keys.public_key} <= present:
        return Step("there", what)

    def make() -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if keys.public_key in present:
            raise BootstrapError(
                f"Secret {scope}/{keys.signing_key} is gone but {keys.public_key} is there: a new pair would make all "
                "that was signed before invalid. Restore the signing key, or delete the public key, too."
            )
        if keys.signing_key in present:
            private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(read_secret(client, scope, keys.signing_key)))
        else:
            private = Ed25519PrivateKey.generate()
            # The private key first: if what follows is cut off, the next time derives the public one from it.
            client.secrets.put_secret(scope, keys.signing_key, string_value=private.private_bytes_raw().hex())
        client.secrets.put_secret(scope, keys.public_key, string_value=private.public_key().public_bytes_raw().hex())

    return Step("missing", what, make)
