"""Names that both sides must agree on: what the bootstrap makes in a workspace, and what steps find there."""

from __future__ import annotations

from typing import Literal

Location = Literal["development", "production"]
"""A code location, and the workspace in which its steps run."""

LOCATIONS: tuple[Location, ...] = ("development", "production")
CATALOGS: dict[Location, str] = {"development": "dev", "production": "prod"}
"""The catalog that a location writes its own tables and models to."""

SECRET_SCOPE = "pipelines"
EVENT_KEY = "event-key"
"""The secret by which a step proves that its events are its own."""
LANDING_VOLUME = "main.landing.uploads"
"""The landing zone as a volume."""

ARCHIVES_VOLUME = "prod.ops.customer_archives"
"""What is left of customers that were offboarded, as a volume."""
ARCHIVES_FOLDER = ".archive"
"""The same in the customers' zone; no customer's identifier begins with a dot."""


def staging_volume(location: Location) -> str:
    """The volume that only the workspace's service principal may write: code and events of steps."""
    return f"{CATALOGS[location]}.pipelines.staging"


def work_volume(location: Location) -> str:
    """The volume of what steps share meanwhile: locks, notes, scratch."""
    return f"{CATALOGS[location]}.pipelines.work"


def folder_of(volume: str) -> str:
    """Where a volume's files are found in its workspace."""
    return f"/Volumes/{volume.replace('.', '/')}"
