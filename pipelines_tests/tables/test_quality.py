"""Each check passes on sound tables and fails on the fault that it is there for."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable

import pytest

from pipelines.engines.engine import Engine
from pipelines.tables.contract import TableContract
from pipelines.tables.contracts import (
    ALL,
    APPROACHES,
    FLIGHT_SAMPLES,
    GOLD_SESSIONS,
    MANEUVERS,
    SAMPLES,
    SESSION_FILES,
    SILVER_SESSIONS,
)
from pipelines.tables.gold_quality import (
    enough_to_train,
    gap_share_is_low,
    is_attested,
    labels_are_balanced,
    no_session_lost,
    seconds_are_complete,
    values_within_range,
)
from pipelines.tables.quality import QualityResult, key_is_unique, keys_belong_to_sessions, schema_equals_contract
from pipelines.tables.silver_quality import (
    channels_within_range,
    sample_counts_match,
    sessions_match_ledger,
    time_never_runs_back,
)
from pipelines_tests.tables.landing_zone import DAY, LandingZone, ingest, refine, session_bytes
from pipelines_tests.tables.prepared import PreparedTables

CHECKS: dict[str, Callable[[Engine], QualityResult]] = {
    **{f"key {contract.name}": lambda engine, c=contract: key_is_unique(engine, c, DAY) for contract in ALL},
    **{f"schema {contract.name}": lambda engine, c=contract: schema_equals_contract(engine, c) for contract in ALL},
    "samples belong": lambda engine: keys_belong_to_sessions(engine, SAMPLES, SILVER_SESSIONS),
    "seconds belong": lambda engine: keys_belong_to_sessions(engine, FLIGHT_SAMPLES, GOLD_SESSIONS),
    "ledger": lambda engine: sessions_match_ledger(engine, DAY),
    "counts": lambda engine: sample_counts_match(engine, DAY),
    "time": lambda engine: time_never_runs_back(engine, DAY),
    "silver ranges": lambda engine: channels_within_range(engine, DAY),
    "lost": lambda engine: no_session_lost(engine, DAY),
    "complete": lambda engine: seconds_are_complete(engine, DAY),
    "gold ranges": lambda engine: values_within_range(engine, DAY),
    "gaps": lambda engine: gap_share_is_low(engine, DAY),
    "labels": labels_are_balanced,
    "attested": lambda engine: is_attested(engine, FLIGHT_SAMPLES),
}

SESSION = hashlib.sha256(session_bytes(1)).hexdigest()[:16]


def _two_types(engine: Engine, landing: LandingZone) -> None:
    landing.session("a.csv", 1)
    landing.session("b.csv", session_bytes(2, airframe="Cessna 182T"))
    landing.session("bad.csv", b"")
    landing.annotations("a.csv", [("a.csv", 0, 80, "climb", "A"), ("a.csv", 80, 160, "turn", "A")])
    ingest(engine, landing)
    refine(engine)


@pytest.fixture
def tables(prepared: PreparedTables, engine: Engine, landing: LandingZone) -> Engine:
    """Two sessions, one of them labelled, from silver to gold."""
    return prepared.give(_two_types, engine, landing)


def test_all_pass_on_sound_tables(tables: Engine) -> None:
    failed = {name: result.description for name, check in CHECKS.items() if not (result := check(tables)).passed}
    assert failed == {}


FAULTS = [
    (f"INSERT INTO {SAMPLES.name} SELECT * FROM {SAMPLES.name} WHERE sample_index = 5", f"key {SAMPLES.name}"),
    (f"INSERT INTO {SAMPLES.name} SELECT * FROM {SAMPLES.name} WHERE sample_index = 5", "counts"),
    (f"DELETE FROM {SAMPLES.name} WHERE sample_index = 5", "counts"),
    (f"DELETE FROM {SILVER_SESSIONS.name} WHERE aircraft_type = 'c182'", "ledger"),
    (f"DELETE FROM {SILVER_SESSIONS.name} WHERE aircraft_type = 'c182'", "samples belong"),
    (f"DELETE FROM {SAMPLES.name} WHERE session_id = '{SESSION}'", "ledger"),
    (f"DELETE FROM {SESSION_FILES.name} WHERE status = 'accepted'", "ledger"),
    (f"UPDATE {SAMPLES.name} SET elapsed_s = 3.0D WHERE sample_index = 5", "time"),
    (f"UPDATE {SAMPLES.name} SET engine_rpm = 99999.0D WHERE sample_index < 20", "silver ranges"),
    (f"DELETE FROM {GOLD_SESSIONS.name} WHERE aircraft_type = 'c182'", "lost"),
    (f"DELETE FROM {GOLD_SESSIONS.name} WHERE aircraft_type = 'c182'", "seconds belong"),
    (f"UPDATE {GOLD_SESSIONS.name} SET source_digest = 'old' WHERE aircraft_type = 'c182'", "lost"),
    (f"DELETE FROM {FLIGHT_SAMPLES.name} WHERE second = 5", "complete"),
    (f"UPDATE {FLIGHT_SAMPLES.name} SET is_gap = true WHERE second = 5", "complete"),
    (f"UPDATE {FLIGHT_SAMPLES.name} SET roll_deg = 200.0D WHERE second = 5", "gold ranges"),
    (f"UPDATE {GOLD_SESSIONS.name} SET gap_share = 0.9D", "gaps"),
    (f"DELETE FROM {FLIGHT_SAMPLES.name} WHERE maneuver = 'turn' AND second > 90", "labels"),
    (f"UPDATE {FLIGHT_SAMPLES.name} SET maneuver = 'turn' WHERE maneuver IS NOT NULL", "labels"),
    (f"DELETE FROM {FLIGHT_SAMPLES.name} WHERE second = 5", "attested"),
    (f"INSERT INTO {MANEUVERS.name} SELECT * FROM {MANEUVERS.name}", f"key {MANEUVERS.name}"),
]


@pytest.mark.parametrize(("fault", "name"), FAULTS, ids=[f"{name}: {fault[:30]}" for fault, name in FAULTS])
def test_fault_is_found(tables: Engine, fault: str, name: str) -> None:
    assert CHECKS[name](tables).passed
    tables.spark.sql(fault).collect()
    result = CHECKS[name](tables)
    assert not result.passed
    assert result.description


def test_every_check_has_a_fault_that_it_is_there_for() -> None:
    of_every_table = ("key ", "schema ")
    found = {name for _, name in FAULTS}
    assert {name for name in CHECKS if not name.startswith(of_every_table)} <= found
    assert any(name.startswith("key ") for name in found)


@pytest.mark.parametrize("contract", ALL, ids=lambda contract: str(contract.name))
def test_a_table_of_another_schema_is_found(engine: Engine, contract: TableContract) -> None:
    # Made so, not altered: Sail's SQL has no statement for that.
    renamed = dataclasses.replace(contract.columns[-1], name="note")
    engine.create(dataclasses.replace(contract, columns=(*contract.columns[:-1], renamed)))
    result = CHECKS[f"schema {contract.name}"](engine)
    assert not result.passed
    assert f"column {contract.columns[-1].name}: expected {contract.columns[-1].type}, found no" in result.description
    assert "column note: expected no such column" in result.description
    assert result.metadata == {"violations": 2}


def test_training_needs_enough_sessions_and_types(tables: Engine) -> None:
    result = enough_to_train(tables)
    assert not result.passed
    assert result.metadata == {"labelled_sessions": 1, "aircraft_types": ["c172s"]}
    tables.spark.sql(
        f"INSERT INTO {GOLD_SESSIONS.name} SELECT concat('x', id) AS session_id, upload_day, source_format, "
        "device_kind, airframe_name, concat('type', id % 2) AS aircraft_type, started_at, duration_s, second_count, "
        "gap_share, 0.5D AS labelled_share, missing_channels, source_digest "
        f"FROM (SELECT * FROM {GOLD_SESSIONS.name} LIMIT 1) CROSS JOIN range(8)"
    ).collect()
    assert enough_to_train(tables).passed


def test_checks_of_an_empty_day_pass(tables: Engine) -> None:
    from datetime import date

    empty = date(2020, 1, 1)
    for check in (
        sessions_match_ledger, sample_counts_match, time_never_runs_back, channels_within_range,
        no_session_lost, seconds_are_complete, values_within_range, gap_share_is_low,
    ):  # fmt: skip
        assert check(tables, empty).passed, check.__name__
    assert key_is_unique(tables, APPROACHES, empty).passed
