"""The releases of one code location, put together: its audit, its registry, its lock."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipelines.releases.audit import AuditTable
from pipelines.releases.moves import Releases
from pipelines.releases.registry import MlflowRegistry
from pipelines.settings import Settings
from pipelines.tables.contract import TableContract, TableName
from pipelines.tables.contracts.operations import RELEASE_AUDIT

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine


def audit_contract(settings: Settings) -> TableContract:
    """The audit of the location: `prod.ops.release_audit`, in development `dev.ops.release_audit`."""
    return replace(RELEASE_AUDIT, name=RELEASE_AUDIT.name._replace(catalog=settings.catalog))


def open_releases(engine: Engine, settings: Settings) -> Releases:
    """The moves over the location's audit and registry; one process at a time makes them, and others wait."""
    # A lock of its own: the table's guards each write, this one guards a move from its reading to its last alias.
    lock = TableName(settings.catalog, "ops", "release_moves")
    return Releases(
        journal=AuditTable(engine, audit_contract(settings)),
        registry=MlflowRegistry(settings),
        lock=lambda: engine.exclusive(lock),
    )
