"""Spark engines: each gives a session in which `catalog.schema.table` names resolve to Delta tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine
    from pipelines.environments import EngineName

__all__ = ["open_engine"]


def open_engine(name: EngineName, warehouse: Path) -> Engine:
    """The engine of that name over the tables below `warehouse`; nothing starts before its first use."""
    if name == "sail":
        from pipelines.engines.sail import SailEngine

        return SailEngine(warehouse)
    from pipelines.engines.apache_spark import ApacheSparkEngine

    return ApacheSparkEngine(warehouse)
