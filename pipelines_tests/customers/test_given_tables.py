"""What models are given of a customer's sessions is what the customer's `sessions` vouches for, in gold's shape."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.customers.given_tables import given_tables
from pipelines.engines.engine import Engine
from pipelines.models.manifest import load_manifests
from pipelines.tables.appending import append_rows
from pipelines.tables.arrow_rows import rows_to_arrow
from pipelines.tables.contract_guard import ensure_tables
from pipelines.tables.contracts import GOLD
from pipelines.tables.contracts.customers import approaches_contract, samples_contract, sessions_contract
from pipelines.training.judging import judgements, judgements_by_model
from pipelines_tests.customers.review_rows import SCHEMA, session_row

DAY = date(2026, 11, 20)


def _second(session_id: str, digest: str, second: int) -> dict[str, Any]:
    return {
        "session_id": session_id, "upload_day": DAY, "second": second, "is_gap": False, "source_digest": digest,
        "indicated_airspeed_kt": 90.0 + second,
    }  # fmt: skip


def _approach(session_id: str, number: int, start: int) -> dict[str, Any]:
    return {
        "session_id": session_id, "upload_day": DAY, "approach": number, "start_second": start,
        "gate_second": start + 60, "end_second": start + 90, "outcome": "landing", "field_elevation_ft": 10.0,
        "failed_criteria": [],
    }  # fmt: skip


@pytest.fixture
def acme(engine: Engine, tmp_path: Path) -> Engine:
    """Sessions a and b; of a also a second that a run of other rules left before it died, and of c only such."""
    sessions = [
        {**session_row(), "session_id": each, "source_digest": f"of {each}", "ingested_at": datetime.now(UTC)}
        for each in ("a", "b")
    ]
    seconds = [_second("a", "of a", 0), _second("a", "older", 1), _second("b", "of b", 0), _second("c", "of c", 0)]
    approaches = [_approach("a", 1, 100), _approach("a", 2, 300), _approach("b", 1, 50)]
    contents = [(sessions_contract, sessions), (samples_contract, seconds), (approaches_contract, approaches)]
    for contract, rows in contents:
        ensure_tables(engine, contract(SCHEMA))
        append_rows(engine, contract(SCHEMA), rows_to_arrow(contract(SCHEMA), rows), tmp_path)
    return engine


def test_the_tables_have_the_columns_and_types_of_gold(acme: Engine, tmp_path: Path) -> None:
    with given_tables(acme, "acme", {"a", "b"}, tmp_path) as given:
        for contract in GOLD:
            found = {field.name: field.dataType.simpleString() for field in given.tables[contract.name.table].schema}
            promised = {column.name: column.type.lower() for column in contract.columns}
            assert found == promised
        assert [row["labelled_share"] for row in given.sessions.collect()] == [0.0, 0.0]


def test_seconds_that_their_session_does_not_vouch_for_are_left_out(acme: Engine, tmp_path: Path) -> None:
    with given_tables(acme, "acme", {"a", "b", "c"}, tmp_path) as given:
        rows = given.flight_samples.select("session_id", "second").collect()
    assert sorted((row[0], row[1]) for row in rows) == [("a", 0), ("b", 0)]


def test_only_the_sessions_asked_for_are_given_and_nothing_stays_behind(acme: Engine, tmp_path: Path) -> None:
    with given_tables(acme, "acme", {"a"}, tmp_path / "scratch") as given:
        for table in ("sessions", "flight_samples", "approaches"):
            assert {row[0] for row in given.tables[table].select("session_id").collect()} == {"a"}
        assert given.tables["maneuvers"].count() == 0
        assert given.approach_starts == {("a", 1): 100, ("a", 2): 300}
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_model_is_given_the_tables_that_its_manifest_names(acme: Engine, tmp_path: Path) -> None:
    manifest = load_manifests()["upset_detector"]
    with given_tables(acme, "acme", {"a"}, tmp_path) as given:
        assert {f"main.gold.{name}" for name in given.of(manifest)} == set(manifest.gold_tables)


def test_models_asked_together_lack_what_each_lacks_alone(acme: Engine, tmp_path: Path) -> None:
    manifests = list(load_manifests().values())
    with given_tables(acme, "acme", {"a", "b"}, tmp_path) as given:
        together = judgements_by_model(manifests, given.sessions, given.flight_samples)
        alone = {one.name: judgements(one, given.sessions, given.flight_samples) for one in manifests}
    assert together == alone
    lacking = {one.missing_channels for found in together.values() for one in found}
    assert len(lacking) > 1
    assert all("indicated_airspeed_kt" not in channels for channels in lacking)
