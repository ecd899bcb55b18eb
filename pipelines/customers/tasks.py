"""How a step of production is asked for its part of on- or offboarding a customer, and where it finds the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pipelines.customers.identifier import customer_id
from pipelines.customers.places import volume_of, zone_of
from pipelines.landing.address import S3Prefix
from pipelines.settings import Settings
from pipelines.workspace_names import ARCHIVES_FOLDER, ARCHIVES_VOLUME, folder_of

CustomerTask = Literal["onboard", "archive", "remove", "close"]


def job_of(task: CustomerTask) -> str:
    """The name of the job that does it."""
    return f"{task}_customer"


def step_of(task: CustomerTask) -> str:
    """The name of that job's one step, which must be another one than the job's."""
    return f"{job_of(task)}_step"


def task_config(task: CustomerTask, customer: str, actor: str, choices: dict[str, Any]) -> dict[str, Any]:
    """Run config of the job; `choices` are fields of `pipelines.customers.onboarding.CHOICES`.

    Raises:
        InvalidCustomerError: that is no customer's identifier.
    """
    given = {"customer": customer_id(customer), "actor": actor, "choices": choices}
    return {"ops": {step_of(task): {"config": given}}}


def files_folder(settings: Settings, customer: str) -> Path | None:
    """The customer's folder as a step sees it: in a workspace the volume. None where it is in a bucket instead."""
    return _folder(settings, folder_of(volume_of(customer)), customer_id(customer))


def archives_folder(settings: Settings) -> Path | None:
    """The folder of archives as a step sees it; None where it is in a bucket that its workspace does not mount."""
    return _folder(settings, folder_of(ARCHIVES_VOLUME), ARCHIVES_FOLDER)


def _folder(settings: Settings, mounted: str, below: str) -> Path | None:
    zone = zone_of(settings)
    # The local workspace mounts folders only: a bucket is read there as it is on the control side.
    if isinstance(zone, S3Prefix) and settings.warehouse is not None:
        return None
    if settings.in_task:
        return Path(mounted)
    return zone / below if isinstance(zone, Path) else None
