"""The part of offboarding that an administrator of the production workspace does, with their own credentials.

First the customer's access, then, when a step has removed tables and files, the places where they were. Each is safe
to do again, and tells only what it removed now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pipelines.customers.onboarding_plan import principal_of, scope_of
from pipelines.customers.places import CATALOG, schema_of, volume_of

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


class LeftBehindError(Exception):
    """Something in the customer's schema is in no archive; the message says what, and what to do."""


def withdraw_access(client: WorkspaceClient, customer: str, principal: str) -> Iterator[str]:
    """Take away what the customer's principal may do, the principal that was made for it, and its secrets.

    Yields:
        What was removed, when it is.
    """
    made = principal == principal_of(customer)
    found = list(client.service_principals.list(filter=f'displayName eq "{principal}"')) if made else []
    names = [each.application_id or "" for each in found] if made else [principal]
    securables = (("volume", volume_of(customer)), ("schema", schema_of(customer)), ("catalog", CATALOG))
    for name in names:
        for kind, securable in securables:
            if held := _revoke(client, kind, securable, name):
                yield f"{held} on {kind} {securable} of {principal}"
    for each in found:
        if _gone(lambda each=each: client.service_principals.delete(each.id or "")):
            yield f"service principal {principal}"
    if _gone(lambda: client.secrets.delete_scope(scope_of(customer))):
        yield f"secret scope {scope_of(customer)}"


def drop_places(client: WorkspaceClient, customer: str) -> Iterator[str]:
    """Drop the customer's volume and schema, which must be empty by now.

    Yields:
        What was dropped, when it is.

    Raises:
        LeftBehindError: the schema holds something that the archive does not.
    """
    from databricks.sdk.errors import NotFound

    schema = schema_of(customer)
    try:
        left = [each.full_name for each in client.tables.list(CATALOG, schema.partition(".")[2])]
        left += [each.full_name for each in client.volumes.list(CATALOG, schema.partition(".")[2])]
    except NotFound:
        return
    if others := sorted(str(each) for each in left if each != volume_of(customer)):
        raise LeftBehindError(
            f"{schema} also holds {', '.join(others)}, which no archive has: keep what is needed of it, drop it by "
            "hand, and go on with the same command."
        )
    if _gone(lambda: client.volumes.delete(volume_of(customer))):
        yield f"volume {volume_of(customer)}"
    if _gone(lambda: client.schemas.delete(schema)):
        yield f"schema {schema}"


def _revoke(client: WorkspaceClient, kind: str, securable: str, principal: str) -> str:
    """Take back what is granted to the principal on the securable itself; what that was, empty for nothing."""
    from databricks.sdk.errors import NotFound

    path = f"/api/2.1/unity-catalog/permissions/{kind}/{securable}"
    try:
        found = client.api_client.do("GET", path, query={"principal": principal})
    except NotFound:
        return ""
    assert isinstance(found, dict)
    held = sorted({name for entry in found.get("privilege_assignments", []) for name in entry.get("privileges", [])})
    if kind == "catalog":  # whatever else a group holds there, onboarding did not grant it
        held = [name for name in held if name.replace(" ", "_") == "USE_CATALOG"]
    if held:
        client.api_client.do("PATCH", path, body={"changes": [{"principal": principal, "remove": held}]})
    return ", ".join(name.replace("_", " ") for name in held)


def _gone(remove: Callable[[], object]) -> bool:
    """Whether this call removed it; False if it was not there."""
    from databricks.sdk.errors import NotFound

    try:
        remove()
    except NotFound:
        return False
    return True
