"""Assets that are tables: the contract of a table told as an asset's specification."""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

from pipelines.tables.contract import TableContract, TableName

OWNER = "team:flight-data"


def key_of(table: TableName) -> dg.AssetKey:
    """The asset key of a table: its name, level by level."""
    return dg.AssetKey(table.asset_key)


def column_schema(contract: TableContract) -> dg.TableSchema:
    """The contract's columns as the UI shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.type,
                description=column.comment,
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for column in contract.columns
        ],
        constraints=dg.TableConstraints(other=[f"unique: {', '.join(contract.key)}"]),
    )


def table_spec(
    contract: TableContract,
    deps: Iterable[TableName | dg.AssetKey],
    description: str | None = None,
    owners: Iterable[str] = (OWNER,),
    **attributes: object,
) -> dg.AssetSpec:
    """The asset of a Delta table: key, group (its schema: bronze, silver, gold, ...) and columns."""
    return dg.AssetSpec(
        key=key_of(contract.name),
        deps=[key_of(dep) if isinstance(dep, TableName) else dep for dep in deps],
        description=description or contract.comment,
        group_name=contract.name.schema,
        owners=list(owners),
        kinds={"table", "deltalake", "pyspark"},
        metadata={
            "dagster/column_schema": column_schema(contract),
            "dagster/table_name": str(contract.name),
        },
        **attributes,  # type: ignore[arg-type]
    )
