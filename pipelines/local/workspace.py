"""One workspace: what its endpoints share."""

from __future__ import annotations

import hashlib
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.local.catalog.metastore import Metastore
from pipelines.local.identity import Directory, Principal, Tokens, populate
from pipelines.local.secrets import Secrets
from pipelines.local.settings import LocalSettings
from pipelines.local.store import Document, Store

if TYPE_CHECKING:
    from pipelines.local.compute.clusters import Clusters
    from pipelines.local.endpoints import Call
    from pipelines.local.jobs.runs import Runs


class Workspace:
    """The state behind one server: its own files, tokens, secrets, clusters and runs; the metastore is shared."""

    clusters: Clusters
    runs: Runs
    host: str = ""
    """Address under which clients reach the server, e.g. `http://127.0.0.1:8443`."""

    def __init__(self, settings: LocalSettings, name: str) -> None:
        self.settings = settings
        self.name = name
        self.folder = settings.workspace_folder(name)
        self.store = Store(self.folder / "workspace.sqlite")
        self.metastore = Metastore(settings)
        self.directory = Directory(self.metastore.store)
        self.tokens = Tokens(self.store, self.metastore.store, name)
        self.secrets = Secrets(self.store)
        self.started_at = time.time()
        populate(self.directory, settings)
        self.metastore.populate(settings, self.directory)
        for folder in (self.dbfs, self.files, self.run_folders, self.task_home):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def workspace_id(self) -> int:
        """The workspace's number, as Databricks has one in every URL."""
        return self.id_of(self.name)

    def id_of(self, workspace: str) -> int:
        """The number of any of the workspaces."""
        return 7_000_000_000_000_000 + zlib.crc32(workspace.encode())

    @property
    def dbfs(self) -> Path:
        """The DBFS root, `/dbfs` for a task."""
        return self.folder / "dbfs"

    @property
    def files(self) -> Path:
        """Workspace files and notebooks, `/Workspace` for a task."""
        return self.folder / "files"

    @property
    def run_folders(self) -> Path:
        """A folder per task run: logs, result, working directory."""
        return self.folder / "runs"

    @property
    def task_home(self) -> Path:
        """The home folder of tasks of the workspace's own principals: a place for caches that outlive a task."""
        return self.folder / "home"

    def is_own(self, principal: Principal) -> bool:
        """Whether the principal is the workspace's own: an administrator, or one that its settings name."""
        named = {each.name for each in self.settings.principals if each.workspace == self.name}
        return principal.admin or principal.display_name in named

    def home_of(self, principal: Principal) -> Path:
        """The home folder of the principal's tasks: one for all of the workspace's own, and one for each other."""
        if self.is_own(principal):
            return self.task_home
        home = self.folder / "homes" / hashlib.sha256(principal.name.encode()).hexdigest()[:16]
        home.mkdir(parents=True, exist_ok=True)
        return home

    def principal(self, name: str) -> Principal:
        """The principal of that name as this workspace sees it."""
        return self.directory.principal(name, self.name)

    def location_for(self, call: Call, table: Document) -> str:
        """Where the caller finds the table's files."""
        run: Any = call.request.scope.get("task_run")
        if run is None:
            return table["storage_location"]
        return self.runs.location_for(run, table)
