"""Where a landing zone is: a folder's path, or `s3://bucket/prefix`.

`s3://<profile>@bucket/prefix` names the AWS profile whose credentials, region and endpoint serve that bucket, so
that two accounts can be used side by side. Without one they come from the environment as AWS's tools read it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

SCHEME = "s3://"
_FORM = re.compile(
    r"s3://(?:(?P<profile>[^@/]+)@)?(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>.*))?", re.DOTALL
)


class InvalidAddressError(ValueError):
    """A landing zone's address cannot be understood."""


@dataclass(frozen=True)
class S3Prefix:
    """What lies below a prefix of a bucket; `/` leads further down, as it does for a path."""

    bucket: str
    prefix: str = ""
    """Without a slash at either end; empty for the whole bucket."""
    profile: str | None = None
    """Name of the AWS profile that gives access, or None for the environment's own credentials."""

    def __truediv__(self, below: str) -> S3Prefix:
        return S3Prefix(self.bucket, f"{self.prefix}/{below}" if self.prefix else below, self.profile)

    def __str__(self) -> str:
        account = f"{self.profile}@" if self.profile else ""
        return f"{SCHEME}{account}{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")

    @property
    def name(self) -> str:
        """The last part."""
        return self.prefix.rsplit("/", 1)[-1]

    @property
    def key_prefix(self) -> str:
        """What the keys of everything below begin with."""
        return f"{self.prefix}/" if self.prefix else ""


Address = Path | S3Prefix


def landing_address(text: str | Path) -> Address:
    """The address that a person wrote.

    Raises:
        InvalidAddressError: it begins as a bucket's does and goes on in a way that none can.
    """
    if isinstance(text, Path) or "://" not in text:
        return Path(text).expanduser().resolve()
    form = _FORM.fullmatch(text)
    if form is None:
        raise InvalidAddressError(
            f"{text!r} is neither a folder nor a bucket: write s3://<bucket>/<prefix>, or "
            "s3://<profile>@<bucket>/<prefix> to use the credentials of that AWS profile."
        )
    parts = (form["prefix"] or "").strip("/").split("/")
    if any(part in ("", ".", "..") for part in parts) and parts != [""]:
        raise InvalidAddressError(f"{text!r} has an empty part, '.' or '..' in its prefix: leave it out.")
    return S3Prefix(form["bucket"], "/".join(parts), form["profile"])


def object_address(text: str) -> tuple[S3Prefix, str]:
    """The bucket (with profile) and the key of one object's address, whatever characters the key holds."""
    account, _, key = text.removeprefix(SCHEME).partition("/")
    profile, _, bucket = account.rpartition("@")
    return S3Prefix(bucket, profile=profile or None), key
