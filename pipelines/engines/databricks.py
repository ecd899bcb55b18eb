"""Databricks' own Spark, in a step that runs there: managed tables of Unity Catalog, no folders of this project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.engines.lease import TableLease
from pipelines.engines.spark import SparkEngine
from pipelines.engines.worker_code import give_to_workers
from pipelines.tables.contract import TableContract, TableName

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class EngineElsewhereError(RuntimeError):
    """Databricks' Spark was asked for in a process that runs in no workspace."""

    def __init__(self) -> None:
        super().__init__(
            "Databricks' Spark and the tables are in the workspace, not in this process: use them in a step that the "
            "step launcher runs there, or ask in a notebook or Databricks' SQL editor."
        )


class DatabricksEngine(SparkEngine):
    """The session that the cluster or serverless compute gives to the task."""

    name = "databricks"

    def __init__(self, work: Path, catalog: str, *, is_here: bool = True) -> None:
        """Nothing is opened before its first use.

        Args:
            work: a volume's folder that all steps of the location share.
            catalog: the one that the location writes to.
            is_here: whether this process is a task in the workspace; elsewhere the engine can only be handed on.
        """
        super().__init__(None, work)
        self._lease = TableLease(self, catalog)
        self._is_here = is_here

    def _start(self) -> SparkSession:
        if not self._is_here:  # pyspark alone would start a Spark of its own, without any of the tables
            raise EngineElsewhereError
        from pyspark.sql import SparkSession

        session = SparkSession.builder.getOrCreate()
        give_to_workers(session)
        return session

    def _stop(self, session: SparkSession) -> None:
        """Nothing: the session belongs to the task."""

    def exists(self, table: TableName) -> bool:
        return self.spark.catalog.tableExists(str(table))

    def create(self, contract: TableContract) -> bool:
        if self.exists(contract.name):
            return False
        self._create_schema(self.spark, contract.name)
        self.spark.sql(contract.ddl())
        return False  # it says IF NOT EXISTS, and no lock keeps others from creating it first

    def refresh(self, table: TableName) -> None:
        """Nothing: Unity Catalog knows every table."""

    @contextmanager
    def exclusive(self, table: TableName) -> Iterator[None]:
        with self._lease.exclusive(table):
            yield

    def _tables_on_disk(self) -> list[TableName]:
        return []
