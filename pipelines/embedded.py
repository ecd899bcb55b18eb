"""The embedded environment's workspaces: started at first use, prepared once, found by every process after that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.environments import LOCATIONS, Settings
from pipelines.local.settings import LocalSettings, settings_below
from pipelines.local.stack import StackConnection

if TYPE_CHECKING:
    pass


def local_settings(settings: Settings) -> LocalSettings:
    """The two local workspaces over the environment's tables."""
    return settings_below(
        home=settings.home / "databricks", warehouse=settings.tables, project=settings.remote.repository
    ).with_changes(
        grants=(),
        private={name: (settings.home / "mlflow" / name,) for name in LOCATIONS},
        environment={"OMP_WAIT_POLICY": "PASSIVE"},
    )


def connected(settings: Settings) -> StackConnection:
    """The location's workspace, running and prepared. Costs milliseconds where it is."""
