"""What a release was asked for with: kept in the record, so that doing it again does the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pipelines.releases.record import Record


class NotRequestedError(LookupError):
    """A release that nobody has asked for in the way that says what it is to be made of."""


@dataclass(frozen=True)
class Request:
    """The commit's origin and the versions of gold that all models of the release are trained on."""

    author: str
    signer: str | None
    gold_versions: Mapping[str, int]

    @property
    def evidence(self) -> dict[str, Any]:
        """For the entry of the record."""
        return asdict(self)


def request_of(record: Record, release: str) -> Request:
    """The newest request of the release.

    Raises:
        NotRequestedError: there is none that says so.
    """
    for entry in reversed(record.entries):
        if entry.transition == "requested" and entry.release == release and entry.evidence.get("gold_versions"):
            return Request(
                author=str(entry.evidence["author"]),
                signer=entry.evidence.get("signer"),
                gold_versions={name: int(version) for name, version in entry.evidence["gold_versions"].items()},
            )
    raise NotRequestedError(
        f"Release {release[:12]} was never requested: push it to the branch `release`; the sensor asks for it."
    )
