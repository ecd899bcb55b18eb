"""Spark engines: each gives a session in which `catalog.schema.table` names resolve to Delta tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine
    from pipelines.settings import EngineName, Settings

__all__ = ["engine_of", "open_engine"]


def open_engine(name: EngineName, warehouse: Path) -> Engine:
    """The engine of that name in this process, over the tables below `warehouse`; nothing starts before its use.

    Raises:
        EngineElsewhereError: no process of this machine can have it.
    """
    if name == "sail":
        from pipelines.engines.sail import SailEngine

        return SailEngine(warehouse)
    if name == "databricks":
        from pipelines.engines.databricks import EngineElsewhereError

        raise EngineElsewhereError
    from pipelines.engines.apache_spark import ApacheSparkEngine

    return ApacheSparkEngine(warehouse)


def engine_of(settings: Settings) -> Engine:
    """The engine of the environment: the workspace's own in a step that runs there, else one in this process.

    Dagster makes a step's resources in the process that launches the step, too. There the engine is never used, and
    on Databricks it could not be: it says so at its first use, and not before.
    """
    if not settings.in_task:
        if settings.engine == "databricks":
            from pipelines.engines.databricks import DatabricksEngine

            return DatabricksEngine(settings.work, settings.catalog, is_here=False)
        return open_engine(settings.engine, settings.tables)
    opened = _engine_of_task(settings)
    if settings.remote is not None:
        from pipelines.tables.attestation_keys import KeySecrets

        opened.attestation_keys = KeySecrets(settings.remote.secret_scope)
    return opened


def _engine_of_task(settings: Settings) -> Engine:
    if settings.engine == "sail":
        from pipelines.engines.task import TaskSailEngine

        return TaskSailEngine(settings.tables, settings.work)
    if settings.engine == "databricks":
        from pipelines.engines.databricks import DatabricksEngine

        return DatabricksEngine(settings.work, settings.catalog)
    from pipelines.engines.apache_spark import ApacheSparkEngine

    return ApacheSparkEngine(settings.tables, settings.work)
