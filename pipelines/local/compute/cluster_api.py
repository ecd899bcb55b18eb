"""Clusters API, with the pools, policies and lists that clients ask for beside it."""

from __future__ import annotations

import json
import secrets
from typing import Any

from pipelines.local.compute.entitled import require_cluster
from pipelines.local.endpoints import Call, Endpoints, page
from pipelines.local.errors import ApiError, invalid
from pipelines.local.permissions import may
from pipelines.local.store import Document

endpoints = Endpoints()

_ROOT = "/api/{version:str}/clusters"
_USING = ("CAN_ATTACH_TO", "CAN_RESTART", "CAN_MANAGE")
_NODE_TYPES = {"i3.xlarge": (4, 31232), "m5d.large": (2, 8192), "m5d.xlarge": (4, 16384), "m5d.2xlarge": (8, 32768)}


def _shown(document: Document) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "events"}


def _owned(call: Call, levels: tuple[str, ...] = ("CAN_MANAGE",)) -> str:
    cluster_id = call.text("cluster_id")
    document = call.workspace.clusters.get(cluster_id)
    may(call, "clusters", cluster_id, levels, document["creator_user_name"])
    return cluster_id


def _usable(call: Call, document: Document) -> bool:
    try:
        may(call, "clusters", document["cluster_id"], _USING, document["creator_user_name"])
    except ApiError:
        return False
    return True


@endpoints.post(f"{_ROOT}/create")
async def create(call: Call) -> dict[str, Any]:
    token = call.arguments.get("idempotency_token")
    if token:
        known = call.workspace.store.get("cluster_token", token)
        if known is not None and call.workspace.store.get("cluster", known["cluster_id"]) is not None:
            return known
    if not call.arguments.get("spark_version"):
        raise invalid("Missing required field: spark_version")
    call.workspace.clusters.check(call.arguments)
    require_cluster(call.workspace, call.principal, call.arguments)
    document = call.workspace.clusters.create(call.arguments, call.principal.name, "API")
    answer = {"cluster_id": document["cluster_id"]}
    if token:
        call.workspace.store.put("cluster_token", token, answer)
    return answer


@endpoints.get(f"{_ROOT}/get")
def get(call: Call) -> dict[str, Any]:
    return _shown(call.workspace.clusters.get(_owned(call, _USING)))


@endpoints.get(f"{_ROOT}/list")
def list_clusters(call: Call) -> dict[str, Any]:
    found = [_shown(document) for document in call.workspace.clusters.all() if _usable(call, document)]
    return page(found, call, "clusters", 20, "page_size")


@endpoints.post(f"{_ROOT}/start")
async def start(call: Call) -> dict[str, Any]:
    cluster_id = _owned(call, ("CAN_RESTART", "CAN_MANAGE"))
    state = call.workspace.clusters.get(cluster_id)["state"]
    if state != "TERMINATED":
        raise ApiError("INVALID_STATE", f"Cluster {cluster_id} is in unexpected state {state.capitalize()}.")
    call.workspace.clusters.start(cluster_id)
    return {}


@endpoints.post(f"{_ROOT}/restart")
async def restart(call: Call) -> dict[str, Any]:
    cluster_id = _owned(call, ("CAN_RESTART", "CAN_MANAGE"))
    await call.workspace.clusters.terminate(cluster_id)
    call.workspace.clusters.start(cluster_id)
    return {}


@endpoints.post(f"{_ROOT}/delete")
async def terminate(call: Call) -> dict[str, Any]:
    await call.workspace.clusters.terminate(_owned(call))
    return {}


@endpoints.post(f"{_ROOT}/permanent-delete")
async def permanent_delete(call: Call) -> dict[str, Any]:
    await call.workspace.clusters.delete(_owned(call))
    return {}


@endpoints.post(f"{_ROOT}/edit", f"{_ROOT}/update", f"{_ROOT}/resize")
def edit(call: Call) -> dict[str, Any]:
    cluster_id = _owned(call)
    call.workspace.clusters.edit(cluster_id, call.arguments.get("cluster") or call.arguments)
    return {}


