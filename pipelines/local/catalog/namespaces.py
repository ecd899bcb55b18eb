"""Unity Catalog API: the metastore, its catalogs and its schemas."""

from __future__ import annotations

from typing import Any

from pipelines.local.catalog.privileges import METASTORE_ADMINS
from pipelines.local.endpoints import Call, Endpoints, page
from pipelines.local.errors import ApiError, forbidden, invalid
from pipelines.local.store import Document

endpoints = Endpoints()

_ROOT = "/api/2.1/unity-catalog"
_BY_ID = ("bindings",)


def catalog_shown(document: Document) -> dict[str, Any]:
    shown = {name: value for name, value in document.items() if name not in _BY_ID}
    return {**shown, "catalog_type": "MANAGED_CATALOG", "isolation_mode": document.get("isolation_mode", "OPEN")}


def visible(call: Call, kind: str, full_name: str) -> bool:
    """Whether the caller is shown the securable in this workspace: a catalog by any privilege, a schema by its use."""
    held = call.workspace.metastore.privileges.held(call.principal, call.workspace.name, kind, full_name)
    return bool(held) if kind == "catalog" else bool(held & {"USE_SCHEMA", "BROWSE", "MANAGE"})


def may_manage(call: Call, kind: str, full_name: str) -> None:
    """Go on only for the owner, a metastore administrator, or a holder of MANAGE."""
    if METASTORE_ADMINS in call.principal.groups:
        return
    call.workspace.metastore.privileges.require(call.principal, call.workspace.name, "MANAGE", kind, full_name)


def changed(call: Call, kind: str, full_name: str, fields: tuple[str, ...]) -> Document:
    """A securable after the caller, who must be allowed to, has changed those of the fields that it names.

    Raises:
        ApiError: there is no such securable, or the caller may not manage it.
    """
    full_name = full_name.lower()
    call.workspace.metastore.get(kind, full_name)
    may_manage(call, kind, full_name)
    changes = {name: call.arguments[name] for name in fields if name in call.arguments}
    if "owner" in changes:
        changes["owner"] = call.workspace.directory.name_of(changes["owner"])
    return call.workspace.metastore.update(kind, full_name, **changes)


def removed(call: Call, kind: str, full_name: str) -> dict[str, Any]:
    """The answer after a securable was dropped by a caller who may; raises as `changed` does."""
    full_name = full_name.lower()
    call.workspace.metastore.get(kind, full_name)
    may_manage(call, kind, full_name)
    privileges = call.workspace.metastore.privileges
    if kind != "catalog" and privileges.binding(full_name.split(".")[0], call.workspace.name) is not True:
        raise forbidden("MANAGE", kind.capitalize(), full_name)
    call.workspace.metastore.remove(kind, full_name, call.flag("force"))
    return {}


@endpoints.get(f"{_ROOT}/metastore_summary")
def metastore_summary(call: Call) -> dict[str, Any]:
    metastore = call.workspace.metastore
    return {
        "metastore_id": metastore.metastore_id,
        "name": "local",
        "owner": METASTORE_ADMINS,
        "cloud": "aws",
        "region": "local",
        "global_metastore_id": f"aws:local:{metastore.metastore_id}",
        "storage_root": f"file://{metastore.warehouse}",
        "privilege_model_version": "1.0",
    }


@endpoints.get(f"{_ROOT}/current-metastore-assignment")
def assignment(call: Call) -> dict[str, Any]:
    return {
        "metastore_id": call.workspace.metastore.metastore_id,
        "workspace_id": call.workspace.workspace_id,
        "default_catalog_name": "main",
    }


@endpoints.get(f"{_ROOT}/external-locations", f"{_ROOT}/storage-credentials", f"{_ROOT}/functions")
def nothing(_: Call) -> dict[str, Any]:
    return {}


@endpoints.get(f"{_ROOT}/catalogs")
def list_catalogs(call: Call) -> dict[str, Any]:
    found = [
        entry for entry in call.workspace.metastore.children("catalog", "") if visible(call, "catalog", entry["name"])
    ]
    return page([catalog_shown(entry) for entry in found], call, "catalogs", 1000)


@endpoints.post(f"{_ROOT}/catalogs")
def create_catalog(call: Call) -> dict[str, Any]:
    if METASTORE_ADMINS not in call.principal.groups:
        raise ApiError("PERMISSION_DENIED", "User does not have CREATE CATALOG on Metastore 'local'.")
    name = call.text("name")
    fields = {"comment": call.arguments.get("comment"), "properties": call.arguments.get("properties") or {}}
    document = call.workspace.metastore.create("catalog", name, call.principal.name, fields)
    call.workspace.metastore.create("schema", f"{document['name']}.default", call.principal.name, {})
    return catalog_shown(document)


