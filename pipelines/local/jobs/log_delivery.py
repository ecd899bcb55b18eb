"""Cluster log delivery: a task's streams, copied to where the cluster's definition says."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pipelines.local.identity import Principal
from pipelines.local.store import Document
from pipelines.local.workspace import Workspace

_INTERVAL_S = 1.0


class LogDelivery:
    """Appends what a task has written to `<destination>/<cluster>/driver/stdout` and `stderr`."""

    def __init__(self, workspace: Workspace, principal: Principal, cluster: Document | None, folder: Path) -> None:
        self._folder = folder
        self._target = self._folder_of(workspace, principal, cluster)
        self._delivered = {"stdout": 0, "stderr": 0}

    @staticmethod
    def destination(cluster: Document | None) -> str | None:
        """Where the cluster's logs are to go, or None."""
        configuration = (cluster or {}).get("cluster_log_conf") or {}
        for kind in ("dbfs", "volumes"):
            if configuration.get(kind, {}).get("destination"):
                return str(configuration[kind]["destination"]).rstrip("/")
        return None

    def _folder_of(self, workspace: Workspace, principal: Principal, cluster: Document | None) -> Path | None:
        from pipelines.local.jobs.task_code import server_path, task_file

        destination = self.destination(cluster)
        if destination is None or cluster is None:
            return None
        folder = server_path(workspace, principal, task_file(destination), "WRITE_VOLUME")
        return folder / cluster["cluster_id"] / "driver"

    async def follow(self) -> None:
        """Deliver again and again, until cancelled."""
        while self._target is not None:
            await asyncio.sleep(_INTERVAL_S)
            self.deliver()

    def deliver(self) -> None:
        """Copy what is new since the last time."""
        if self._target is None:
            return
        self._target.mkdir(parents=True, exist_ok=True)
        for name in self._delivered:
            source = self._folder / name
            if not source.exists():
                continue
            with source.open("rb") as opened:
                opened.seek(self._delivered[name])
                new = opened.read()
            with (self._target / name).open("ab") as target:
                target.write(new)
            self._delivered[name] += len(new)
