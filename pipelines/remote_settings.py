"""How steps reach the workspace that runs them: the part of an environment's settings that its launcher needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Remote:
    """How steps reach the workspace that runs them."""

    host: str | None
    """Address of the Databricks workspace; None for the local one, which is started at its first use."""
    authentication: dict[str, str]
    """What the SDK is given to prove who this is, as names of environment variables: never a secret itself."""
    staging: str
    """Volume folder for shipped code, payloads and events, such as `/Volumes/dev/pipelines/staging`."""
    secret_scope: str
    compute: dict[str, Any]
    """Size classes, see `pipelines.databricks.compute`; empty for the local workspace, which has one warm cluster."""
    tags: dict[str, str]
    """On every remote run, for its cost."""
    repository: Path
    """The git checkout whose code is shipped."""
    allow_dirty: bool
    """Whether uncommitted changes of the checkout may be shipped."""
