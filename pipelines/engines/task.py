"""The embedded engine inside a task of the local workspace, whose session and names the workspace provides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.engines.sail import SailEngine
from pipelines.tables.contract import TableName

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class TaskSailEngine(SailEngine):
    """Sail as the task has it: names resolve through the workspace's Unity Catalog, with the principal's grants."""

    def fork_processes(self) -> None:
        from pipelines.engines.processes import helper_of_task

        self._processes = helper_of_task()

    def _start(self) -> SparkSession:
        from pyspark.sql import SparkSession

        self.fork_processes()
        return SparkSession.builder.getOrCreate()

    def _stop(self, session: SparkSession) -> None:
        """Nothing: the session belongs to the task."""

    def _end_processes(self) -> None:
        """Nothing: they end with the task."""

    def _tables_on_disk(self) -> list[TableName]:
        return []

    def _register(self, session: SparkSession, table: TableName) -> None:  # noqa: ARG002 (the catalog knows it)
        self._registered.add(table)
