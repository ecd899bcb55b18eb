"""What Unity Catalog's grants mean: inheritance, ownership, and the bindings of catalogs to workspaces."""

from __future__ import annotations

from pipelines.local.errors import ApiError, forbidden
from pipelines.local.identity import Principal
from pipelines.local.store import Store

ALL = "ALL_PRIVILEGES"
METASTORE_ADMINS = "metastore-admins"
WRITING = frozenset(
    {
        "MODIFY",
        "WRITE_VOLUME",
        "CREATE_SCHEMA",
        "CREATE_TABLE",
        "CREATE_VOLUME",
        "CREATE_EXTERNAL_VOLUME",
        "CREATE_FUNCTION",
        "CREATE_MODEL",
    }
)
KNOWN = WRITING | {
    ALL,
    "USE_CATALOG",
    "USE_SCHEMA",
    "SELECT",
    "READ_VOLUME",
    "BROWSE",
    "MANAGE",
    "APPLY_TAG",
    "EXECUTE",
    "CREATE_CATALOG",
    "CREATE_EXTERNAL_LOCATION",
    "CREATE_MATERIALIZED_VIEW",
    "EXTERNAL_USE_SCHEMA",
}
_LEVELS = ("catalog", "schema")


def ancestors(kind: str, full_name: str) -> list[tuple[str, str]]:
    """The securable and all above it below the metastore, outermost first."""
    parts = full_name.split(".")
    chain = [(level, ".".join(parts[: depth + 1])) for depth, level in enumerate(_LEVELS) if depth < len(parts) - 1]
    return [*chain, (kind, full_name)]


class Privileges:
    """Answers who may do what, from the grants in the metastore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def grants(self, kind: str, full_name: str) -> dict[str, list[str]]:
        """Principal -> privileges granted on this very securable."""
        return self._store.get("grant", f"{kind}:{full_name}") or {}

    def set_grants(self, kind: str, full_name: str, grants: dict[str, list[str]]) -> None:
        """Replace what is granted on this very securable."""
        kept = {principal: sorted(set(privileges)) for principal, privileges in grants.items() if privileges}
        self._store.put("grant", f"{kind}:{full_name}", kept)

    def grant(self, kind: str, full_name: str, principal: str, privileges: tuple[str, ...] | list[str]) -> None:
        """Grant privileges, beside those already held."""
        with self._store.transaction():
            grants = self.grants(kind, full_name)
            grants[principal] = [*grants.get(principal, []), *privileges]
            self.set_grants(kind, full_name, grants)

    def owns(self, principal: Principal, kind: str, full_name: str) -> bool:
        """Whether the principal owns the securable or one above it."""
        for level, name in ancestors(kind, full_name):
            document = self._store.get(level, name)
            if document is not None and document.get("owner") in principal.identities:
                return True
        return False

    def held(self, principal: Principal, workspace: str, kind: str, full_name: str) -> set[str]:
        """Every privilege that the principal holds on the securable in that workspace, inherited ones included."""
        binding = self.binding(full_name.split(".")[0], workspace)
        if binding is None:
            return set()
        held: set[str] = set()
        if self.owns(principal, kind, full_name):
            held = set(KNOWN)
        else:
            for level, name in ancestors(kind, full_name):
                for grantee, privileges in self.grants(level, name).items():
                    if grantee in principal.identities:
                        held |= set(KNOWN if ALL in privileges else privileges)
        return held if binding else held - WRITING

    def binding(self, catalog: str, workspace: str) -> bool | None:
        """Whether the workspace may write to the catalog; None if it does not even see it."""
        document = self._store.get("catalog", catalog)
        if document is None or document.get("isolation_mode") != "ISOLATED":
            return True
        return document["bindings"].get(workspace)

    def require(self, principal: Principal, workspace: str, privilege: str, kind: str, full_name: str) -> None:
        """Go on only with the privilege, and with USE on all that is above.

        Raises:
            ApiError: 403 that names the first privilege that is lacking, as Unity Catalog does.
        """
        catalog = full_name.split(".")[0]
        if self.binding(catalog, workspace) is None:
            raise ApiError(
                "PERMISSION_DENIED",
                f"Catalog '{catalog}' is not accessible in current workspace",
                metadata={"resourceType": "Catalog", "resourceName": catalog},
            )
        chain = ancestors(kind, full_name)
        needed = [(f"USE_{level.upper()}", level, name) for level, name in chain[:-1]]
        if not (kind in _LEVELS and privilege == f"USE_{kind.upper()}"):
            needed += [(f"USE_{kind.upper()}", kind, full_name)] if kind in _LEVELS and privilege != "MANAGE" else []
        for wanted, level, name in [*needed, (privilege, kind, full_name)]:
            if wanted not in self.held(principal, workspace, level, name):
                if wanted in WRITING and self.binding(catalog, workspace) is False:
                    raise ApiError(
                        "PERMISSION_DENIED",
                        f"Catalog '{catalog}' is bound to this workspace as read-only: {wanted.replace('_', ' ')} on "
                        f"{level.capitalize()} '{name}' is not allowed.",
                        metadata={"resourceType": level.capitalize(), "resourceName": name},
                    )
                raise forbidden(wanted.replace("_", " "), level.capitalize(), name)

    def may(self, principal: Principal, workspace: str, privilege: str, kind: str, full_name: str) -> bool:
        """Whether `require` would go on."""
        try:
            self.require(principal, workspace, privilege, kind, full_name)
        except ApiError:
            return False
        return True
