"""Putting files into the landing zone."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TypeVar, cast

from pipelines.landing.address import Address
from pipelines.landing.listing import Kind
from pipelines.landing.opening import uploads_at
from pipelines.landing.uploads import LandedFile

KnownUploads = dict[str, list[LandedFile]]
Zone = TypeVar("Zone", bound=Address)


def uploads_by_name(landing: Address, kind: Kind) -> KnownUploads:
    """Every upload of that kind, by file name."""
    names: KnownUploads = {}
    for file in uploads_at(landing / kind).files():
        names.setdefault(file.name, []).append(file)
    return names


def place(source: Path, landing: Zone, kind: Kind, day: date, known: KnownUploads) -> Zone | None:
    """Copy a file into the landing zone, whole or not at all, and note it in `known` (`uploads_by_name`).

    Returns where it lies now, or None when the same bytes are there under the same name already, on
    whatever day. A different file of that name stays as it is: the new one gets a number.

    Raises:
        OSError: the source cannot be read.
        LandingUnavailableError: the bucket cannot be used.
    """
    uploads = uploads_at(landing / kind)
    name = source.name.lstrip(".") or "unnamed"
    if any(uploads.holds(file, source) for file in known.get(name, ())):
        return None
    target, number = f"{day.isoformat()}/{name}", 1
    while (added := uploads.add(source, target)) is None:
        number += 1
        target = f"{day.isoformat()}/{Path(name).stem}-{number}{Path(name).suffix}"
    known.setdefault(name, []).append(added)
    return cast(Zone, landing / kind / target)
