"""Data quality, as values: what the asset checks between the layers and before training report."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines.flight.channels import CHANNELS
from pipelines.tables.contract import TableContract
from pipelines.tables.contract_guard import contract_violations
from pipelines.tables.selecting import in_list

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from pipelines.engines.engine import Engine


@dataclass(frozen=True)
class QualityResult:
    """The result of one check: whether it passed, a sentence that says what was found, and figures."""

    passed: bool
    description: str
    metadata: dict[str, Any] = field(default_factory=dict)


def schema_equals_contract(engine: Engine, contract: TableContract) -> QualityResult:
    """The table has the contract's columns, types, nullability and partitioning, and no other columns."""
    problems = contract_violations(engine, contract)
    description = "\n".join(problems) or f"{contract.name} is as its contract says."
    return QualityResult(not problems, description, {"violations": len(problems)})


def key_is_unique(engine: Engine, contract: TableContract, upload_day: date | None = None) -> QualityResult:
    """No two rows share the contract's key, and no part of a key is null."""
    key = ", ".join(contract.key)
    is_null = " OR ".join(f"{name} IS NULL" for name in contract.key)
    rows = rows_of_day(engine, contract, upload_day)
    total = rows.count()
    doubled = rows.groupBy(*contract.key).count().where("count > 1").orderBy(*contract.key).limit(5).toArrow()
    nulls = rows.where(is_null).count()
    examples = [", ".join(str(row[name]) for name in contract.key) for row in doubled.to_pylist()]
    passed = not examples and not nulls
    if passed:
        description = f"{key} is unique in {total:,} rows of {contract.name}."
    else:
        description = f"{contract.name}: {nulls} rows without a whole key ({key}); doubled, for example: {examples}."
    return QualityResult(
        passed, description, {"rows": total, "rows_with_null_key": nulls, "doubled_examples": examples}
    )


def keys_belong_to_sessions(engine: Engine, contract: TableContract, sessions: TableContract) -> QualityResult:
    """Every session id of the table is one of the layer's sessions."""
    known = engine.table(sessions.name).select("session_id")
    orphans = engine.table(contract.name).select("session_id").distinct().join(known, "session_id", "left_anti")
    found = sorted(row["session_id"] for row in orphans.toArrow().to_pylist())
    description = (
        f"{contract.name} holds rows of {len(found)} sessions that {sessions.name} does not know: {found[:5]}."
        if found
        else f"Every session of {contract.name} is in {sessions.name}."
    )
    return QualityResult(not found, description, {"orphans": len(found)})


def values_outside(engine: Engine, contract: TableContract, upload_day: date) -> dict[str, tuple[int, int]]:
    """For each channel, how many of the day's values are outside its physical range (or no number), of how many."""
    columns = ", ".join(
        f"count({name}) AS {name}_known, sum(CASE WHEN {name} < {channel.minimum} OR {name} > {channel.maximum} "
        f"OR isnan({name}) THEN 1 ELSE 0 END) AS {name}_outside"
        for name, channel in CHANNELS.items()
    )
    of_day = in_list("upload_day", [upload_day])
    engine.refresh(contract.name)
    [found] = engine.spark.sql(f"SELECT {columns} FROM {contract.name} WHERE {of_day}").toArrow().to_pylist()
    return {name: (found[f"{name}_outside"] or 0, found[f"{name}_known"]) for name in CHANNELS}


def rows_of_day(engine: Engine, contract: TableContract, upload_day: date | None) -> DataFrame:
    """The table's rows of that upload day, or all of them."""
    rows = engine.table(contract.name)
    return rows if upload_day is None else rows.where(in_list("upload_day", [upload_day]))
