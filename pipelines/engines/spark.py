"""What Spark itself does alike wherever it runs: on this machine's JVM and on Databricks."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from uuid import uuid4

from pipelines.engines.engine import Engine
from pipelines.tables.contract import TableName

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"

_merging = threading.Lock()


class SparkEngine(Engine):
    """An engine whose Delta Lake keeps the metadata of every commit, that of a `MERGE` included."""

    def merge(self, target: TableName, on: str, clauses: str, source: DataFrame, metadata: str | None = None) -> None:
        self.refresh(target)
        view = f"merge_source_{uuid4().hex}"
        source.createOrReplaceTempView(view)
        try:
            with _merging:  # the setting is the session's, so a merge of another thread would carry it too
                if metadata is not None:
                    self.spark.conf.set(_USER_METADATA, metadata)
                try:
                    self.spark.sql(f"MERGE INTO {target} t USING {view} s ON {on} {clauses}")
                finally:
                    self.spark.conf.unset(_USER_METADATA)
        finally:
            self.spark.catalog.dropTempView(view)
