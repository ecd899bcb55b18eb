"""Session files become silver, each accounted for in the ledger."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.engines.engine import Engine
from pipelines.flight.formats import read_session
from pipelines.tables import landed_files, session_ingestion, session_parsing
from pipelines.tables.contracts import SAMPLES, SESSION_FILES, SILVER_SESSIONS
from pipelines.tables.history import current_version
from pipelines.tables.ingestion import ingest_sessions
from pipelines_tests.conftest import NewEngine
from pipelines_tests.tables.disturbed_run import ingest_disturbed
from pipelines_tests.tables.landing_zone import DAY, NEXT_DAY, SECONDS, LandingZone, rows, session_bytes, stable_rows

TABLES = (SESSION_FILES, SILVER_SESSIONS, SAMPLES)


def _session_id(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _ledger(engine: Engine) -> dict[str, dict]:
    return {row["file_path"].partition("/")[2]: row for row in rows(engine, SESSION_FILES)}


def test_session_is_in_silver_as_its_reader_gives_it(engine: Engine, landing: LandingZone) -> None:
    landing.session("one.csv", 1)
    report = ingest_sessions(engine, landing.folder, DAY, "run")
    content = session_bytes(1)
    parsed = read_session("one.csv", content)
    session_id = _session_id(content)
    assert report.session_ids == [session_id]
    assert report.row_count == parsed.sample_count
    stored = engine.table(SAMPLES.name).orderBy("sample_index").toArrow()
    for column in parsed.samples.columns:
        assert stored.column(column).to_pylist() == parsed.samples[column].to_list(), column
    assert set(stored.column("session_id").to_pylist()) == {session_id}
    assert stored.column("parse_report").to_pylist()[1:] == [None] * (parsed.sample_count - 1)
    assert json.loads(stored.column("parse_report").to_pylist()[0])["duration_s"] == SECONDS - 1
    [session] = rows(engine, SILVER_SESSIONS)
    assert session["file_path"] == "2026-11-20/one.csv"
    assert session["airframe_name"] == "Cessna 172S"
    assert session["aircraft_type"] == "c172s"
    assert session["started_at"] == datetime(2024, 7, 20, 15, 0, tzinfo=UTC)
    assert session["sample_count"] == SECONDS
    assert session["missing_channels"] == parsed.missing_channels
    [entry] = rows(engine, SESSION_FILES)
    assert entry["content_digest"] == hashlib.sha256(content).hexdigest()
    assert (entry["status"], entry["session_id"], entry["source_format"]) == ("accepted", session_id, "garmin")


def test_bad_file_among_good_ones_is_quarantined_alone(engine: Engine, landing: LandingZone) -> None:
    landing.session("a.csv", 1)
    landing.session("b.csv", b"")
    landing.session("c.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4)
    landing.session("d.csv", 2)
    report = ingest_sessions(engine, landing.folder, DAY, "run")
    ledger = _ledger(engine)
    assert {name: entry["status"] for name, entry in ledger.items()} == {
        "a.csv": "accepted",
        "b.csv": "quarantined",
        "c.csv": "quarantined",
        "d.csv": "accepted",
    }
    assert ledger["b.csv"]["reason_code"] == "empty"
    assert ledger["c.csv"]["reason_code"] == "binary"
    assert "c.csv" in ledger["c.csv"]["reason"]
    assert ledger["c.csv"]["remedy"]
    assert ledger["c.csv"]["session_id"] is None
    assert report.quarantine_reasons == {"binary": 1, "empty": 1}
    assert [row["session_id"] for row in rows(engine, SILVER_SESSIONS)] == sorted(report.session_ids)
    assert engine.table(SAMPLES.name).count() == 2 * SECONDS


def test_day_of_bad_files_alone(engine: Engine, landing: LandingZone) -> None:
    landing.session("a.csv", b"")
    landing.session("same.csv", b"")
    ingest_sessions(engine, landing.folder, DAY, "run")
    assert {entry["reason_code"] for entry in _ledger(engine).values()} == {"empty"}
    assert [entry["reason"] for entry in _ledger(engine).values()] == [
        "a.csv holds no bytes.",
        "same.csv holds no bytes.",
    ]
    assert rows(engine, SILVER_SESSIONS) == []


@pytest.mark.embedded_engine("the broken reader is patched into this process, Apache Spark reads in others")
def test_reader_that_breaks_is_the_files_fault_alone(
    engine: Engine, landing: LandingZone, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.flight.formats import read

    real = read._raw

    def breaking(name: str, content: bytes, maps: Any):
        if name == "bad.csv":
            raise ZeroDivisionError("nobody thought of this")
        return real(name, content, maps)

    monkeypatch.setattr(read, "_raw", breaking)
    landing.session("bad.csv", 1)
    landing.session("good.csv", 2)
    ingest_sessions(engine, landing.folder, DAY, "run")
    bad = _ledger(engine)["bad.csv"]
    assert (bad["status"], bad["reason_code"]) == ("quarantined", "reader_failed")
    assert "ZeroDivisionError: nobody thought of this" in bad["reason"]
    assert _ledger(engine)["good.csv"]["status"] == "accepted"


def test_same_bytes_under_other_names_and_days_are_one_session(engine: Engine, landing: LandingZone) -> None:
    landing.session("b/copy.csv", 1)
    landing.session("a.csv", 1)
    ingest_sessions(engine, landing.folder, DAY, "run")
    landing.session("later.csv", 1, NEXT_DAY)
    landing.session("other.csv", 2, NEXT_DAY)
    report = ingest_sessions(engine, landing.folder, NEXT_DAY, "run")
    assert report.counts == {"accepted": 1, "duplicate": 1, "quarantined": 0, "deferred": 0}
    ledger = _ledger(engine)
    assert {name: entry["status"] for name, entry in ledger.items()} == {
        "a.csv": "accepted",
        "b/copy.csv": "duplicate",
        "later.csv": "duplicate",
        "other.csv": "accepted",
    }
    assert ledger["later.csv"]["reason"] == "Same bytes as 2026-11-20/a.csv."
    assert ledger["later.csv"]["session_id"] == ledger["a.csv"]["session_id"] == _session_id(session_bytes(1))
    assert ledger["later.csv"]["source_format"] == "garmin"
    assert [row["upload_day"] for row in rows(engine, SILVER_SESSIONS, "file_path LIKE '%a.csv'")] == [DAY]
    assert engine.table(SAMPLES.name).count() == 2 * SECONDS


def test_second_run_changes_nothing(engine: Engine, landing: LandingZone) -> None:
    landing.session("a.csv", 1)
    landing.session("b.csv", b"")
    ingest_sessions(engine, landing.folder, DAY, "first")
    before = [(current_version(engine, contract.name), rows(engine, contract)) for contract in TABLES]
    report = ingest_sessions(engine, landing.folder, DAY, "second")
    assert (report.listed, report.known, report.accepted) == (2, 2, 0)
    assert [(current_version(engine, contract.name), rows(engine, contract)) for contract in TABLES] == before


def test_late_files_join_their_day(engine: Engine, landing: LandingZone) -> None:
    landing.session("a.csv", 1)
    ingest_sessions(engine, landing.folder, DAY, "first")
    landing.session("b.csv", 2)
    report = ingest_sessions(engine, landing.folder, DAY, "second")
    assert (report.known, report.accepted) == (1, 1)
    assert [row["ingest_run_id"] for row in rows(engine, SESSION_FILES)] == ["first", "second"]
    assert engine.table(SAMPLES.name).count() == 2 * SECONDS


def test_overwritten_file_is_a_new_version(engine: Engine, landing: LandingZone) -> None:
    landing.session("a.csv", 1)
    ingest_sessions(engine, landing.folder, DAY, "run")
    landing.session("a.csv", 2)
    ingest_sessions(engine, landing.folder, DAY, "run")
    entries = rows(engine, SESSION_FILES)
    assert {entry["session_id"] for entry in entries} == {_session_id(session_bytes(1)), _session_id(session_bytes(2))}
    assert {entry["file_path"] for entry in entries} == {"2026-11-20/a.csv"}
    assert len({entry["file_version"] for entry in entries}) == 2


def test_odd_names(engine: Engine, landing: LandingZone) -> None:
    names = [
        "we[ir]d*?{a,b}.csv", "100%20#&.csv", "sp ace/naïve ✈.csv", "quote'\".csv", "back\\slash.csv", "-rf.csv",
        "plain.csv",
    ]  # fmt: skip
    for seed, name in enumerate(names):
        landing.session(name, seed)
    assert ingest_sessions(engine, landing.folder, DAY, "run").accepted == len(names)
    assert {name: entry["status"] for name, entry in _ledger(engine).items()} == dict.fromkeys(names, "accepted")
    assert ingest_sessions(engine, landing.folder, DAY, "again").known == len(names)


def test_growing_file_waits_for_its_next_version(
    engine: Engine, landing: LandingZone, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing.session("good.csv", 2)
    path = landing.session("growing.csv", session_bytes(1)[:5000])
    listed = landed_files.list_landed(landing.folder / "sessions", DAY)
    path.write_bytes(session_bytes(1))
    with monkeypatch.context() as patch:  # the folder was listed before the rest of the file arrived
        patch.setattr(session_ingestion, "list_landed", lambda *_: listed)
        ingest_sessions(engine, landing.folder, DAY, "run")
    entry = _ledger(engine)["growing.csv"]
    assert (entry["status"], entry["reason_code"], entry["content_digest"]) == ("quarantined", "growing", None)
    assert _ledger(engine)["good.csv"]["status"] == "accepted"
    ingest_sessions(engine, landing.folder, DAY, "run")
    statuses = {row["status"] for row in rows(engine, SESSION_FILES) if row["file_path"].endswith("growing.csv")}
    assert statuses == {"quarantined", "accepted"}
    assert engine.table(SAMPLES.name).count() == 2 * SECONDS


@pytest.mark.parametrize("readers", ["workers of the engine", "processes"])
def test_files_that_change_between_digest_and_parsing(
    engine: Engine, landing: LandingZone, tmp_path: Path, readers: str
) -> None:
    for seed, name in enumerate(("a.csv", "changed.csv", "d.csv", "gone.csv", "longer.csv", "z.csv")):
        landing.session(name, seed)
    landing.session("bad.csv", b"")
    if readers == "processes":
        if not engine.python_is_threaded:
            pytest.skip("Apache Spark's own workers are processes")
        module = "pipelines_tests.tables.disturbed_run"
        subprocess.run([sys.executable, "-m", module, str(tmp_path)], check=True, timeout=240)
    else:
        ingest_disturbed(engine, landing.folder)
    statuses = {name: (entry["status"], entry["reason_code"]) for name, entry in _ledger(engine).items()}
    assert statuses == {
        "a.csv": ("accepted", None),
        "bad.csv": ("quarantined", "empty"),
        "changed.csv": ("quarantined", "growing"),
        "d.csv": ("accepted", None),
        "longer.csv": ("quarantined", "growing"),
        "z.csv": ("accepted", None),
    }
    ingest_sessions(engine, landing.folder, DAY, "run")
    assert [row["session_id"] for row in rows(engine, SILVER_SESSIONS)] == sorted(
        _session_id(content) for content in (*(session_bytes(seed) for seed in (0, 2, 5, 99)), session_bytes(4) * 2)
    )


def test_day_without_new_files_starts_no_engine(engine: Engine, landing: LandingZone, new_engine: NewEngine) -> None:
    landing.session("a.csv", 1)
    first = ingest_sessions(engine, landing.folder, DAY, "run")
    other = new_engine(engine.folders)
    again = ingest_sessions(other, landing.folder, DAY, "run")
    assert (again.known, again.table_versions) == (1, first.table_versions)
    assert other._session is None


def test_file_that_goes_away_is_left_to_the_next_run(
    engine: Engine, landing: LandingZone, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = landing.session("a.csv", 1)
    listed = landed_files.list_landed(landing.folder / "sessions", DAY)
    path.unlink()
    monkeypatch.setattr(session_ingestion, "list_landed", lambda *_: listed)
    report = ingest_sessions(engine, landing.folder, DAY, "run")
    assert [file.file_path for file in report.deferred] == ["2026-11-20/a.csv"]
    assert rows(engine, SESSION_FILES) == []


def test_too_large_file_is_not_read(engine: Engine, landing: LandingZone) -> None:
    path = landing.session("huge.csv", b"")
    with path.open("wb") as stream:
        stream.truncate(300 * 1024 * 1024)
    landing.session("good.csv", 1)
    ingest_sessions(engine, landing.folder, DAY, "run")
    entry = _ledger(engine)["huge.csv"]
    assert (entry["status"], entry["reason_code"], entry["content_digest"]) == ("quarantined", "too_large", None)
    assert entry["file_size_bytes"] == 300 * 1024 * 1024
    assert _ledger(engine)["good.csv"]["status"] == "accepted"


def test_batches_give_the_tables_of_one_batch(
    engine: Engine, landing: LandingZone, new_engine: NewEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        landing.session(f"{number}.csv", number % 4)
    landing.session("bad.csv", b"")
    ingest_sessions(engine, landing.folder, DAY, "run")
    other = new_engine(tmp_path / "batches" / "warehouse")
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(session_ingestion, "BATCH_FILES", 2)
    ingest_sessions(other, landing.folder, DAY, "run", progress=lambda done, total, _: seen.append((done, total)))
    assert seen == [(2, 6), (4, 6), (6, 6)]
    for contract in TABLES:
        assert stable_rows(other, contract) == stable_rows(engine, contract)


def test_bad_column_map_stops_the_run_and_judges_no_file(engine: Engine, landing: LandingZone, tmp_path: Path) -> None:
    from pipelines.flight.formats import ColumnMapError

    maps = tmp_path / "maps"
    maps.mkdir()
    (maps / "broken.yaml").write_text("name: broken\n")
    landing.session("a.csv", 1)
    with pytest.raises(ColumnMapError, match=r"broken\.yaml"):
        ingest_sessions(engine, landing.folder, DAY, "run", session_maps=maps)
    assert ingest_sessions(engine, landing.folder, DAY, "run").accepted == 1


def test_map_of_the_user_is_used(engine: Engine, landing: LandingZone, tmp_path: Path) -> None:
    from pipelines_tests.flight.formats.made_flight import TRAINER_MAP, made_flight, table

    maps = tmp_path / "maps"
    maps.mkdir()
    channels = "".join(
        f"  {name}: {{column: {name}, unit: {unit}}}\n"
        for name, unit in (
            ("latitude_deg", "deg"), ("longitude_deg", "deg"), ("altitude_msl_ft", "ft"), ("pitch_deg", "deg"),
            ("roll_deg", "deg"), ("heading_deg", "deg"), ("indicated_airspeed_kt", "kt"),
        )
    )  # fmt: skip
    (maps / "trainer.yaml").write_text(TRAINER_MAP + channels)
    flight = made_flight(seconds=SECONDS)
    landing.session("t.csv", table({"t": flight["elapsed_s"], **{k: v for k, v in flight.items() if k != "elapsed_s"}}))
    report = ingest_sessions(engine, landing.folder, DAY, "run", session_maps=maps)
    assert report.counts["accepted"] == 1, report.quarantined
    assert rows(engine, SILVER_SESSIONS)[0]["source_format"] == "trainer"


def test_parse_report_names_every_fact_of_the_contract() -> None:
    parsed = read_session("a.csv", session_bytes(1))
    facts = set(json.loads(session_parsing.parse_report(parsed, "x/a.csv")))
    assert facts == set(SILVER_SESSIONS.column_names) - {"session_id", "upload_day", "ingested_at", "ingest_run_id"}
