"""The Delta log of a table: its first commit, which the catalog writes, and what later commits change."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4


@dataclass(frozen=True)
class TableSchema:
    """Fields (in Delta's JSON), partition columns and properties of a table, as of a version."""

    version: int
    fields: list[dict[str, Any]]
    partition_by: list[str]
    properties: dict[str, str]


def commit_file(table: Path, version: int) -> Path:
    """Where the table's commit of that version is."""
    return table / "_delta_log" / f"{version:020d}.json"


def initialize(table: Path, schema: TableSchema, comment: str | None, engine: str, properties: dict[str, str]) -> None:
    """Write version 0 of the table, whole or not at all.

    Raises:
        FileExistsError: the table has a log already.
    """
    log = table / "_delta_log"
    log.mkdir(parents=True, exist_ok=True)
    now = int(time.time() * 1000)
    metadata: dict[str, Any] = {
        "id": str(uuid4()),
        "format": {"provider": "parquet", "options": {}},
        "schemaString": json.dumps({"type": "struct", "fields": schema.fields}, separators=(",", ":")),
        "partitionColumns": schema.partition_by,
        "configuration": properties,
        "createdTime": now,
    }
    if comment:
        metadata["description"] = comment
    information = {
        "timestamp": now,
        "operation": "CREATE TABLE",
        "operationParameters": {
            "isManaged": "false",
            "description": comment,
            "partitionBy": json.dumps(schema.partition_by),
            "properties": json.dumps(properties),
        },
        "isBlindAppend": True,
        "engineInfo": engine,
    }
    actions = [{"commitInfo": information}, {"protocol": _protocol(schema.fields, properties)}, {"metaData": metadata}]
    text = "".join(json.dumps(action, separators=(",", ":")) + "\n" for action in actions)
    written = log / f".{uuid4().hex}.tmp"
    try:
        written.write_text(text, encoding="utf-8")
        # A link fails where a rename would overwrite: two creations of one table end in one log.
        os.link(written, commit_file(table, 0))
    finally:
        written.unlink(missing_ok=True)


def _protocol(fields: list[dict[str, Any]], properties: dict[str, str]) -> dict[str, Any]:
    constrained = any(name.startswith("delta.constraints.") for name in properties)
    change_feed = properties.get("delta.enableChangeDataFeed", "").lower() == "true"
    if "timestamp_ntz" in json.dumps(fields):
        features = ["appendOnly", "invariants", "timestampNtz"]
        features += ["checkConstraints"] if constrained else []
        features += ["changeDataFeed"] if change_feed else []
        return {
            "minReaderVersion": 3,
            "minWriterVersion": 7,
            "readerFeatures": ["timestampNtz"],
            "writerFeatures": features,
        }
    return {"minReaderVersion": 1, "minWriterVersion": 4 if change_feed else 3 if constrained else 2}


def newer_schema(table: Path, known_version: int) -> TableSchema | None:
    """The table's schema if a commit after `known_version` changed it; reads only the commits after that one."""
    if known_version > 0 and not any(commit_file(table, known_version + step).exists() for step in (0, 1)):
        # The log was cleaned up since: only a checkpoint still says what the schema is.
        return read_schema(table)
    version, changed = known_version, None
    while commit_file(table, version + 1).exists():
        version += 1
        text = commit_file(table, version).read_text(encoding="utf-8")
        if '"metaData"' in text:
            changed = _metadata(text) or changed
    if version == known_version:
        return None
    if changed is None:
        return TableSchema(version, [], [], {})
    return TableSchema(version, changed["fields"], changed["partition_by"], changed["properties"])


def _metadata(commit: str) -> dict[str, Any] | None:
    for line in commit.splitlines():
        action = json.loads(line) if '"metaData"' in line else {}
        if "metaData" in action:
            metadata = action["metaData"]
            return {
                "fields": json.loads(metadata["schemaString"])["fields"],
                "partition_by": metadata.get("partitionColumns", []),
                "properties": metadata.get("configuration", {}),
            }
    return None


def read_schema(table: Path) -> TableSchema | None:
    """The newest schema of a table that was made elsewhere, or None if there is no table."""
    if not (table / "_delta_log").is_dir():
        return None
    from deltalake import DeltaTable
    from deltalake.exceptions import TableNotFoundError

    try:
        found = DeltaTable(str(table))
    except TableNotFoundError:
        return None
    metadata = found.metadata()
    fields = json.loads(found.schema().to_json())["fields"]
    return TableSchema(found.version(), fields, list(metadata.partition_columns), dict(metadata.configuration))
