"""Grants: what principals hold on a plan's securables, against what they should."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from pipelines.databricks.bootstrap.identities import Identities
from pipelines.databricks.bootstrap.plan import ANYONE, Grant, Plan, SecurableType
from pipelines.databricks.bootstrap.step import BootstrapError, Step

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

Held = dict[str, set[str]]
"""Principal, as access lists know it -> privileges."""


def grant_steps(plan: Plan, client: WorkspaceClient, identities: Identities) -> Iterator[Step]:
    """What to grant, and what the plan's service principals hold beyond it; other principals' are only reported."""
    own = (*(each.name for each in plan.service_principals), *plan.managed)
    managed = {identities.id_of(each) for each in own}
    for kind, name in plan.securables():
        wanted = _of(plan.grants, name, identities)
        elsewhere = _of(plan.granted_elsewhere, name, identities)
        present = _present(client, kind, name)
        for principal in sorted({*wanted, *present}):
            planned = wanted.get(principal, set())
            held = present.get(principal, set())
            more = held - planned - elsewhere.get(principal, set())
            if principal not in managed:
                more -= elsewhere.get(ANYONE, set())
            label = f"on {kind} {name} to {identities.name_of(principal)}"
            if planned & held:
                yield Step("there", f"{_listed(planned & held)} {label}")
            if planned - held:
                yield _change(
                    client, kind, name, principal, "add", planned - held, f"{_listed(planned - held)} {label}"
                )
            if more and principal in managed:
                yield _change(client, kind, name, principal, "remove", more, f"{_listed(more)} {label}")
            elif more and not plan.is_borrowed(name):
                yield Step("foreign", f"{_listed(more)} {label}")


def _of(grants: Iterable[Grant], securable: str, identities: Identities) -> Held:
    held: Held = {}
    for grant in grants:
        if grant.securable == securable:
            principal = ANYONE if grant.principal == ANYONE else identities.id_of(grant.principal)
            held.setdefault(principal, set()).update(grant.privileges)
    return held


def _present(client: WorkspaceClient, kind: SecurableType, name: str) -> Held:
    from databricks.sdk.errors import NotFound

    held: Held = {}
    query: dict[str, Any] = {}
    while True:
        try:
            # The SDK's own types leave out privileges that are younger than it is; drift must not.
            answer: Any = client.api_client.do("GET", _path(kind, name), query=query)
        except NotFound:
            return {}
        for entry in answer.get("privilege_assignments", []):
            names = (text.upper().replace(" ", "_") for text in entry.get("privileges", []))
            held.setdefault(entry["principal"], set()).update(names)
        if not answer.get("next_page_token"):
            return held
        query = {"page_token": answer["next_page_token"]}


def _change(
    client: WorkspaceClient, kind: SecurableType, name: str, principal: str, verb: str, privileges: set[str], what: str
) -> Step:
    def act() -> None:
        from databricks.sdk.errors import NotFound

        body = {"changes": [{"principal": principal, verb: sorted(privileges)}]}
        try:
            client.api_client.do("PATCH", _path(kind, name), body=body)
        except NotFound as error:
            raise BootstrapError(
                f"{what} cannot be granted: {error} If it is the securable that is missing, apply the plan of the "
                "workspace that makes it first. If it is a group, make it in the account console: groups of one "
                "workspace get no grants."
            ) from error

    return Step("missing" if verb == "add" else "extra", what, act)


def _path(kind: SecurableType, name: str) -> str:
    return f"/api/2.1/unity-catalog/permissions/{kind}/{name}"


def _listed(privileges: Iterable[str]) -> str:
    return ", ".join(sorted(each.replace("_", " ") for each in privileges))
