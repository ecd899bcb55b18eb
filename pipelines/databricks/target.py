"""Where steps run: one Databricks workspace, as plain values and two functions that are called late."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.databricks.compute import ComputeSettings

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_VOLUME_FOLDER = re.compile(r"/Volumes/[^/]+/[^/]+/[^/]+(/[^/]+)*")


@dataclass(frozen=True)
class SecretReference:
    """Where a secret is kept. Its value is read by those who need it and goes nowhere else."""

    scope: str
    key: str


@dataclass(frozen=True)
class RemoteTarget:
    """A workspace in which steps run, and what they find there."""

    name: str
    """For errors and tags, e.g. `development`."""
    connect: Callable[[], WorkspaceClient]
    """Called at the first launch only, so that loading definitions connects to nothing."""
    staging: str
    """Folder in a volume that only the service principal may write, e.g. `/Volumes/dev/pipelines/staging`."""
    event_key: SecretReference
    """Authenticates the events of steps; read here through the Secrets API and in the task through `dbutils`."""
    compute: Callable[[], ComputeSettings] | ComputeSettings
    """Size classes; a function is called at the first launch, when the workspace is there."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """On every run: environment, cost center."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables of the task's process, set before the shipped code is imported. Not secret."""
    secrets: Mapping[str, SecretReference] = field(default_factory=dict)
    """Variables whose values are resolved in the task alone."""

    def __post_init__(self) -> None:
        if not _VOLUME_FOLDER.fullmatch(self.staging) or ".." in self.staging:
            raise ValueError(
                f"The staging folder of target {self.name!r} is {self.staging!r}: write it as "
                "/Volumes/<catalog>/<schema>/<volume>, with folders below if you like."
            )

    def compute_settings(self) -> ComputeSettings:
        """The size classes, made now if they are made late."""
        return self.compute if isinstance(self.compute, ComputeSettings) else self.compute()