@endpoints.get(f"{_ROOT}/catalogs/{{name:str}}")
def get_catalog(call: Call) -> dict[str, Any]:
    document = call.workspace.metastore.get("catalog", call.path["name"])
    privileges = call.workspace.metastore.privileges
    if not privileges.may(call.principal, call.workspace.name, "BROWSE", "catalog", document["full_name"]):
        privileges.require(call.principal, call.workspace.name, "USE_CATALOG", "catalog", document["full_name"])
    return catalog_shown(document)


@endpoints.patch(f"{_ROOT}/catalogs/{{name:str}}")
def update_catalog(call: Call) -> dict[str, Any]:
    may_manage(call, "catalog", call.path["name"])
    catalog = call.workspace.metastore.get("catalog", call.path["name"])
    if call.arguments.get("isolation_mode") == "ISOLATED" and "bindings" not in catalog:
        # As on Databricks, the workspace from which a catalog is isolated goes on seeing it.
        call.workspace.metastore.update("catalog", catalog["name"], bindings={call.workspace.name: True})
    fields = ("owner", "comment", "properties", "isolation_mode")
    return catalog_shown(changed(call, "catalog", call.path["name"], fields))


@endpoints.delete(f"{_ROOT}/catalogs/{{name:str}}")
def delete_catalog(call: Call) -> dict[str, Any]:
    return removed(call, "catalog", call.path["name"])


@endpoints.get(f"{_ROOT}/workspace-bindings/catalogs/{{name:str}}", f"{_ROOT}/bindings/catalog/{{name:str}}")
def get_bindings(call: Call) -> dict[str, Any]:
    document = call.workspace.metastore.get("catalog", call.path["name"])
    bound = {call.workspace.id_of(workspace): writable for workspace, writable in document.get("bindings", {}).items()}
    kinds = {True: "BINDING_TYPE_READ_WRITE", False: "BINDING_TYPE_READ_ONLY"}
    return {
        "workspaces": list(bound),
        "bindings": [{"workspace_id": key, "binding_type": kinds[writable]} for key, writable in bound.items()],
    }


@endpoints.patch(f"{_ROOT}/bindings/catalog/{{name:str}}")
def set_bindings(call: Call) -> dict[str, Any]:
    may_manage(call, "catalog", call.path["name"])
    names = {call.workspace.id_of(name): name for name in call.workspace.settings.workspaces}
    bindings = dict(call.workspace.metastore.get("catalog", call.path["name"]).get("bindings", {}))
    for entry in call.arguments.get("remove") or []:
        bindings.pop(names.get(entry["workspace_id"], ""), None)
    for entry in call.arguments.get("add") or []:
        if entry["workspace_id"] not in names:
            raise invalid(f"Workspace {entry['workspace_id']} is not attached to this metastore.")
        bindings[names[entry["workspace_id"]]] = entry.get("binding_type") != "BINDING_TYPE_READ_ONLY"
    call.workspace.metastore.update("catalog", call.path["name"], bindings=bindings)
    return get_bindings(call)


@endpoints.get(f"{_ROOT}/schemas")
def list_schemas(call: Call) -> dict[str, Any]:
    catalog = call.text("catalog_name")
    call.workspace.metastore.get("catalog", catalog)
    privileges = call.workspace.metastore.privileges
    privileges.require(call.principal, call.workspace.name, "USE_CATALOG", "catalog", catalog)
    found = call.workspace.metastore.children("schema", catalog)
    return page([entry for entry in found if visible(call, "schema", entry["full_name"])], call, "schemas", 1000)


@endpoints.post(f"{_ROOT}/schemas")
def create_schema(call: Call) -> dict[str, Any]:
    catalog, name = call.text("catalog_name"), call.text("name")
    call.workspace.metastore.get("catalog", catalog)
    privileges = call.workspace.metastore.privileges
    privileges.require(call.principal, call.workspace.name, "CREATE_SCHEMA", "catalog", catalog)
    fields = {"comment": call.arguments.get("comment"), "properties": call.arguments.get("properties") or {}}
    return call.workspace.metastore.create("schema", f"{catalog}.{name}", call.principal.name, fields)


@endpoints.get(f"{_ROOT}/schemas/{{full_name:str}}")
def get_schema(call: Call) -> dict[str, Any]:
    document = call.workspace.metastore.get("schema", call.path["full_name"])
    privileges = call.workspace.metastore.privileges
    privileges.require(call.principal, call.workspace.name, "USE_SCHEMA", "schema", document["full_name"])
    return document


@endpoints.patch(f"{_ROOT}/schemas/{{full_name:str}}")
def update_schema(call: Call) -> dict[str, Any]:
    return changed(call, "schema", call.path["full_name"], ("owner", "comment", "properties"))


@endpoints.delete(f"{_ROOT}/schemas/{{full_name:str}}")
def delete_schema(call: Call) -> dict[str, Any]:
    return removed(call, "schema", call.path["full_name"])
