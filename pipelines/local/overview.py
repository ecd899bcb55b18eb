"""What a person wants to know of a local workspace: whether it runs, where, on what, and what it is doing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipelines.local import light_client
from pipelines.local.lifecycle import Status, connection, status
from pipelines.local.settings import LocalSettings, admin_name


@dataclass(frozen=True)
class ActiveRun:
    """A run that has not ended."""

    name: str
    state: str
    page: str
    """Address of its page."""


@dataclass(frozen=True)
class Overview:
    """A workspace at this moment."""

    status: Status
    clusters: dict[str, str]
    """Name of every cluster that is not stopped, and its state."""
    runs: tuple[ActiveRun, ...]


def overview(settings: LocalSettings, workspace: str) -> Overview:
    """The workspace as it is; nothing is started."""
    found = status(settings, workspace)
    if not found.running:
        return Overview(found, {}, ())
    reached = connection(settings, workspace, admin_name(workspace))

    def listed(path: str, name: str) -> list[dict[str, Any]]:
        return light_client.call(reached.host, reached.token, "GET", path).get(name, [])

    clusters = listed("/api/2.1/clusters/list?page_size=100", "clusters")
    runs = listed("/api/2.1/jobs/runs/list?active_only=true&limit=25", "runs")
    return Overview(
        found,
        {entry["cluster_name"]: entry["state"] for entry in clusters if entry["state"] != "TERMINATED"},
        tuple(ActiveRun(run["run_name"], run["state"]["life_cycle_state"], run["run_page_url"]) for run in runs),
    )
