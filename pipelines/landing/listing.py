"""Upload days, without the contents of their files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from typing import Literal

from pipelines.landing.address import Address
from pipelines.landing.opening import uploads_at
from pipelines.landing.uploads import LandedFile

Kind = Literal["sessions", "annotations"]

_MODULUS = 1 << 64


@dataclass(frozen=True)
class DayListing:
    """The uploads of one kind and day, or those listed so far."""

    file_count: int = 0
    byte_count: int = 0
    newest_modification_ns: int = 0
    checksum: int = 0
    """Sum of a digest of each file and its version: the order does not matter, so a listing can be continued."""

    @property
    def newest_modification_s(self) -> float:
        """Latest modification time, seconds since the epoch."""
        return self.newest_modification_ns / 1e9

    @property
    def digest(self) -> str:
        """Changes when a file comes, goes, grows or is overwritten."""
        return f"{self.file_count}-{self.checksum:016x}"

    def plus(self, files: Iterable[LandedFile]) -> DayListing:
        """This listing continued by those files."""
        count, size, newest, checksum = self.file_count, self.byte_count, self.newest_modification_ns, self.checksum
        for file in files:
            count += 1
            size += file.size_bytes
            newest = max(newest, file.modified_ns)
            entry = f"{file.file_path}\0{file.file_version}".encode()
            checksum += int.from_bytes(blake2b(entry, digest_size=8).digest())
        return DayListing(count, size, newest, checksum % _MODULUS)


def list_day(landing: Address, kind: Kind, day: date) -> DayListing:
    """What has been uploaded on that day."""
    listing = DayListing()
    for page in uploads_at(landing / kind).pages(day.isoformat()):
        listing = listing.plus(page.files)
    return listing


def top_entries(landing: Address, kind: Kind) -> list[str]:
    """Names of what lies directly in the kind's folder, which should be upload days; none if it is absent."""
    return uploads_at(landing / kind).entries()
