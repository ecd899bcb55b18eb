"""Pins: customers who are held at one version of a model, whatever the release plan says.

They are entries of the record, which production alone reads, and not tags of the registry: everybody reads those, and
customers have no names there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pipelines.releases.entry import By, Entry

if TYPE_CHECKING:
    from pipelines.releases.record import Record


@dataclass(frozen=True)
class Pin:
    """One customer held at one version, which is of `release`."""

    version: int
    release: str
    by: By


class Versions(Protocol):
    """What is asked of the registry."""

    def why_unfit(self, model: str, version: int) -> str | None: ...

    def tags(self, model: str, number: int) -> Mapping[str, str] | None: ...


def pins_of(entries: Iterable[Entry]) -> dict[str, dict[str, Pin]]:
    """The pins that hold after these entries, in order: by model, then by customer."""
    found: dict[str, dict[str, Pin]] = {}
    for entry in entries:
        if entry.transition == "pinned":
            pin = Pin(int(entry.evidence["version"]), entry.release, entry.by)
            found.setdefault(entry.model, {})[entry.evidence["customer"]] = pin
        elif entry.transition == "unpinned":
            found.get(entry.model, {}).pop(entry.evidence["customer"], None)
    return {model: pins for model, pins in found.items() if pins}


def pin_evidence(customer: str, version: int) -> dict[str, Any]:
    """What the entry of a pin rests on, for `pins_of`."""
    return {"customer": customer, "version": version}


def held_at(record: Record, model: str) -> dict[str, int]:
    """Version by customer of those who are held at one; a release in quarantine holds nobody."""
    pins = record.pins.get(model, {})
    return {customer: pin.version for customer, pin in pins.items() if pin.release not in record.quarantined}


def why_not_for_customers(record: Record, registry: Versions, model: str, version: int) -> str | None:
    """Why no customer may have that version by name, with what there is instead; None if they may."""
    if model not in record.plans:
        return f"There is no released model {model}: there are {', '.join(sorted(record.plans)) or 'none'}."
    if (problem := registry.why_unfit(model, version)) is not None:
        return f"Version {version} of {model} cannot be used: {problem}."
    if (registry.tags(model, version) or {}).get("commit") in record.quarantined:
        return f"Version {version} of {model} cannot be used: its release is in quarantine."
    return None
