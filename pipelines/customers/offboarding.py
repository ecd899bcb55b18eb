"""The part of offboarding that a step of production does: archive, remove what was archived, close the row.

Each is safe to do again, and none goes on where the one before it did not end. What the administrator takes away
(grants, principal, secrets, volume, schema) is in `withdrawal`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.customers.archive import (
    Belongings,
    Say,
    is_current,
    new_archive_name,
    require_current,
    verified,
    write_archive,
)
from pipelines.customers.archive_files import ChangedMeanwhileError, remove_below, walk
from pipelines.customers.archive_manifest import MANIFEST, Manifest
from pipelines.customers.registry import Customer, UnknownCustomerError, find_customer, write_customer

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine

_ATTEMPTS = 3
_BEGUN = "removal-begun"


class NotArchivedError(Exception):
    """Something would be removed that is in no complete archive; the message says what to do."""


@dataclass(frozen=True)
class Archived:
    """A customer in state `offboarding`, and the complete archive of all that it has."""

    customer: Customer
    manifest: Manifest
    made_now: bool


def archive_customer(own: Belongings, archives: Path, actor: str, say: Say = lambda _: None) -> Archived:
    """Have the customer's requests refused from now on, and archive all that it has; an archive that does is kept.

    Raises:
        UnknownCustomerError: there never was such a customer.
        ChangedMeanwhileError: what it has went on changing.
        BrokenArchiveError: the archive does not read back.
    """
    customer = _known(own.engine, own.customer)
    if _is_gone(customer, own):
        return Archived(customer, Manifest(customer.id, customer.archive or "", (), (), ()), made_now=False)
    if customer.archive and customer.state != "active" and _removal_begun(archives / customer.archive):
        # What is gone cannot be archived again: this archive is the one that counts.
        return Archived(customer, verified(customer.id, archives / customer.archive), made_now=False)
    if customer.archive and customer.state != "active" and is_current(own, archives / customer.archive):
        return Archived(customer, verified(customer.id, archives / customer.archive), made_now=False)
    for attempt in range(1, _ATTEMPTS + 1):
        name = _name_for(customer, archives)
        customer = _written(own.engine, replace(customer, state="offboarding", archive=name), actor)
        try:
            return Archived(customer, write_archive(own, archives / name, say), made_now=True)
        except ChangedMeanwhileError as change:
            if attempt == _ATTEMPTS:
                raise
            say(str(change))
    raise AssertionError("unreachable")


def remove_customer(own: Belongings, archives: Path, actor: str) -> Iterator[str]:
    """Remove the customer's tables and files, after reading its archive once more.

    Yields:
        What was removed, when it is.

    Raises:
        NotArchivedError: there is no archive, or the customer is active.
        ChangedMeanwhileError: something was written since it was archived; nothing has been removed.
        BrokenArchiveError: the archive is not what it was; nothing has been removed now.
    """
    customer = _known(own.engine, own.customer)
    if customer.archive is None or customer.state == "active":
        raise NotArchivedError(f"{customer.id} is {customer.state} and not archived: offboard it.")
    if _is_gone(customer, own):
        return
    archive = archives / customer.archive
    manifest = verified(customer.id, archive)
    if not _removal_begun(archive):
        require_current(own, manifest)
        (archive / _BEGUN).write_text(f"{datetime.now(UTC).isoformat()} by {actor}\n", encoding="utf-8")
    counts = {table.name: table.row_count for table in manifest.tables}
    for contract in own.contracts:
        own.engine.drop(contract.name)
        yield f"table {contract.name} ({counts.get(str(contract.name), 0):,} rows)"
    if count := remove_below(own.files):
        yield f"{count:,} files of {customer.id}"


def close_customer(engine: Engine, customer: str, actor: str) -> Customer:
    """Note that nothing of the customer is left but its archive.

    Raises:
        NotArchivedError: it is active, or was never archived.
    """
    known = _known(engine, customer)
    if known.state == "active" or known.archive is None:
        raise NotArchivedError(f"{customer} is {known.state}, and nothing of it was archived: offboard it.")
    return known if known.state == "offboarded" else _written(engine, replace(known, state="offboarded"), actor)


def _known(engine: Engine, customer: str) -> Customer:
    found = find_customer(engine, customer)
    if found is None:
        raise UnknownCustomerError(f"There is no customer {customer}: `pipelines customer list` shows all there are.")
    return found


def _name_for(customer: Customer, archives: Path) -> str:
    """The archive that was begun, if it is not complete; else a new one."""
    begun = customer.archive
    if begun and customer.state == "offboarding" and not (archives / begun / MANIFEST).exists():
        return begun
    return new_archive_name(customer.id)


def _written(engine: Engine, customer: Customer, actor: str) -> Customer:
    changed = replace(customer, changed_at=datetime.now(UTC), changed_by=actor)
    write_customer(engine, changed)
    return changed


def _is_gone(customer: Customer, own: Belongings) -> bool:
    """Whether it was offboarded before; what became of its archive since is its keeper's matter."""
    return customer.state == "offboarded" and not own.contracts and not walk(own.files)[0]


def _removal_begun(archive: Path) -> bool:
    return (archive / _BEGUN).is_file()
