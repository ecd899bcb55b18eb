"""Clusters: warm ones that live until they are stopped, and fresh ones for a single job."""

from __future__ import annotations

import asyncio
import secrets
import time
from pathlib import Path
from typing import Any

from pipelines.local.compute.drivers import DriverProcess, stage_runtime
from pipelines.local.compute.engines import engine_of
from pipelines.local.errors import ApiError, invalid
from pipelines.local.store import Document
from pipelines.local.workspace import Workspace

ACTIVE = ("PENDING", "RUNNING", "RESTARTING", "RESIZING", "TERMINATING")
SERVERLESS = "serverless"
_SHOWN_JOB_CLUSTERS = 30


class Clusters:
    """The clusters of one workspace and their drivers. Methods belong to the server's event loop."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._settings = workspace.settings
        self._drivers: dict[str, DriverProcess] = {}
        self._starting: dict[str, asyncio.Task[None]] = {}
        self._runtime = stage_runtime(workspace.settings.home)

    def recover(self) -> None:
        """After a restart of the server no driver is alive: clusters that were up are terminated."""
        for key, document in self._workspace.store.items("cluster"):
            if document["state"] in ACTIVE:
                self._change(key, "TERMINATED", "The local workspace was restarted.", "INTERNAL_ERROR")

    def get(self, cluster_id: str) -> Document:
        """The cluster's document.

        Raises:
            ApiError: there is no such cluster.
        """
        document = self._workspace.store.get("cluster", cluster_id)
        if document is None:
            raise ApiError("INVALID_PARAMETER_VALUE", f"Cluster {cluster_id} does not exist")
        return document

    def all(self) -> list[Document]:
        """Every cluster that has not been deleted for good, newest first; of ended job clusters only the last ones."""
        found = [document for _, document in self._workspace.store.items("cluster")]
        found.sort(key=lambda document: document["start_time"], reverse=True)
        ended = [entry for entry in found if entry["cluster_source"] == "JOB" and entry["state"] == "TERMINATED"]
        forgotten = {entry["cluster_id"] for entry in ended[_SHOWN_JOB_CLUSTERS:]}
        return [entry for entry in found if entry["cluster_id"] not in forgotten]

    def create(self, spec: dict[str, Any], creator: str, source: str) -> Document:
        """Add a cluster and begin to start it. `source` is `API` for a warm one, `JOB` for a fresh one."""
        self.check(spec)
        now = int(time.time() * 1000)
        cluster_id = f"{time.strftime('%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"
        document: Document = {
            "spark_version": "16.4.x-scala2.12",
            "num_workers": 0,
            "autotermination_minutes": 0,
            **spec,
            "cluster_id": cluster_id,
            "cluster_name": spec.get("cluster_name") or f"job-{cluster_id}",
            "cluster_source": source,
            "creator_user_name": creator,
            "single_user_name": spec.get("single_user_name") or creator,
            "state": "PENDING",
            "state_message": "Starting Spark",
            "start_time": now,
            "default_tags": {"Vendor": "Databricks", "Creator": creator, "ClusterId": cluster_id},
            "spark_context_id": secrets.randbits(62),
            "events": [],
        }
        self._workspace.store.put("cluster", cluster_id, document)
        self._event(cluster_id, "CREATING")
        self.start(cluster_id)
        return document

    def start(self, cluster_id: str) -> None:
        """Begin to start the cluster, unless it is up or on its way."""
        if cluster_id in self._drivers and not self._drivers[cluster_id].gone:
            return
        document = self.get(cluster_id)
        warm = document["cluster_source"] != "JOB"
        log = self._workspace.folder / "clusters" / cluster_id / "driver.log"
        preload = self._settings.preload if warm else ()
        self._drivers[cluster_id] = self._new_driver(log, preload)
        self._change(cluster_id, "PENDING", "Starting Spark")
        self._event(cluster_id, "STARTING")
        self._starting[cluster_id] = asyncio.create_task(self._bring_up(cluster_id, self._delay(document)))

    def _new_driver(self, log: Path, preload: tuple[str, ...]) -> DriverProcess:
        return DriverProcess(self._settings, self._runtime, log, self._workspace.task_home, preload)

    def _delay(self, document: Document) -> float:
        delays = self._settings.start_delays
        if document["cluster_source"] != "JOB":
            return 0.0
        return delays.pool_s if document.get("instance_pool_id") else delays.job_cluster_s

    async def _bring_up(self, cluster_id: str, delay_s: float) -> None:
        driver = self._drivers[cluster_id]
        await asyncio.sleep(delay_s)
        await driver.start()
        await driver.ready.wait()
        if driver.gone:
            self._change(cluster_id, "TERMINATED", "The driver could not be started.", "DRIVER_UNREACHABLE")
        else:
            self._change(cluster_id, "RUNNING", "")
            self._event(cluster_id, "RUNNING")

    async def driver(self, cluster_id: str) -> DriverProcess:
        """The cluster's driver once it is up; a terminated cluster is started first, as Databricks does."""
        self.start(cluster_id)
        await asyncio.shield(self._starting[cluster_id])
        return self._drivers[cluster_id]

    async def serverless_driver(self) -> DriverProcess:
        """The driver behind serverless compute: warm, and shared."""
        await asyncio.sleep(self._settings.start_delays.serverless_s)
        driver = self._drivers.get(SERVERLESS)
        if driver is None or driver.gone:
            log = self._workspace.folder / "clusters" / SERVERLESS / "driver.log"
            driver = self._new_driver(log, self._settings.preload)
            self._drivers[SERVERLESS] = driver
            self._starting[SERVERLESS] = asyncio.create_task(driver.start())
        await asyncio.shield(self._starting[SERVERLESS])
        await driver.ready.wait()
        return driver

    async def terminate(self, cluster_id: str, reason: str = "USER_REQUEST") -> None:
        """Stop the cluster and every task on it; its definition stays."""
        document = self.get(cluster_id)
        if document["state"] in ("TERMINATED", "TERMINATING"):
            return
        self._change(cluster_id, "TERMINATING", "")
        self._event(cluster_id, "TERMINATING")
        starting = self._starting.pop(cluster_id, None)
        if starting is not None:
            starting.cancel()
        driver = self._drivers.pop(cluster_id, None)
        if driver is not None:
            await driver.stop()
        self._change(cluster_id, "TERMINATED", "", reason)

    async def delete(self, cluster_id: str) -> None:
        """Stop the cluster and forget it."""
        await self.terminate(cluster_id)
        self._workspace.store.delete("cluster", cluster_id)

    async def stop_all(self) -> None:
        """Stop every driver, as the server shuts down."""
        drivers = list(self._drivers.values())
        self._drivers.clear()
        await asyncio.gather(*(driver.stop() for driver in drivers), return_exceptions=True)

    def edit(self, cluster_id: str, changes: dict[str, Any]) -> None:
        """Change the cluster's definition; it holds from its next start."""
        self.check(changes)
        self._workspace.store.put("cluster", cluster_id, {**self.get(cluster_id), **changes, "cluster_id": cluster_id})

    def check(self, spec: dict[str, Any]) -> None:
        """Refuse a definition that Databricks would refuse.

        Raises:
            ApiError: with the first thing that is wrong.
        """
        pool = spec.get("instance_pool_id")
        if pool and self._workspace.store.get("pool", pool) is None:
            raise invalid(f"Can't find an instance pool with id: {pool}.")
        policy = spec.get("policy_id")
        if policy and self._workspace.store.get("policy", policy) is None:
            raise invalid(f"Can't find a cluster policy with id: {policy}.")
        engine_of(spec)
        for name, value in (spec.get("spark_env_vars") or {}).items():
            if not isinstance(value, str) or not name.replace("_", "").isalnum():
                raise invalid(f"Invalid Spark environment variable {name!r}.")

    def _change(self, cluster_id: str, state: str, message: str, reason: str | None = None) -> None:
        document = {**self.get(cluster_id), "state": state, "state_message": message}
        document.pop("termination_reason", None)
        if reason is not None:
            kind = "SUCCESS" if reason in ("USER_REQUEST", "JOB_FINISHED") else "SERVICE_FAULT"
            document["termination_reason"] = {"code": reason, "type": kind, "parameters": {}}
            document["terminated_time"] = int(time.time() * 1000)
        self._workspace.store.put("cluster", cluster_id, document)

    def _event(self, cluster_id: str, kind: str) -> None:
        document = self.get(cluster_id)
        event = {"cluster_id": cluster_id, "timestamp": int(time.time() * 1000), "type": kind, "details": {}}
        document["events"] = [*document["events"][-99:], event]
        self._workspace.store.put("cluster", cluster_id, document)
