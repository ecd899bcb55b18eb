"""A small table of flights for tests of the engines."""

from __future__ import annotations

import json
from pathlib import Path

from pipelines.tables.contract import Column, TableContract, TableName

FLIGHTS = TableContract(
    name=TableName("main", "silver", "flights"),
    comment="Flights, by number.",
    columns=(
        Column("flight", "BIGINT", "Number of the flight.", nullable=False),
        Column("aircraft", "STRING", "Type of the aircraft."),
    ),
    key=("flight",),
)
SCHEMA = "flight BIGINT, aircraft STRING"
UPSERT = "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"


def commit_texts(table_folder: Path) -> list[str]:
    """What each commit of a Delta table says about itself, oldest first."""
    logs = sorted((table_folder / "_delta_log").glob("*.json"))
    lines = (line for log in logs for line in log.read_text().splitlines())
    return [json.dumps(json.loads(line)["commitInfo"]) for line in lines if "commitInfo" in line]
