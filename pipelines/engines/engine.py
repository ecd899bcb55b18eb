"""What every Spark engine offers beyond the Spark Connect API: named tables and attested commits."""

from __future__ import annotations

import atexit
import shutil
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from filelock import FileLock

from pipelines.tables.contract import TableContract, TableName

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from pipelines.engines.processes import WorkerProcesses
    from pipelines.tables.attestation_keys import AttestationKeys

CATALOGS = ("main", "dev", "prod")


class Engine(ABC):
    """A Spark session over Delta tables with three-level names, kept below one warehouse folder."""

    name: str
    python_is_threaded: ClassVar[bool] = False
    """Whether Python functions run as threads of one process, where Spark's own workers are processes."""
    _append_options: ClassVar[dict[str, str]] = {}
    """Options of the engine's own Delta writer."""

    def __init__(self, warehouse: Path | None, work: Path | None = None) -> None:
        """Open the tables below `warehouse`; None if they are not folders that this process sees.

        `work` is the folder that all writers of the tables share, for locks and notes; `<warehouse>/.locks` unless
        given.
        """
        assert warehouse or work
        self.warehouse = warehouse
        self.work = work or Path(str(warehouse), ".locks")
        self._registered: set[TableName] = set()
        self._registering = threading.RLock()
        self._session: SparkSession | None = None

    @property
    def spark(self) -> SparkSession:
        """The session; the engine starts at the first use."""
        with self._registering:
            if self._session is None:
                session = self._start()
                session.conf.set("spark.sql.session.timeZone", "UTC")
                for table in self._tables_on_disk():
                    self._register(session, table)
                self._session = session
                # Spark Connect clients say goodbye when the process exits, and wait minutes for a server that is gone.
                atexit.register(self.stop)
            return self._session

    def fork_processes(self) -> None:  # noqa: B027 (most engines have none)
        """Make `processes` now, not when the engine starts: for a caller that will start threads before that."""

    @property
    def processes(self) -> WorkerProcesses | None:
        """Processes for Python functions, if this engine's own are threads and this process could have some."""
        return None

    @abstractmethod
    def _start(self) -> SparkSession:
        """Start the engine and return its session, catalogs included, tables not yet."""

    def stop(self) -> None:
        """End the session and the engine; using the engine again starts it anew. Happens by itself at exit."""
        with self._registering:
            if self._session is not None:
                session, self._session = self._session, None
                atexit.unregister(self.stop)
                self._registered.clear()
                self._stop(session)
            self._end_processes()

    @abstractmethod
    def _stop(self, session: SparkSession) -> None:
        """End this engine's session and what `_start` started for it."""

    def _end_processes(self) -> None:  # noqa: B027
        """End what `fork_processes` made."""

    @cached_property
    def attestation_keys(self) -> AttestationKeys:
        """The keys that sign and verify attested tables: files beside the warehouse, unless others were set."""
        from pipelines.tables.attestation_keys import KeyFiles

        return KeyFiles(self.folders.parent)

    def location(self, table: TableName) -> Path:
        """The folder that holds the table's Delta log and files."""
        return self.folders.joinpath(*table)

    @property
    def folders(self) -> Path:
        """The root of the tables' folders, of an engine that has them."""
        assert self.warehouse is not None, "the tables are no folders of this machine"
        return self.warehouse

    def folder(self, table: TableName) -> Path | None:
        """The table's folder, if this process may read and write files there; None if only SQL leads to the table."""
        return None if self.warehouse is None else self.location(table)

    def exists(self, table: TableName) -> bool:
        """Whether the table has been created: it has a commit. A creation that was cut off leaves a log without one."""
        return _has_commit(self.location(table) / "_delta_log")

    def create(self, contract: TableContract) -> bool:
        """Create the contract's schema and table if they do not exist; an existing table is not changed.

        Returns whether it is certain that this call created the table.
        """
        # In this order: whoever holds the table waits for the engine, and never the other way round.
        with self.exclusive(contract.name), self._registering:
            if not self.exists(contract.name):
                self.location(contract.name).parent.mkdir(parents=True, exist_ok=True)
                with suppress(OSError):  # what a creation that was cut off has left; Apache Spark refuses the folder
                    (self.location(contract.name) / "_delta_log").rmdir()
                    self.location(contract.name).rmdir()
                self._create_schema(self.spark, contract.name)
                self.spark.sql(contract.ddl(f"file://{self.location(contract.name)}"))
                self._registered.add(contract.name)
                return True
            if contract.name not in self._registered:
                self._register(self.spark, contract.name)
            return False

    def drop(self, table: TableName) -> None:
        """Take the table out of the catalog, and its files away; nothing if there is none."""
        with self.exclusive(table), self._registering:
            self.spark.sql(f"DROP TABLE IF EXISTS {table}")
            self._registered.discard(table)
            if (folder := self.folder(table)) is not None:
                shutil.rmtree(folder, ignore_errors=True)

    def refresh(self, table: TableName) -> None:
        """Make a table that another process has created since the session's start known here."""
        with self._registering:
            if table not in self._registered and self.exists(table):
                self._register(self.spark, table)

    def table(self, name: TableName, version: int | None = None) -> DataFrame:
        """The table's rows, at its newest version or at a pinned one."""
        self.refresh(name)
        if version is None:
            return self.spark.table(str(name))
        return self.spark.sql(f"SELECT * FROM {name} VERSION AS OF {int(version)}")

    @abstractmethod
    def merge(self, target: TableName, on: str, clauses: str, source: DataFrame, metadata: str | None = None) -> None:
        """`MERGE INTO target t USING source s ON <on> <clauses>`, one commit that carries `metadata`.

        `metadata` is a JSON text; `pipelines.tables.history` gives it back with the commit.
        """

    def append(self, target: TableName, rows: DataFrame, metadata: str | None = None) -> None:
        """Append rows, matched by column name, in one commit that carries `metadata`."""
        self.refresh(target)
        writer = rows.write.format("delta").mode("append").options(**self._append_options)
        if metadata is not None:
            writer = writer.option("userMetadata", metadata)
        writer.saveAsTable(str(target))

    @contextmanager
    def exclusive(self, table: TableName) -> Iterator[None]:
        """Hold the table for one writer at a time, across processes; freed when its holder dies."""
        lock = self.work / f"{table}.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock, is_singleton=True):
            yield

    def _tables_on_disk(self) -> list[TableName]:
        logs = filter(_has_commit, self.folders.glob("*/*/*/_delta_log"))
        return sorted(TableName(*log.parent.relative_to(self.folders).parts) for log in logs)

    def _create_schema(self, session: SparkSession, table: TableName) -> None:
        session.sql(f"CREATE SCHEMA IF NOT EXISTS {table.catalog}.{table.schema}")

    def _register(self, session: SparkSession, table: TableName) -> None:
        self._create_schema(session, table)
        session.sql(f"CREATE TABLE IF NOT EXISTS {table} USING delta LOCATION 'file://{self.location(table)}'")
        self._registered.add(table)


def _has_commit(log: Path) -> bool:
    # The first commit is there until a checkpoint lets it be cleaned up.
    return (log / f"{0:020d}.json").exists() or any(log.glob("*.json"))
