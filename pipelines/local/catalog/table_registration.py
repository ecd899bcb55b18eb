"""Tables in the metastore and their Delta logs: begun when the table is registered, followed ever after."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from pipelines.local.catalog.column_types import column_of, field_of
from pipelines.local.catalog.delta_log import TableSchema, initialize, newer_schema, read_schema
from pipelines.local.catalog.metastore import Metastore, local_path
from pipelines.local.errors import ApiError, invalid
from pipelines.local.store import Document

ENGINE = "Databricks-Local-Workspace"


def register_table(metastore: Metastore, body: Document, owner: str) -> Document:
    """Register a Delta table; its log is begun, with columns, partitions, comments and properties, if it has none.

    Raises:
        ApiError: the request is not one for a Delta table in a local folder, or the name is taken.
    """
    full_name = f"{body['catalog_name']}.{body['schema_name']}.{body['name']}".lower()
    if str(body.get("data_source_format", "DELTA")).upper() != "DELTA":
        raise invalid("Only Delta tables can be made here.")
    metastore.get("schema", full_name.rpartition(".")[0])
    if metastore.store.get("table", full_name) is not None:
        raise ApiError("TABLE_ALREADY_EXISTS", f"Table '{full_name}' already exists")
    default = metastore.warehouse.joinpath(*full_name.split("."))
    location = str(body.get("storage_location") or f"file://{default}")
    folder = local_path(location)
    properties = {str(name): str(value) for name, value in (body.get("properties") or {}).items()}
    schema = read_schema(folder)
    if schema is None:
        columns = sorted(body.get("columns") or [], key=lambda column: column.get("position", 0))
        partitions = sorted(
            (column["partition_index"], column["name"])
            for column in columns
            if column.get("partition_index") is not None
        )
        fields = [field_of(column) for column in columns]
        schema = TableSchema(0, fields, [name for _, name in partitions], properties)
        if body.get("staged") and not _partitions_are_last(schema):
            # Sail compares a staged table's log with its statement column by column, and reads partition columns
            # as the last ones.
            raise invalid(
                f"Table '{full_name}': the local engine makes a managed table only if its partition columns come "
                "last. Put them last, or give the table a LOCATION."
            )
        if fields:
            kept = {name: value for name, value in properties.items() if name.startswith("delta.")}
            initialize(folder, schema, body.get("comment"), ENGINE, kept)
    return metastore.create(
        "table",
        full_name,
        owner,
        {
            **_columns(schema),
            "table_id": str(uuid4()),
            "table_type": str(body.get("table_type") or "EXTERNAL"),
            "data_source_format": "DELTA",
            "storage_location": location,
            "comment": body.get("comment"),
            "properties": {**schema.properties, **properties},
            "log_version": schema.version,
        },
    )


def current_table(metastore: Metastore, full_name: str) -> Document:
    """The table's document, its columns as of the newest commit.

    Raises:
        ApiError: it does not exist.
    """
    document = metastore.get("table", full_name)
    schema = newer_schema(local_path(document["storage_location"]), document["log_version"])
    if schema is None:
        return document
    changes: dict[str, Any] = {"log_version": schema.version}
    if schema.fields:
        changes |= {**_columns(schema), "properties": {**document["properties"], **schema.properties}}
    return metastore.update("table", full_name, **changes)


def _columns(schema: TableSchema) -> dict[str, Any]:
    return {
        "columns": [column_of(field, position, schema.partition_by) for position, field in enumerate(schema.fields)]
    }


def _partitions_are_last(schema: TableSchema) -> bool:
    names = [field["name"] for field in schema.fields]
    return names[len(names) - len(schema.partition_by) :] == schema.partition_by
