"""What steps of the embedded environment run on, as the local workspaces take it and as a person reads it."""

from __future__ import annotations

from typing import Any

from pipelines.local import light_client
from pipelines.local.compute import engines
from pipelines.local.lifecycle import Connection
from pipelines.local.settings import StartDelays
from pipelines.local.stack import StackConnection
from pipelines.remote_settings import LocalCompute
from pipelines.settings import Settings

_POOL = "pipelines"
_POOLS = "/api/2.0/instance-pools"
_NODE = "local"
_WORDS = {
    "warm": "the warm cluster",
    "job": "job clusters of their own",
    "pool": "job clusters of their own from a pool",
    "serverless": "serverless compute",
}


def start_delays(compute: LocalCompute) -> StartDelays:
    """How long the workspaces' compute pretends to need."""
    found = compute.start_delays_s
    return StartDelays(
        job_cluster_s=found.get("job", 0.0), pool_s=found.get("pool", 0.0), serverless_s=found.get("serverless", 0.0)
    )


def sizes_for(settings: Settings, found: StackConnection | Connection) -> dict[str, dict[str, Any]]:
    """On what steps of each size class run in that workspace; an instance pool is made if there is none."""
    assert settings.remote is not None
    kinds = settings.remote.local_compute.kinds
    new_cluster: dict[str, Any] = {"spark_version": "17.3.x"}
    if settings.engine == "apache_spark":
        new_cluster["spark_conf"] = {engines.SETTING: engines.APACHE_SPARK}
    choices: dict[str, dict[str, Any]] = {
        "job": {"new_cluster": {**new_cluster, "node_type_id": _NODE}},
        "serverless": {"serverless": {}},
    }
    if isinstance(found, StackConnection):
        choices["warm"] = {"existing_cluster_id": found.cluster_id}
    if "pool" in kinds.values():
        choices["pool"] = {"new_cluster": {**new_cluster, "instance_pool_id": _pool(found)}}
    return {size: choices[kind] for size, kind in kinds.items()}


def described(compute: LocalCompute) -> str:
    """On what steps run and what that takes to start, for a person; empty if all is as it is by default."""
    sizes = {kind: [size for size, own in compute.kinds.items() if own == kind] for kind in _WORDS}
    used = {kind: named for kind, named in sizes.items() if named}
    delays = described_delays(start_delays(compute))
    if set(used) == {"warm"} and not delays:
        return ""
    parts = [_WORDS[kind] if len(used) == 1 else f"{_WORDS[kind]} ({', '.join(sizes)})" for kind, sizes in used.items()]
    return f"Steps run on {', on '.join(parts)}; start delays: {delays or 'none'}."


def described_delays(delays: StartDelays) -> str:
    """The delays that there are, in words; empty if there are none."""
    named = {"job": delays.job_cluster_s, "pool": delays.pool_s, "serverless": delays.serverless_s}
    return ", ".join(f"{kind} {seconds:g} s" for kind, seconds in named.items() if seconds)


def _pool(found: StackConnection | Connection) -> str:
    """The pool's id. It is the principal's own, which may therefore take machines from it."""
    for pool in light_client.call(found.host, found.token, "GET", f"{_POOLS}/list").get("instance_pools", []):
        if pool["instance_pool_name"] == _POOL:
            return pool["instance_pool_id"]
    body = {"instance_pool_name": _POOL, "node_type_id": _NODE}
    return light_client.call(found.host, found.token, "POST", f"{_POOLS}/create", body)["instance_pool_id"]
