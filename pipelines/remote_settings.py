"""How steps reach the workspace that runs them: the part of an environment's settings that its launcher needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

SIZES: tuple[str, ...] = ("standard", "small", "medium", "large")
"""Size classes that steps ask for: `standard` unless a model's manifest says otherwise."""

ComputeKind = Literal["warm", "job", "pool", "serverless"]
"""The cluster that is kept warm; a job cluster for the step alone, of new machines or of a pool's; or serverless."""


@dataclass(frozen=True)
class LocalCompute:
    """On what steps run in the local workspaces, and how long that pretends to need before it is ready."""

    kinds: dict[str, ComputeKind] = field(default_factory=lambda: dict.fromkeys(SIZES, "warm"))
    """Size class to kind."""
    start_delays_s: dict[str, float] = field(default_factory=dict)
    """Kind to seconds; none for a kind that is not named."""

    @property
    def needs_warm_cluster(self) -> bool:
        """Whether steps of any size run on the warm cluster."""
        return "warm" in self.kinds.values()


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
    """Size classes, see `pipelines.databricks.compute`; empty for the local workspace, which has `local_compute`."""
    tags: dict[str, str]
    """On every remote run, for its cost."""
    repository: Path
    """The git checkout whose code is shipped."""
    allow_dirty: bool
    """Whether uncommitted changes of the checkout may be shipped."""
    local_compute: LocalCompute = field(default_factory=LocalCompute)
    """On what steps run in the local workspace."""
