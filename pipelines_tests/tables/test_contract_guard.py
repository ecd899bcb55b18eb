"""A table that is not what its contract says stops the run before it writes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from pipelines.engines.engine import Engine
from pipelines.tables.contract import Column, TableContract
from pipelines.tables.contract_guard import ContractViolationError, contract_violations, ensure_tables
from pipelines.tables.contracts import ALL, ANNOTATION_FILES, FLIGHT_SAMPLES, SAMPLES, SESSION_FILES, SILVER_SESSIONS
from pipelines.tables.history import current_version
from pipelines.tables.ingestion import ingest_annotations, ingest_sessions
from pipelines_tests.tables.landing_zone import DAY, LandingZone, ingest, refine


def _changed(contract: TableContract, change: Callable[[list[Column]], list[Column]], **other: object) -> TableContract:
    return dataclasses.replace(contract, columns=tuple(change(list(contract.columns))), **other)  # type: ignore[arg-type]


def test_tables_that_the_engine_creates_meet_their_contracts(engine: Engine) -> None:
    ensure_tables(engine, *ALL)
    assert [contract_violations(engine, contract) for contract in ALL] == [[]] * len(ALL)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda columns: columns[:-1], "column parse_report: expected STRING, found no such column"),
        (
            lambda columns: [*columns, Column("note", "STRING", "By hand.")],
            "column note: expected no such column, found STRING",
        ),
        (
            lambda columns: [dataclasses.replace(columns[0], type="BIGINT"), *columns[1:]],
            "column session_id: expected STRING, found BIGINT",
        ),
        (
            lambda columns: [dataclasses.replace(columns[0], nullable=True), *columns[1:]],
            "column session_id: expected NOT NULL, found NULL",
        ),
        (lambda columns: [columns[1], columns[0], *columns[2:]], "order of columns: expected session_id, upload_day"),
    ],
)
def test_difference_is_named(engine: Engine, change: Callable[[list[Column]], list[Column]], message: str) -> None:
    engine.create(_changed(SAMPLES, change))
    [problem] = contract_violations(engine, SAMPLES)
    assert problem.startswith("main.silver.samples, ")
    assert message in problem
    assert "pipelines/tables/contracts/silver.py" in problem


def test_partitioning_counts(engine: Engine) -> None:
    engine.create(dataclasses.replace(SESSION_FILES, partition_by=()))
    [problem] = contract_violations(engine, SESSION_FILES)
    assert "partitioning: expected upload_day, found none" in problem


@pytest.mark.parametrize("broken", [SESSION_FILES, SILVER_SESSIONS, SAMPLES], ids=lambda contract: str(contract.name))
def test_ingestion_stops_before_it_writes(engine: Engine, landing: LandingZone, broken: TableContract) -> None:
    engine.create(_changed(broken, lambda columns: columns[:-1]))
    landing.session("a.csv", 1)
    with pytest.raises(ContractViolationError, match=f"{broken.name}, column {broken.columns[-1].name}"):
        ingest_sessions(engine, landing.folder, DAY, "run")
    existing = [contract for contract in (SESSION_FILES, SILVER_SESSIONS, SAMPLES) if engine.exists(contract.name)]
    assert existing == [broken]
    assert current_version(engine, broken.name) == 0
    assert engine.table(broken.name).count() == 0


def test_annotations_stop_as_well(engine: Engine, landing: LandingZone) -> None:
    engine.create(_changed(ANNOTATION_FILES, lambda columns: columns[1:], key=()))
    landing.annotations("a.csv", [("a.csv", 0, 5, "climb", "A")])
    with pytest.raises(ContractViolationError, match="column file_path"):
        ingest_annotations(engine, landing.folder, DAY, "run")
    assert current_version(engine, ANNOTATION_FILES.name) == 0


def test_gold_stops_as_well(engine: Engine, landing: LandingZone) -> None:
    engine.create(_changed(FLIGHT_SAMPLES, lambda columns: columns[:-1]))
    landing.session("a.csv", 1)
    ingest(engine, landing)
    with pytest.raises(ContractViolationError, match=r"main\.gold\.flight_samples, column source_digest"):
        refine(engine)
    assert current_version(engine, FLIGHT_SAMPLES.name) == 0
