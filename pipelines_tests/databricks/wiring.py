"""How the shipped project's steps find their launcher, in the tests' process and in workers that tests start."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config

from pipelines.databricks.code import CodeSource
from pipelines.databricks.compute import ComputeSettings
from pipelines.databricks.launcher import DatabricksStepLauncher, Patience
from pipelines.databricks.polling import Rhythm
from pipelines.databricks.target import RemoteTarget, SecretReference

STAGING = "/Volumes/dev/default/staging"
EVENT_KEY = SecretReference("launcher", "event-key")
_VARIABLE = "LAUNCHER_WIRING"


@dataclass(frozen=True)
class Wiring:
    """Everything that a process needs to launch the shipped project's steps; can be written into a variable."""

    host: str
    token: str
    cluster: str
    repository: str
    environment: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, list[str]] = field(default_factory=dict)
    budget_s: float = 20.0
    pause_s: float = 0.1
    reattachments: int = 10
    unknown_limit_s: float = 5.0
    settling_s: float = 20.0
    revision: str | None = None
    allow_dirty: bool = True
    compute: dict[str, Any] = field(default_factory=dict)
    """Compute settings besides the size `standard`, which is the warm cluster unless they say otherwise."""

    def with_changes(self, **changes: Any) -> Wiring:
        """The same with some values changed."""
        return replace(self, **changes)

    def target(self) -> RemoteTarget:
        """The target of these values."""
        warm = {"existing_cluster_id": self.cluster}
        return RemoteTarget(
            name="development",
            connect=lambda: WorkspaceClient(config=Config(host=self.host, token=self.token)),
            staging=STAGING,
            event_key=EVENT_KEY,
            compute=ComputeSettings.model_validate(
                {**self.compute, "sizes": {"standard": warm, **self.compute.get("sizes", {})}}
            ),
            tags={"environment": "development", "cost_center": "tests"},
            environment={"RUNS_REMOTELY": "1", **self.environment},
            secrets={name: SecretReference(*place) for name, place in self.secrets.items()},
        )

    def launcher(self) -> DatabricksStepLauncher:
        """A launcher of these values."""
        return DatabricksStepLauncher(
            self.target(),
            CodeSource(Path(self.repository), self.revision, paths=("shipped",), allow_dirty=self.allow_dirty),
            Patience(self.budget_s, self.reattachments, self.pause_s),
            Rhythm(unknown_limit_s=self.unknown_limit_s, settling_s=self.settling_s),
        )

    def as_variable(self) -> dict[str, str]:
        """The environment variable that gives a worker this wiring."""
        return {_VARIABLE: json.dumps(self.__dict__)}


_current: DatabricksStepLauncher | None = None


def use(launcher: DatabricksStepLauncher | None) -> None:
    """Have the steps of this process launched by this one."""
    global _current
    _current = launcher


def launcher() -> DatabricksStepLauncher:
    """The launcher of this process."""
    if _current is None:
        use(Wiring(**json.loads(os.environ[_VARIABLE])).launcher())
    assert _current is not None
    return _current
