"""What customers get, as one JSON document: for the catalog, the command line, and whoever watches the branch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from pipelines.releases.record import Record
from pipelines.releases.registry import MlflowRegistry
from pipelines.releases.status import Status, status_of

_MOST_EVENTS = 20


def state_of(record: Record, registry: MlflowRegistry) -> dict[str, Any]:
    """The state after the last move: `status`, `released`, `quarantined` (with reasons), `pins`, `sequence`."""
    versions = {model: registry.versions(model) for model in record.plans}
    status = status_of(record, versions, _MOST_EVENTS)
    return {
        "sequence": record.next_sequence - 1,
        "current": record.current_release,
        "released": list(record.sets),
        "quarantined": quarantine_reasons(record),
        "pins": pins_shown(record),
        "status": TypeAdapter(Status).dump_python(status, mode="json"),
    }


def status_from(state: Mapping[str, Any]) -> Status:
    """The status in a state that `state_of` gave."""
    return TypeAdapter(Status).validate_python(state["status"])


def pins_shown(record: Record) -> list[dict[str, Any]]:
    """The pins in the order of customers and models; `holds` says whether the version may serve."""
    found = [
        {
            "customer": customer,
            "model": model,
            "version": pin.version,
            "release": pin.release,
            "holds": pin.release not in record.quarantined,
            "why": f"{pin.by.reason} ({pin.by.actor})",
        }
        for model, pins in record.pins.items()
        for customer, pin in pins.items()
    ]
    return sorted(found, key=lambda each: (each["customer"], each["model"]))


def quarantine_reasons(record: Record) -> dict[str, str]:
    """Why each release is in quarantine, as whoever put it there said."""
    reasons: dict[str, str] = {}
    for entry in record.entries:
        before = entry.before.quarantined if entry.before else ()
        for release in entry.after.quarantined if entry.after else ():
            if release not in before:
                reasons[release] = f"{entry.by.reason} ({entry.by.actor})"
    return {release: reasons[release] for release in sorted(record.quarantined)}
