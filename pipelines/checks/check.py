"""A data quality rule as an asset check."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from typing import TYPE_CHECKING

import dagster as dg

from pipelines.engines.engine import Engine
from pipelines.tables.contract import TableContract

if TYPE_CHECKING:
    from pipelines.tables.quality import QualityResult

Judge = Callable[[Engine, date | None], "QualityResult"]


@dataclass(frozen=True)
class Check:
    """One rule about one table. `judge` is given the upload day, or None for rules about the whole table.

    A blocking check that fails stops everything downstream of the table; another one only warns.
    """

    table: TableContract
    name: str
    judge: Judge
    description: str
    blocking: bool = True

    @property
    def asset_key(self) -> dg.AssetKey:
        return dg.AssetKey(self.table.name.asset_key)

    @property
    def full_name(self) -> str:
        """The check's name with its table's."""
        return f"{self.table.name}:{self.name}"

    @property
    def spec(self) -> dg.AssetCheckSpec:
        """The check as the asset graph declares it."""
        return dg.AssetCheckSpec(self.name, asset=self.asset_key, description=self.description, blocking=self.blocking)

    def result(self, found: "QualityResult", day: date | None) -> dg.AssetCheckResult:
        """What was found, as the asset graph records it."""
        return dg.AssetCheckResult(
            asset_key=self.asset_key,
            check_name=self.name,
            passed=found.passed,
            severity=dg.AssetCheckSeverity.ERROR if self.blocking else dg.AssetCheckSeverity.WARN,
            description=found.description,
            metadata={**found.metadata, **({"upload_day": day.isoformat()} if day else {})},
        )


Evaluate = Callable[[Engine, date | None], list[tuple[Check, "QualityResult"]]]


def rule(module: str, function: str, *contracts: TableContract, per_day: bool = True) -> Judge:
    """The function of `pipelines.tables.<module>`, given these contracts and, if it wants one, the upload day.

    It is imported when it first judges, so that the asset graph loads without it.
    """

    def judge(engine: Engine, day: date | None) -> "QualityResult":
        found = getattr(import_module(f"pipelines.tables.{module}"), function)
        return found(engine, *contracts, *([day] if per_day else []))

    return judge


def of_every_table(contract: TableContract) -> tuple[Check, ...]:
    """The rules that every table has."""
    return (
        Check(
            contract,
            "schema_equals_contract",
            rule("quality", "schema_equals_contract", contract, per_day=False),
            "The table has the contract's columns, types and partitioning, and no others.",
        ),
        Check(
            contract,
            "key_is_unique",
            rule("quality", "key_is_unique", contract),
            f"No two rows of the day share {', '.join(contract.key)}.",
        ),
    )


def evaluate(checks: Sequence[Check]) -> Evaluate:
    """A function that gives the result of each of the checks."""
    return lambda engine, day: [(check, check.judge(engine, day)) for check in checks]


def asset_checks(
    name: str, checks: Sequence[Check], per_day: bool = True, evaluated: Evaluate | None = None
) -> dg.AssetChecksDefinition:
    """One step that evaluates the checks, for an upload day or for whole tables."""
    results_of = evaluated or evaluate(checks)

    @dg.multi_asset_check(specs=[check.spec for check in checks], name=name)
    def judge(
        context: dg.AssetCheckExecutionContext,
        engine: dg.ResourceParam[Engine],
        step_launcher: dg.ResourceParam[object],
    ) -> Iterator[dg.AssetCheckResult]:
        day = _upload_day(context) if per_day else None
        for check, found in results_of(engine, day):
            yield check.result(found, day)

    return judge


def _upload_day(context: dg.AssetCheckExecutionContext) -> date:
    if not context.has_partition_key:
        raise dg.Failure(
            "These checks look at one upload day, and this run names none: materialize the table's partition, "
            "or run the job `ingest` for the day."
        )
    return date.fromisoformat(context.partition_key)
