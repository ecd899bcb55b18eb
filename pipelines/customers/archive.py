"""An archive of all that a customer has: every table as Parquet, every file, and their digests.

```
<customers' zone>/.archive/<customer>-<time>/tables/<table>/*.parquet
                                             files/...            as in the customer's folder
                                             manifest.json        last: without it the archive is not complete
```
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from pipelines.customers.archive_files import ChangedMeanwhileError, copied, copy_listed, walk
from pipelines.customers.archive_manifest import (
    TABLES,
    ArchivedFile,
    ArchivedTable,
    BrokenArchiveError,
    Manifest,
    manifest_of,
    require_whole,
    write_manifest,
)
from pipelines.customers.identifier import customer_id
from pipelines.customers.places import schema_of
from pipelines.tables.contract import TableContract
from pipelines.tables.contracts.customers import customer_contracts
from pipelines.tables.table_log import log_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from pipelines.engines.engine import Engine

Say = Callable[[str], None]


@dataclass(frozen=True)
class Belongings:
    """What belongs to a customer, as a step of production reaches it."""

    engine: Engine
    customer: str
    files: Path
    """The customer's folder."""
    scratch: Path
    """Folder for what is kept meanwhile, seen by all of the engine's workers."""

    @property
    def contracts(self) -> list[TableContract]:
        """The customer's tables that exist."""
        return [each for each in customer_contracts(schema_of(self.customer)) if self.engine.exists(each.name)]

    def version_of(self, contract: TableContract) -> int:
        """The table's newest version."""
        return log_of(self.engine, contract.name).newest() or 0


def new_archive_name(customer: str) -> str:
    """A name for an archive that begins now."""
    return f"{customer_id(customer)}-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"


def write_archive(own: Belongings, archive: Path, say: Say = lambda _: None) -> Manifest:
    """Archive the customer's tables and files into the folder, verify it, and complete it; goes on with one begun.

    Raises:
        ChangedMeanwhileError: something was written meanwhile: go again.
        BrokenArchiveError: what was written does not read back as it was.
    """
    archive.mkdir(parents=True, exist_ok=True)
    tables: list[ArchivedTable] = []
    files: list[ArchivedFile] = []
    for contract in own.contracts:
        table, parts = _archive_table(own, contract, archive)
        tables.append(table)
        files += parts
        say(f"{table.row_count:,} rows of {table.name} archived")
    found, left_out = walk(own.files)
    files += [copy_listed(own.files, each, archive) for each in found]
    say(f"{len(found):,} files archived")
    manifest = Manifest(own.customer, archive.name, tuple(tables), tuple(files), tuple(left_out))
    require_whole(archive, manifest)
    require_current(own, manifest)
    write_manifest(archive, manifest)
    return manifest


def verified(customer: str, archive: Path) -> Manifest:
    """The manifest of the customer's archive, after reading every file of it.

    Raises:
        BrokenArchiveError: it is not complete, is another customer's, or is not what it was.
    """
    manifest = manifest_of(archive)
    if manifest is None or (manifest.customer, manifest.name) != (customer, archive.name):
        raise BrokenArchiveError(f"{archive} is no complete archive of {customer}: archive again.")
    require_whole(archive, manifest)
    return manifest


def require_current(own: Belongings, manifest: Manifest) -> None:
    """Go on only if nothing of the customer was written since it was archived.

    Raises:
        ChangedMeanwhileError: something was; names the first.
    """
    archived = {table.name: table.version for table in manifest.tables}
    present = {str(each.name): own.version_of(each) for each in own.contracts}
    if changed := sorted(name for name in {*archived, *present} if archived.get(name) != present.get(name)):
        raise ChangedMeanwhileError(f"{changed[0]} was written to since it was archived: archive again.")
    was = {each.path.partition("/")[2]: each.source_version for each in manifest.files if each.source_version}
    now = {each.path: each.version for each in walk(own.files)[0]}
    if changed := sorted(path for path in {*was, *now} if was.get(path) != now.get(path)):
        raise ChangedMeanwhileError(f"{changed[0]} came, changed or went since it was archived: archive again.")


def is_current(own: Belongings, archive: Path) -> bool:
    """Whether the archive is complete, unharmed, and all that the customer has."""
    try:
        require_current(own, verified(own.customer, archive))
    except (BrokenArchiveError, ChangedMeanwhileError):
        return False
    return True


def _archive_table(own: Belongings, contract: TableContract, archive: Path) -> tuple[ArchivedTable, list[ArchivedFile]]:
    """One table, by way of a scratch folder: an engine may not reach the archive's, which can be a volume's."""
    import pyarrow.parquet as pq

    spark, name = own.engine.spark, contract.name
    scratch = own.scratch / f"archive_{uuid4().hex}"
    target = archive / TABLES / name.table
    try:
        scratch.parent.mkdir(parents=True, exist_ok=True)
        version = own.version_of(contract)
        rows = own.engine.table(name, version)
        rows.write.parquet(str(scratch))
        if not any(scratch.rglob("*.parquet")):  # Sail writes no file where there is no row
            scratch.mkdir(exist_ok=True)
            pq.write_table(rows.toArrow(), scratch / "empty.parquet")
        kept = _digest(rows)
        if _digest(spark.read.parquet(str(scratch))) != kept:
            raise BrokenArchiveError(f"{name} does not read back as it is. Nothing has been removed.")
        shutil.rmtree(target, ignore_errors=True)
        parts = [
            copied(part, archive, f"{TABLES}/{name.table}/{part.relative_to(scratch).as_posix()}")
            for part in sorted(scratch.rglob("*.parquet"))
        ]
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return ArchivedTable(str(name), version, *kept), parts


def _digest(rows: DataFrame) -> tuple[int, str]:
    """Number of rows, and the sum of their hashes: the same in whatever order they come."""
    from pyspark.sql import functions as F

    hashed = rows.select(F.xxhash64(*[F.col(f"`{name}`") for name in rows.columns]).cast("decimal(38,0)").alias("hash"))
    [row] = hashed.agg(F.count("*").alias("count"), F.sum("hash").alias("sum")).collect()
    return row["count"], str(row["sum"] or 0)
