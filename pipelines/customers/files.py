"""A customer's files, in a folder or a bucket: listed, read only as listed, and replaced without losing an update.

Nothing here follows a symbolic link: a customer's folder could hold one that leads to another customer's files.
"""

from __future__ import annotations

from typing import Protocol

from pipelines.customers.places import folder_of_customer, zone_of
from pipelines.customers.tasks import files_folder
from pipelines.landing.address import S3Prefix
from pipelines.landing.uploads import LandedFile
from pipelines.settings import Settings


class CustomerFiles(Protocol):
    """All files of one customer. Paths begin with `sessions/`, `inbox/`, `reviews/` or `maps/`.

    Every method raises LandingUnavailableError if a bucket cannot be used, and OSError if a folder cannot.
    """

    def listed(self, folder: str) -> list[LandedFile]:
        """The whole files below a folder, by path; none if it is absent. Unfinished uploads and links are left out."""
        ...

    def changed_ns(self, folder: str) -> int | None:
        """When the folder last gained or lost a file, nanoseconds since the epoch; 0 if there is no such folder.

        None where only a listing tells, which is in a bucket. A file that is written over changes nothing.
        """
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
    zone, folder = zone_of(settings), files_folder(settings, customer)
    if folder is None:
        from pipelines.customers.bucket_files import BucketFiles

        assert isinstance(zone, S3Prefix)
        return BucketFiles(folder_of_customer(zone, customer))
    from pipelines.customers.folder_files import FolderFiles

    return FolderFiles(folder)
