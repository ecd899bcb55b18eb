"""Unity Catalog API: tables, and credentials to their files."""

from __future__ import annotations

import time
from typing import Any

from pipelines.local.catalog.locations import require_own_table_location
from pipelines.local.catalog.namespaces import changed, removed, visible
from pipelines.local.catalog.table_registration import current_table, register_table
from pipelines.local.endpoints import Call, Endpoints, page
from pipelines.local.errors import ApiError, invalid
from pipelines.local.store import Document

endpoints = Endpoints()

_ROOT = "/api/2.1/unity-catalog"
_TABLE = f"{_ROOT}/tables/{{full_name:str}}"


def _shown(call: Call, document: Document) -> dict[str, Any]:
    shown = {name: value for name, value in document.items() if name != "log_version"}
    # A task that may only read gets the table's files where it cannot write them.
    return {**shown, "storage_location": call.workspace.location_for(call, document)}


def _require_readable(call: Call, full_name: str) -> None:
    privileges, where = call.workspace.metastore.privileges, call.workspace.name
    # Sail asks the same for writing, so a task that may only write is answered; outside it would read by the answer.
    is_task = call.request.scope.get("task_run") is not None
    if is_task and privileges.may(call.principal, where, "MODIFY", "table", full_name):
        return
    privileges.require(call.principal, where, "SELECT", "table", full_name)


@endpoints.get(_TABLE)
def get_table(call: Call) -> dict[str, Any]:
    full_name = call.path["full_name"].lower()
    if full_name.count(".") != 2:
        raise invalid(f"Invalid table name {full_name!r}: write catalog.schema.table.")
    metastore = call.workspace.metastore
    privileges, where = metastore.privileges, call.workspace.name
    catalog, schema, _ = full_name.split(".")
    metastore.get("catalog", catalog)
    # Who may not look into a schema is not told which tables it holds.
    privileges.require(call.principal, where, "USE_CATALOG", "catalog", catalog)
    metastore.get("schema", f"{catalog}.{schema}")
    privileges.require(call.principal, where, "USE_SCHEMA", "schema", f"{catalog}.{schema}")
    metastore.get("table", full_name)
    _require_readable(call, full_name)
    return _shown(call, current_table(metastore, full_name))


@endpoints.get(f"{_TABLE}/exists")
def table_exists(call: Call) -> dict[str, Any]:
    full_name = call.path["full_name"].lower()
    schema = full_name.rpartition(".")[0]
    metastore = call.workspace.metastore
    metastore.get("schema", schema)
    metastore.privileges.require(call.principal, call.workspace.name, "USE_SCHEMA", "schema", schema)
    return {"table_exists": metastore.store.get("table", full_name) is not None}


def _listed(call: Call, schema: str) -> list[Document]:
    metastore = call.workspace.metastore
    metastore.get("schema", schema)
    metastore.privileges.require(call.principal, call.workspace.name, "USE_SCHEMA", "schema", schema)
    found = metastore.children("table", schema)
    held = ("SELECT", "MODIFY", "BROWSE", "MANAGE")
    where = call.workspace.name
    return [
        entry
        for entry in found
        if any(name in held for name in metastore.privileges.held(call.principal, where, "table", entry["full_name"]))
    ]


@endpoints.get(f"{_ROOT}/tables")
def list_tables(call: Call) -> dict[str, Any]:
    schema = f"{call.text('catalog_name')}.{call.text('schema_name')}".lower()
    found = [
        _shown(call, current_table(call.workspace.metastore, entry["full_name"])) for entry in _listed(call, schema)
    ]
    if call.flag("omit_columns"):
        found = [{name: value for name, value in entry.items() if name != "columns"} for entry in found]
    return page(found, call, "tables", 50)


@endpoints.get(f"{_ROOT}/table-summaries")
def list_summaries(call: Call) -> dict[str, Any]:
    catalog = call.text("catalog_name")
    summaries = [
        {"full_name": table["full_name"], "table_type": table["table_type"]}
        for schema in call.workspace.metastore.children("schema", catalog)
        if visible(call, "schema", schema["full_name"])
        for table in _listed(call, schema["full_name"])
    ]
    return page(summaries, call, "tables", 10000)


@endpoints.post(f"{_ROOT}/staging-tables")
def stage_table(call: Call) -> dict[str, Any]:
    full_name = f"{call.text('catalog_name')}.{call.text('schema_name')}.{call.text('name')}".lower()
    metastore = call.workspace.metastore
    schema = full_name.rpartition(".")[0]
    metastore.get("schema", schema)
    metastore.privileges.require(call.principal, call.workspace.name, "CREATE_TABLE", "schema", schema)
    if metastore.store.get("table", full_name) is not None:
        raise ApiError("TABLE_ALREADY_EXISTS", f"Table '{full_name}' already exists")
    location = metastore.warehouse.joinpath(*full_name.split("."))
    metastore.store.put("staged", full_name, {"by": call.principal.name})
    return {
        "id": full_name,
        "name": full_name.rpartition(".")[2],
        "catalog_name": full_name.split(".")[0],
        "schema_name": full_name.split(".")[1],
        "staging_location": f"file://{location}",
    }


@endpoints.post(f"{_ROOT}/tables")
def create_table(call: Call) -> dict[str, Any]:
    schema = f"{call.text('catalog_name')}.{call.text('schema_name')}".lower()
    call.text("name")
    metastore = call.workspace.metastore
    metastore.get("schema", schema)
    metastore.privileges.require(call.principal, call.workspace.name, "CREATE_TABLE", "schema", schema)
    require_own_table_location(call)
    full_name = f"{schema}.{call.text('name').lower()}"
    staged = metastore.store.delete("staged", full_name)
    return _shown(call, register_table(metastore, {**call.arguments, "staged": staged}, call.principal.name))


@endpoints.patch(_TABLE)
def update_table(call: Call) -> dict[str, Any]:
    changed(call, "table", call.path["full_name"], ("owner", "comment"))
    return {}


@endpoints.delete(_TABLE)
def delete_table(call: Call) -> dict[str, Any]:
    return removed(call, "table", call.path["full_name"])


@endpoints.post(f"{_ROOT}/temporary-table-credentials", "/api/2.0/unity-catalog/temporary-table-credentials")
def table_credentials(call: Call) -> dict[str, Any]:
    metastore = call.workspace.metastore
    document = metastore.by_id("table", call.text("table_id"))
    privilege = "MODIFY" if call.text("operation", "READ") == "READ_WRITE" else "SELECT"
    metastore.privileges.require(call.principal, call.workspace.name, privilege, "table", document["full_name"])
    return {
        "expiration_time": int((time.time() + 3600) * 1000),
        "url": call.workspace.location_for(call, document),
    }


@endpoints.get(f"{_ROOT}/delta/preview/commits")
def unpublished_commits(_: Call) -> dict[str, Any]:
    """Commits that only the catalog knows: none, for tables here publish every commit in their own log."""
    return {"commits": [], "latest_table_version": -1}
