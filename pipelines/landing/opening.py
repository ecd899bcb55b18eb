"""The one place that tells folders and buckets apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.landing.address import SCHEME, Address, S3Prefix, object_address
from pipelines.landing.folder import FolderUploads
from pipelines.landing.uploads import LandedFile, Uploads

if TYPE_CHECKING:
    from botocore.client import BaseClient


def uploads_at(kind_address: Address, client: BaseClient | None = None) -> Uploads:
    """The uploads below `<landing>/<kind>`; a bucket through `client`, or through one of the process's own."""
    if isinstance(kind_address, S3Prefix):
        from pipelines.landing.bucket import BucketUploads

        return BucketUploads(kind_address, client)
    return FolderUploads(kind_address)


def uploads_of(file: LandedFile) -> Uploads:
    """Where that file can be read."""
    if file.address.startswith(SCHEME):
        return uploads_at(object_address(file.address)[0])
    from pathlib import Path

    return uploads_at(Path())
