"""Unity Catalog API: volumes."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from pipelines.local.catalog.locations import require_own_volume_location
from pipelines.local.catalog.namespaces import changed, removed
from pipelines.local.endpoints import Call, Endpoints, page
from pipelines.local.errors import invalid

endpoints = Endpoints()

_ROOT = "/api/2.1/unity-catalog"


@endpoints.get(f"{_ROOT}/volumes")
def list_volumes(call: Call) -> dict[str, Any]:
    schema = f"{call.text('catalog_name')}.{call.text('schema_name')}".lower()
    metastore, where = call.workspace.metastore, call.workspace.name
    metastore.get("schema", schema)
    metastore.privileges.require(call.principal, where, "USE_SCHEMA", "schema", schema)
    found = [
        entry
        for entry in metastore.children("volume", schema)
        if metastore.privileges.may(call.principal, where, "READ_VOLUME", "volume", entry["full_name"])
    ]
    return page(found, call, "volumes", 1000)


@endpoints.post(f"{_ROOT}/volumes")
def create_volume(call: Call) -> dict[str, Any]:
    schema = f"{call.text('catalog_name')}.{call.text('schema_name')}".lower()
    metastore = call.workspace.metastore
    metastore.get("schema", schema)
    metastore.privileges.require(call.principal, call.workspace.name, "CREATE_VOLUME", "schema", schema)
    full_name = f"{schema}.{call.text('name').lower()}"
    kind = call.text("volume_type", "MANAGED")
    if kind not in ("MANAGED", "EXTERNAL"):
        raise invalid(f"Volume type {kind} does not exist: use MANAGED or EXTERNAL.")
    if kind == "EXTERNAL":
        # Databricks asks for this one on the external location around the folder; here there are no such locations.
        metastore.privileges.require(call.principal, call.workspace.name, "CREATE_EXTERNAL_VOLUME", "schema", schema)
        folder = require_own_volume_location(call)
    elif call.arguments.get("storage_location"):
        raise invalid("A managed volume has no storage location of its own: leave it out, or make the volume EXTERNAL.")
    else:
        folder = metastore.volumes.joinpath(*full_name.split("."))
    fields = {
        "volume_id": str(uuid4()),
        "volume_type": kind,
        "comment": call.arguments.get("comment"),
        "storage_location": f"file://{quote(str(folder))}",
    }
    return metastore.create("volume", full_name, call.principal.name, fields)


@endpoints.get(f"{_ROOT}/volumes/{{full_name:str}}")
def get_volume(call: Call) -> dict[str, Any]:
    document = call.workspace.metastore.get("volume", call.path["full_name"])
    privileges = call.workspace.metastore.privileges
    privileges.require(call.principal, call.workspace.name, "READ_VOLUME", "volume", document["full_name"])
    return document


@endpoints.patch(f"{_ROOT}/volumes/{{full_name:str}}")
def update_volume(call: Call) -> dict[str, Any]:
    return changed(call, "volume", call.path["full_name"], ("owner", "comment"))


@endpoints.delete(f"{_ROOT}/volumes/{{full_name:str}}")
def delete_volume(call: Call) -> dict[str, Any]:
    return removed(call, "volume", call.path["full_name"])


@endpoints.post("/api/2.0/unity-catalog/temporary-volume-credentials", f"{_ROOT}/temporary-volume-credentials")
def volume_credentials(call: Call) -> dict[str, Any]:
    metastore = call.workspace.metastore
    document = metastore.by_id("volume", call.text("volume_id"))
    privilege = "READ_VOLUME" if call.text("operation", "READ_VOLUME") == "READ_VOLUME" else "WRITE_VOLUME"
    metastore.privileges.require(call.principal, call.workspace.name, privilege, "volume", document["full_name"])
    return {"expiration_time": int((time.time() + 3600) * 1000), "url": document["storage_location"]}
