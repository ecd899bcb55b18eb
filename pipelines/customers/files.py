"""A customer's files, in a folder or a bucket: listed, read only as listed, and replaced without losing an update.

Nothing here follows a symbolic link: a customer's folder could hold one that leads to another customer's files.
"""

from __future__ import annotations

from typing import Protocol

from pipelines.customers.identifier import customer_id
from pipelines.customers.places import folder_of_customer, volume_of
from pipelines.landing.address import S3Prefix
from pipelines.landing.uploads import LandedFile
from pipelines.settings import Settings
from pipelines.workspace_names import folder_of


class NoCustomersError(LookupError):
    """The environment has no customers' zone."""


class CustomerFiles(Protocol):
    """All files of one customer. Paths begin with `sessions/`, `inbox/` or `reviews/`.

    Every method raises LandingUnavailableError if a bucket cannot be used, and OSError if a folder cannot.
    """

    def listed(self, folder: str) -> list[LandedFile]:
        """The whole files below a folder, by path; none if it is absent. Unfinished uploads and links are left out."""
        ...

    def look(self, path: str) -> LandedFile | None:
        """The file at that path; None if there is none, or it is a link or anything else than a file."""
        ...

    def read(self, file: LandedFile) -> bytes:
        """The file's bytes, all of the version that was listed.

        Raises:
            FileChangedError: the file is another version now.
            OSError: it is gone or cannot be read.
        """
        ...

    def replace(self, path: str, content: bytes, over: LandedFile | None) -> bool:
        """Write a file whole or not at all, in the place of `over`, or of nothing.

        False if the file there is not `over` (any more): then it stays as it is.
        """
        ...


def customer_files(settings: Settings, customer: str) -> CustomerFiles:
    """The files of the customer, as this process reaches them: a step in a workspace through the customer's volume.

    Raises:
        InvalidCustomerError: that is no customer's identifier.
        NoCustomersError: the location has no customers.
    """
    zone = settings.customers
    if zone is None:
        raise NoCustomersError(
            f"The {settings.location} location has no customers: set PIPELINES_CUSTOMERS, or `customers` in the "
            "production environment's file."
        )
    # The local workspace mounts folders only: a bucket is read there as it is here.
    is_bucket = isinstance(zone, S3Prefix) and not (settings.in_task and settings.warehouse is None)
    if is_bucket:
        from pipelines.customers.bucket_files import BucketFiles

        return BucketFiles(folder_of_customer(zone, customer))  # type: ignore[arg-type]
    from pathlib import Path

    from pipelines.customers.folder_files import FolderFiles

    if settings.in_task and settings.remote is not None:
        return FolderFiles(Path(folder_of(volume_of(customer))))
    assert isinstance(zone, Path)
    return FolderFiles(zone / customer_id(customer))
