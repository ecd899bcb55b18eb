"""Table contracts: columns, types, units, comments and keys, declared in code before any table exists."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class TableName(NamedTuple):
    """A three-level Unity Catalog name."""

    catalog: str
    schema: str
    table: str

    def __str__(self) -> str:
        return f"{self.catalog}.{self.schema}.{self.table}"

    @classmethod
    def of(cls, text: str) -> TableName:
        """The name that `catalog.schema.table` spells.

        Raises:
            ValueError: not three parts of lower-case letters, digits and underscores.
        """
        parts = text.split(".")
        if len(parts) != 3 or not all(part.isidentifier() and part == part.lower() for part in parts):
            raise ValueError(f"{text!r} is not a table name: write catalog.schema.table in lower case.")
        return cls(*parts)

    @property
    def asset_key(self) -> list[str]:
        """The table's key in the asset graph: its name, level by level."""
        return list(self)


@dataclass(frozen=True)
class Column:
    """A column. `type` is Spark SQL; a `volatile` column differs from run to run (times, run ids)."""

    name: str
    type: str
    comment: str
    nullable: bool = True
    volatile: bool = False


@dataclass(frozen=True)
class TableContract:
    """What a table promises. `key` columns are unique together; `partition_by` columns split its files."""

    name: TableName
    comment: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    partition_by: tuple[str, ...] = ()
    properties: dict[str, str] = field(default_factory=dict)

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def stable_columns(self) -> tuple[str, ...]:
        """The columns that are the same whenever the same input is processed."""
        return tuple(column.name for column in self.columns if not column.volatile)

    def ddl(self, location: str | None = None) -> str:
        """The `CREATE TABLE` statement for the table at `location`; without one it is the catalog's to choose."""
        columns = ",\n  ".join(
            f"{column.name} {column.type}{'' if column.nullable else ' NOT NULL'} COMMENT {_quoted(column.comment)}"
            for column in self.columns
        )
        partitions = f"\nPARTITIONED BY ({', '.join(self.partition_by)})" if self.partition_by else ""
        properties = ", ".join(f"{_quoted(key)} = {_quoted(value)}" for key, value in sorted(self.properties.items()))
        return (
            f"CREATE TABLE IF NOT EXISTS {self.name} (\n  {columns}\n)\nUSING delta{partitions}"
            f"\nCOMMENT {_quoted(self.comment)}"
            + (f"\nLOCATION {_quoted(location)}" if location else "")
            + (f"\nTBLPROPERTIES ({properties})" if properties else "")
        )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
