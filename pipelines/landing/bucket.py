"""Uploads below a prefix of an S3 bucket, of AWS or any other that speaks its protocol."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pipelines.landing.address import S3Prefix, object_address
from pipelines.landing.s3_client import ATTEMPTS, client_of
from pipelines.landing.s3_errors import code_of, unavailable
from pipelines.landing.uploads import FileChangedError, LandedFile, Page, is_unfinished

if TYPE_CHECKING:
    from botocore.client import BaseClient

MOST_BYTES = 5 * 1024**3
"""What S3 takes in one request; more would have to be put in parts, and could not be refused as a whole."""
_FOLDER_SUFFIXES = ("/", "_$folder$")
_CHANGED = {"PreconditionFailed", "412"}
_GONE = {"NoSuchKey", "NoSuchVersion", "404"}


class BucketUploads:
    """The objects below `s3://bucket/prefix/`; see `Uploads` for what each method promises.

    Uploads in parts show up in listings only when they are complete, and an object never changes while it is read,
    so there are no half files here; names that say "unfinished" are left out as in a folder, `.` and `..` with
    them. So are the empty objects with which consoles and Hadoop mark folders.
    """

    pages_per_tick = 10
    """A page is one request: a tenth of a second and five millionths of a dollar."""
    objects_per_page = 1_000
    """The most that S3 gives at once."""

    def __init__(self, address: S3Prefix, client: BaseClient | None = None) -> None:
        self.address = address
        self._given = client

    @property
    def _client(self) -> Any:  # boto3 makes a client's methods at run time
        return self._given or client_of(self.address.profile)

    def entries(self) -> list[str]:
        prefix, names, token = self.address.key_prefix, set(), None
        while True:
            more = {"ContinuationToken": token} if token else {}
            with self._errors("list"):
                found = self._client.list_objects_v2(Bucket=self.address.bucket, Prefix=prefix, Delimiter="/", **more)
            names.update(each["Prefix"].removeprefix(prefix).rstrip("/") for each in found.get("CommonPrefixes", ()))
            names.update(each["Key"].removeprefix(prefix) for each in found.get("Contents", ()) if not _marks(each))
            token = found.get("NextContinuationToken")
            if not token:
                return sorted(name for name in names if name and not name.startswith("."))

    def pages(self, entry: str, after: str | None = None) -> Iterator[Page]:
        yield from self._pages(f"{self.address.key_prefix}{entry}/", after)

    def files(self) -> Iterator[LandedFile]:
        for page in self._pages(self.address.key_prefix, None):
            yield from page.files

    def read(self, file: LandedFile) -> bytes:
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError

        _, key = object_address(file.address)
        folder = S3Prefix(self.address.bucket, key.rpartition("/")[0], self.address.profile)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                found = self._client.get_object(Bucket=self.address.bucket, Key=key, IfMatch=f'"{_etag(file)}"')
            except (BotoCoreError, ClientError) as error:
                raise self._own_fault(error, file) or self._unavailable(error, "read from", folder) from error
            try:
                return found["Body"].read()
            except (HTTPClientError, IncompleteReadError) as error:  # the client repeats requests, not their bodies
                if attempt == ATTEMPTS:
                    raise self._unavailable(error, "read from", folder) from error
        raise AssertionError("unreachable")

    def holds(self, file: LandedFile, source: Path) -> bool:
        if source.stat().st_size != file.size_bytes:
            return False
        with source.open("rb") as stream:
            if hashlib.file_digest(stream, _md5).hexdigest() == _etag(file):
                return True
        try:  # the ETag of an object put in parts, or under a customer's key, is no digest of its bytes
            return self.read(file) == source.read_bytes()
        except (FileChangedError, FileNotFoundError):
            return False

    def add(self, source: Path, file_path: str) -> LandedFile | None:
        from botocore.exceptions import ClientError

        where = {"Bucket": self.address.bucket, "Key": f"{self.address.key_prefix}{file_path}"}
        with source.open("rb") as stream:
            size = source.stat().st_size
            if size > MOST_BYTES:
                raise OSError(f"{source} has {size:,} bytes; {self.address} takes files of {MOST_BYTES:,} at most.")
            digest = base64.b64encode(hashlib.file_digest(stream, _md5).digest()).decode()
            mark = uuid4().hex
            for attempt in range(1, ATTEMPTS + 1):
                stream.seek(0)
                try:
                    with self._errors("add to", but={*_CHANGED, "ConditionalRequestConflict", "BadDigest"}):
                        self._client.put_object(
                            **where, Body=stream, ContentMD5=digest, IfNoneMatch="*", Metadata={"placed": mark}
                        )
                    break
                except ClientError as error:
                    if code_of(error) in _CHANGED:
                        break
                    if code_of(error) == "BadDigest":
                        raise OSError(f"{source} changed while it was copied: copy it when it is complete.") from error
                    if attempt == ATTEMPTS:
                        raise self._unavailable(error, "add to") from error
        with self._errors("look up what was added to"):
            stored = self._client.head_object(**where)
        if stored["Metadata"].get("placed") != mark:
            # Whoever was first keeps the name. (If it was our own request, repeated after its answer was lost, the
            # mark tells.)
            return None
        return self.landed(
            {**stored, "Key": where["Key"], "Size": stored["ContentLength"]}, len(self.address.key_prefix)
        )

    def _pages(self, prefix: str, after: str | None) -> Iterator[Page]:
        cut = len(self.address.key_prefix)
        while True:
            # By the last key and not by a token, so that a listing can go on at another time.
            more = {"StartAfter": after} if after else {}
            with self._errors("list"):
                found = self._client.list_objects_v2(
                    Bucket=self.address.bucket, Prefix=prefix, MaxKeys=self.objects_per_page, **more
                )
            objects = found.get("Contents", [])
            files = [self.landed(each, cut) for each in objects if not _marks(each) and _is_whole(each["Key"][cut:])]
            after = objects[-1]["Key"] if found.get("IsTruncated") and objects else None
            yield Page(files, after)
            if after is None:
                return

    def landed(self, found: dict[str, Any], cut: int) -> LandedFile:
        """The object that S3 tells of, its path without the first `cut` characters of the key."""
        key, etag = found["Key"], found["ETag"].strip('"')
        version = f"{_nanoseconds(found['LastModified'])}-{found['Size']}-{etag}"
        address = S3Prefix(self.address.bucket, profile=self.address.profile)
        return LandedFile(key[cut:], version, found["Size"], f"{address}/{key}")

    def _own_fault(self, error: Exception, file: LandedFile) -> Exception | None:
        """The error to raise if it is this object's and not the bucket's."""
        code = code_of(error)
        if code in _CHANGED:
            return FileChangedError(file.file_path)
        if code in _GONE:
            return FileNotFoundError(2, "it is gone", file.address)
        if code == "InvalidObjectState":
            return OSError(f"{file.address} is archived: restore it in S3.")
        if code.startswith("KMS.") or (code == "AccessDenied" and "kms:" in str(error)):
            return PermissionError(13, "its encryption key may not be used: allow kms:Decrypt", file.address)
        return None

    @contextmanager
    def _errors(self, action: str, but: frozenset[str] | set[str] = frozenset()) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError) as error:
            if code_of(error) in but:
                raise
            raise self._unavailable(error, action) from error

    def _unavailable(self, error: Exception, action: str, where: S3Prefix | None = None) -> Exception:
        meta, where = self._client.meta, where or self.address
        return unavailable(error, f"{action} {where}", where, meta.region_name, meta.endpoint_url)


def _marks(found: dict[str, Any]) -> bool:
    """Whether an object only marks a folder."""
    return found["Size"] == 0 and found["Key"].endswith(_FOLDER_SUFFIXES)


def _is_whole(path: str) -> bool:
    return not any(is_unfinished(part) for part in path.split("/"))


def _etag(file: LandedFile) -> str:
    return file.file_version.split("-", 2)[2]


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1_000


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)
