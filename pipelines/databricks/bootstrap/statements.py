"""A plan as SQL, for review and for a SQL editor; what has no statement is told in comments."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

from pipelines.databricks.bootstrap.plan import (
    Catalog,
    Grant,
    Plan,
    RandomSecret,
    Secret,
    SecretScope,
    ServicePrincipal,
    SigningKeys,
    Volume,
)


def as_sql(plan: Plan, application_ids: Mapping[str, str] | None = None, tables: bool = False) -> str:
    """The plan as a script. `application_ids` are those of service principals, by display name.

    Databricks grants to a service principal by its application id; without it the script holds the display name.
    """
    ids = dict(application_ids or {})
    unknown = [each.name for each in plan.service_principals if each.name not in ids]
    own = [each for each in plan.schemas if not plan.is_borrowed(each.name)]
    sections = [
        _heading(plan, unknown),
        "\n".join(line for each in plan.service_principals for line in _principal(each, plan)),
        "\n\n".join(_catalog(each, plan.workspace) for each in plan.catalogs),
        "\n".join(f"CREATE SCHEMA IF NOT EXISTS {each.name}{_comment(each.comment)};" for each in own),
        "\n".join(_volume(each) for each in plan.volumes),
        "\n\n".join(f"{each.statement};" for each in plan.tables) if tables else _tables_later(plan),
        "\n".join(_grant(each, ids) for each in plan.grants),
        "\n".join(line for each in plan.secret_scopes for line in _scope(each)),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _heading(plan: Plan, unknown: list[str]) -> str:
    lines = [f"-- What the workspace {plan.workspace} needs. Every statement may be run again."]
    if unknown:
        text = (
            f"In GRANT, Databricks wants the application id of {', '.join(unknown)} in place of the name: "
            "give it with --application-id. Applying through the SDK looks it up."
        )
        lines += [f"-- {line}" for line in textwrap.wrap(text, 110)]
    return "\n".join(lines)


def _principal(principal: ServicePrincipal, plan: Plan) -> Iterator[str]:
    yield f"-- service principal {principal.name}: added to the workspace"
    if principal.entitlements:
        yield f"--   entitlements: {', '.join(sorted(principal.entitlements))}"
    yield from (f"--   {each.label}" for each in plan.compute_access if each.principal == principal.name)


def _catalog(catalog: Catalog, workspace: str) -> str:
    binding = (
        f"-- catalog {catalog.name}: bound to {workspace}, {'read and write' if catalog.writable else 'read only'}"
    )
    if catalog.borrowed:
        return f"{binding}; it must exist already"
    location = f"\n  MANAGED LOCATION {quoted(catalog.managed_location)}" if catalog.managed_location else ""
    statement = f"CREATE CATALOG IF NOT EXISTS {catalog.name}{location}{_comment(catalog.comment)};"
    return f"{statement}\n{binding}, hidden from workspaces without a binding (isolation mode ISOLATED)"


def _volume(volume: Volume) -> str:
    external, location = ("EXTERNAL ", f"\n  LOCATION {quoted(volume.location)}") if volume.location else ("", "")
    return f"CREATE {external}VOLUME IF NOT EXISTS {volume.name}{location}{_comment(volume.comment)};"


def _tables_later(plan: Plan) -> str:
    if not plan.tables:
        return ""
    names = textwrap.wrap(", ".join(each.name for each in plan.tables), 110)
    return "\n".join(
        ["-- Tables, made by the first run that writes them (--tables: now):", *(f"--   {n}" for n in names)]
    )


def _grant(grant: Grant, ids: Mapping[str, str]) -> str:
    privileges = ", ".join(sorted(each.replace("_", " ") for each in grant.privileges))
    principal = ids.get(grant.principal, grant.principal)
    return f"GRANT {privileges} ON {grant.securable_type.upper()} {grant.securable} TO `{principal}`;"


def _scope(scope: SecretScope) -> Iterator[str]:
    yield f"-- secret scope {scope.name}: created"
    for access in scope.access:
        yield f"--   {access.permission} to {access.principal}"
    for secret in scope.secrets:
        yield f"--   {_secret(secret)}"


def _secret(secret: Secret) -> str:
    if isinstance(secret, RandomSecret):
        return f"{secret.key}: 32 random bytes, if there is none"
    if isinstance(secret, SigningKeys):
        return f"{secret.signing_key}, {secret.public_key}: an Ed25519 pair, if there is none"
    return f"{secret.key}: {secret.origin}, if there is none"


def _comment(text: str) -> str:
    return f"\n  COMMENT {quoted(text)}" if text else ""


def quoted(text: str | None) -> str:
    """The text as a literal of Spark SQL."""
    escaped = (text or "").replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
