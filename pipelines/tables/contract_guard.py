"""The guard before every write: a table that is not what its contract says stops the run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipelines.tables.contract import TableContract

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine

_SPARK_TYPES = {"long": "BIGINT", "integer": "INT"}
"""What Delta's log calls otherwise than Spark SQL."""


class ContractViolationError(Exception):
    """A table differs from its contract; the message names table, column, what is expected and found, the remedy."""


def ensure_tables(engine: Engine, *contracts: TableContract) -> None:
    """Create the tables that do not exist and make sure that the others meet their contracts.

    Raises:
        ContractViolationError: a table differs from its contract; nothing has been written.
    """
    for contract in contracts:
        engine.create(contract)
    require_contracts(engine, *contracts)


def require_contracts(engine: Engine, *contracts: TableContract) -> None:
    """Raise `ContractViolationError` if one of these existing tables differs from its contract."""
    problems = [problem for contract in contracts for problem in contract_violations(engine, contract)]
    if problems:
        raise ContractViolationError("\n".join(problems))


def contract_violations(engine: Engine, contract: TableContract) -> list[str]:
    """How the table's columns, their types, order, nullability and partitioning differ from its contract."""
    from deltalake import DeltaTable

    table = DeltaTable(str(engine.location(contract.name)))
    found = {column["name"]: column for column in json.loads(table.schema().to_json())["fields"]}
    remedy = (
        f"Migrate the table to its contract in pipelines/tables/contracts/{contract.name.schema}.py, "
        "or correct the contract; nothing has been written."
    )
    problems: list[str] = []

    def problem(subject: str, expected: object, actual: object) -> None:
        problems.append(f"{contract.name}, {subject}: expected {expected}, found {actual}. {remedy}")

    for column in contract.columns:
        actual = found.pop(column.name, None)
        if actual is None:
            problem(f"column {column.name}", column.type, "no such column")
            continue
        if (actual_type := _spark_type(actual["type"])) != _normal(column.type):
            problem(f"column {column.name}", column.type, actual_type)
        if actual["nullable"] != column.nullable:
            wanted, is_now = ("NULL", "NOT NULL") if column.nullable else ("NOT NULL", "NULL")
            problem(f"column {column.name}", wanted, is_now)
    for name, actual in found.items():
        problem(f"column {name}", "no such column", _spark_type(actual["type"]))
    partitioned = tuple(table.metadata().partition_columns)
    if partitioned != contract.partition_by:
        problem("partitioning", _listed(contract.partition_by), _listed(partitioned))
    return problems


def _listed(columns: tuple[str, ...]) -> str:
    return ", ".join(columns) or "none"


def _normal(spark_type: str) -> str:
    return spark_type.upper().replace(" ", "")


def _spark_type(delta_type: Any) -> str:
    if isinstance(delta_type, dict):
        if delta_type["type"] == "array":
            return f"ARRAY<{_spark_type(delta_type['elementType'])}>"
        return str(delta_type["type"]).upper()
    return _SPARK_TYPES.get(delta_type, str(delta_type).upper())
