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


class DatabricksEngine(SparkEngine):
    """The session that the cluster or serverless compute gives to the task."""

    name = "databricks"

    def __init__(self, work: Path, catalog: str) -> None:
        """`work` is a volume's folder that all steps of the location share, `catalog` the one that it writes to."""
        super().__init__(None, work)
        self._lease = TableLease(self, catalog)

    def _start(self) -> SparkSession:
        from pyspark.sql import SparkSession

        session = SparkSession.builder.getOrCreate()
        give_to_workers(session)
        return session

    def _stop(self, session: SparkSession) -> None:
        """Nothing: the session belongs to the task."""

    def exists(self, table: TableName) -> bool:
        return self.spark.catalog.tableExists(str(table))

    def create(self, contract: TableContract) -> None:
        if not self.exists(contract.name):
            self._create_schema(self.spark, contract.name)
            self.spark.sql(contract.ddl())

    def refresh(self, table: TableName) -> None:
        """Nothing: Unity Catalog knows every table."""

    @contextmanager
    def exclusive(self, table: TableName) -> Iterator[None]:
        with self._lease.exclusive(table):
            yield

    def _tables_on_disk(self) -> list[TableName]:
        return []
