"""The guard before every write: a table that is not what its contract says stops the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.tables.contract import TableContract
from pipelines.tables.table_log import log_of

if TYPE_CHECKING:
    from pipelines.engines.engine import Engine


class ContractViolationError(Exception):
    """A table differs from its contract; the message names table, column, what is expected and found, the remedy."""


def ensure_tables(engine: Engine, *contracts: TableContract) -> None:
    """Create the tables that do not exist and make sure that the others meet their contracts.

    Raises:
        ContractViolationError: a table differs from its contract; nothing has been written.
    """
    require_contracts(engine, *[contract for contract in contracts if not engine.create(contract)])


def missing_tables(engine: Engine, *contracts: TableContract) -> tuple[TableContract, ...]:
    """Those of the contracts that have no table yet; the others meet theirs.

    Raises:
        ContractViolationError: a table differs from its contract.
    """
    missing = tuple(contract for contract in contracts if not engine.exists(contract.name))
    require_contracts(engine, *(contract for contract in contracts if contract not in missing))
    return missing


def require_contracts(engine: Engine, *contracts: TableContract) -> None:
    """Raise `ContractViolationError` if one of these existing tables differs from its contract."""
    problems = [problem for contract in contracts for problem in contract_violations(engine, contract)]
    if problems:
        raise ContractViolationError("\n".join(problems))


def contract_violations(engine: Engine, contract: TableContract) -> list[str]:
    """How the table's columns, their types, order, nullability and partitioning differ from its contract."""
    shape = log_of(engine, contract.name).shape()
    found = dict(shape.columns)
    remedy = (
        f"Migrate the table to its contract in pipelines/tables/contracts/{contract.name.schema}.py, "
        "or correct the contract; nothing has been written."
    )
    problems: list[str] = []

    def problem(subject: str, expected: object, actual: object) -> None:
        problems.append(f"{contract.name}, {subject}: expected {expected}, found {actual}. {remedy}")

    for column in contract.columns:
        if column.name not in found:
            problem(f"column {column.name}", column.type, "no such column")
            continue
        actual_type, is_nullable = found.pop(column.name)
        if actual_type != _normal(column.type):
            problem(f"column {column.name}", column.type, actual_type)
        if is_nullable != column.nullable:
            wanted, is_now = ("NULL", "NOT NULL") if column.nullable else ("NOT NULL", "NULL")
            problem(f"column {column.name}", wanted, is_now)
    for name, (actual_type, _) in found.items():
        problem(f"column {name}", "no such column", actual_type)
    expected = [name for name in contract.column_names if name in shape.columns]
    actual = [name for name in shape.columns if name in expected]
    if actual != expected:
        problem("order of columns", _listed(tuple(expected)), _listed(tuple(actual)))
    if shape.partition_by != contract.partition_by:
        problem("partitioning", _listed(contract.partition_by), _listed(shape.partition_by))
    return problems


def _listed(columns: tuple[str, ...]) -> str:
    return ", ".join(columns) or "none"


def _normal(spark_type: str) -> str:
    return spark_type.upper().replace(" ", "")