@endpoints.post(f"{_ROOT}/pin", f"{_ROOT}/unpin", f"{_ROOT}/change-owner")
def no_effect(call: Call) -> dict[str, Any]:
    _owned(call)
    return {}


@endpoints.post(f"{_ROOT}/events")
def events(call: Call) -> dict[str, Any]:
    document = call.workspace.clusters.get(_owned(call, _USING))
    found = sorted(
        document["events"], key=lambda event: event["timestamp"], reverse=call.text("order", "DESC") == "DESC"
    )
    offset, limit = call.integer("offset", 0), call.integer("limit", 50)
    return {"events": found[offset : offset + limit], "total_count": len(found)}


@endpoints.get(f"{_ROOT}/list-node-types")
def node_types(_: Call) -> dict[str, Any]:
    return {
        "node_types": [
            {
                "node_type_id": name,
                "instance_type_id": name,
                "num_cores": float(cores),
                "memory_mb": memory,
                "description": name,
                "category": "General Purpose",
                "is_deprecated": False,
            }
            for name, (cores, memory) in _NODE_TYPES.items()
        ]
    }


@endpoints.get(f"{_ROOT}/spark-versions")
def spark_versions(_: Call) -> dict[str, Any]:
    return {
        "versions": [
            {"key": "17.3.x-scala2.13", "name": "17.3 LTS (includes Apache Spark 4.0.0, Scala 2.13)"},
            {"key": "16.4.x-scala2.12", "name": "16.4 LTS (includes Apache Spark 3.5.2, Scala 2.12)"},
        ]
    }


@endpoints.get(f"{_ROOT}/list-zones")
def zones(_: Call) -> dict[str, Any]:
    return {"zones": ["local-a"], "default_zone": "local-a"}


@endpoints.get("/api/2.0/libraries/cluster-status", "/api/2.0/libraries/all-cluster-statuses")
def libraries(call: Call) -> dict[str, Any]:
    return {"cluster_id": call.text("cluster_id", "-"), "library_statuses": [], "statuses": []}


_KINDS = {
    "pool": ("/api/2.0/instance-pools", "instance_pool_id", "instance_pools"),
    "policy": ("/api/2.0/policies/clusters", "policy_id", "policies"),
}
_ACCESS = {"pool": "instance-pools", "policy": "cluster-policies"}


def _register(kind: str, root: str, identifier: str, plural: str) -> None:
    def found(call: Call) -> Document:
        document = call.workspace.store.get(kind, call.text(identifier))
        if document is None:
            raise ApiError("RESOURCE_DOES_NOT_EXIST", f"Can't find a {kind} with id: {call.text(identifier)}")
        return document

    def managed(call: Call) -> Document:
        document = found(call)
        may(call, _ACCESS[kind], call.text(identifier), ("CAN_MANAGE",), document["creator_user_name"])
        return document

    @endpoints.post(f"{root}/create")
    def create_one(call: Call) -> dict[str, Any]:
        if not call.principal.may_create_clusters:
            raise ApiError("PERMISSION_DENIED", f"User {call.principal.name} may not make a {kind}.")
        if kind == "policy":
            json.loads(call.text("definition", "{}"))
        key = f"{secrets.token_hex(8).upper()}"
        document = {
            "state": "ACTIVE",
            **call.arguments,
            identifier: key,
            "creator_user_name": call.principal.name,
        }
        call.workspace.store.put(kind, key, document)
        return {identifier: key}

    @endpoints.get(f"{root}/get")
    def get_one(call: Call) -> dict[str, Any]:
        return found(call)

    @endpoints.get(f"{root}/list")
    def list_all(call: Call) -> dict[str, Any]:
        return {plural: [document for _, document in call.workspace.store.items(kind)]}

    @endpoints.post(f"{root}/edit")
    def edit_one(call: Call) -> dict[str, Any]:
        call.workspace.store.put(kind, call.text(identifier), {**managed(call), **call.arguments})
        return {}

    @endpoints.post(f"{root}/delete")
    def delete_one(call: Call) -> dict[str, Any]:
        managed(call)
        call.workspace.store.delete(kind, call.text(identifier))
        return {}


for _kind, _names in _KINDS.items():
    _register(_kind, *_names)
