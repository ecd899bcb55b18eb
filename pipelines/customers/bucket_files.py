"""A customer's files below a prefix of a bucket."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from typing import Any

from pipelines.landing.address import S3Prefix
from pipelines.landing.bucket import BucketUploads
from pipelines.landing.s3_client import client_of
from pipelines.landing.s3_errors import code_of, unavailable
from pipelines.landing.uploads import LandedFile

_OTHER_VERSION = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}
_ABSENT = {"404", "NoSuchKey"}


@dataclass(frozen=True)
class BucketFiles:
    """The objects below `address`; see `CustomerFiles` for what each method promises. There are no links here."""

    address: S3Prefix

    @property
    def _client(self) -> Any:  # boto3 makes a client's methods at run time
        return client_of(self.address.profile)

    def listed(self, folder: str) -> list[LandedFile]:
        found = BucketUploads(self.address / folder).files()
        return sorted((_under(folder, file) for file in found), key=lambda file: file.file_path)

    def changed_ns(self, folder: str) -> int | None:  # noqa: ARG002  (the protocol has it)
        return None

    def look(self, path: str) -> LandedFile | None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            found = self._client.head_object(Bucket=self.address.bucket, Key=self._key(path))
        except (BotoCoreError, ClientError) as error:
            if code_of(error) in _ABSENT:
                return None
            raise self._unavailable(error, "look into") from error
        return BucketUploads(self.address).landed(
            {**found, "Key": self._key(path), "Size": found["ContentLength"]}, len(self.address.key_prefix)
        )

    def read(self, file: LandedFile) -> bytes:
        return BucketUploads(self.address).read(file)

    def replace(self, path: str, content: bytes, over: LandedFile | None) -> bool:
        from botocore.exceptions import BotoCoreError, ClientError

        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"  # review pages are opened from the bucket
        condition = {"IfNoneMatch": "*"} if over is None else {"IfMatch": f'"{over.file_version.split("-", 2)[2]}"'}
        try:
            self._client.put_object(
                Bucket=self.address.bucket, Key=self._key(path), Body=content, ContentType=kind, **condition
            )
        except (BotoCoreError, ClientError) as error:
            if code_of(error) in _OTHER_VERSION | (_ABSENT if over else set()):
                return False
            raise self._unavailable(error, "write to") from error
        return True

    def _key(self, path: str) -> str:
        return f"{self.address.key_prefix}{path}"

    def _unavailable(self, error: Exception, action: str) -> Exception:
        meta = self._client.meta
        return unavailable(error, f"{action} {self.address}", self.address, meta.region_name, meta.endpoint_url)


def _under(folder: str, file: LandedFile) -> LandedFile:
    return LandedFile(f"{folder}/{file.file_path}", file.file_version, file.size_bytes, file.address)
