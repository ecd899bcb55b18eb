"""The files of one upload day in the landing zone: listed cheaply, and read only as what was listed."""

from __future__ import annotations

from datetime import date

from pipelines.landing.address import Address
from pipelines.landing.opening import uploads_at, uploads_of
from pipelines.landing.uploads import FileChangedError, LandedFile, LandingUnavailableError

__all__ = ["FileChangedError", "LandedFile", "LandingUnavailableError", "list_landed", "read_as_listed"]


def list_landed(kind_address: Address, upload_day: date) -> list[LandedFile]:
    """The whole files of that day, by path; an absent folder is empty.

    Raises:
        LandingUnavailableError: the bucket cannot be listed.
    """
    pages = uploads_at(kind_address).pages(upload_day.isoformat())
    return sorted((file for page in pages for file in page.files), key=lambda file: file.file_path)


def read_as_listed(file: LandedFile) -> bytes:
    """The file's bytes, all of one version.

    Raises:
        FileChangedError: the file is no longer the version that was listed.
        OSError: this file cannot be read.
        LandingUnavailableError: no file of the landing zone can.
    """
    return uploads_of(file).read(file)
