"""A table whose history holds a change of unknown origin is not read for training."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, write_deltalake

from pipelines.engines.engine import Engine
from pipelines.tables.attestation import UnattestedHistoryError, attest, read_attested, signed, verify_attested
from pipelines.tables.attestation_keys import AttestationKeyError
from pipelines.tables.contracts import FLIGHT_SAMPLES, GOLD_SESSIONS, MANEUVERS
from pipelines.tables.gold import refine_flight_samples, refine_maneuvers
from pipelines.tables.history import current_version, history
from pipelines.tables.ingestion import ingest_annotations
from pipelines_tests.tables.landing_zone import DAY, NEXT_DAY, LandingZone, attested, ingest, refine, rows
from pipelines_tests.tables.prepared import PreparedTables

TABLE = MANEUVERS
ROW = {
    "session_id": "0" * 16, "upload_day": DAY, "segment": 99, "maneuver": "climb", "start_second": 0,
    "end_second": 5, "instructor": None, "comment": None, "source_digest": "f" * 16,
}  # fmt: skip


def _two_segments(engine: Engine, landing: LandingZone) -> None:
    landing.session("a.csv", 1)
    landing.annotations("a.csv", [("a.csv", 0, 5, "climb", "A"), ("a.csv", 9, 15, "turn", "A")])
    ingest(engine, landing)
    refine(engine)


@pytest.fixture
def gold(prepared: PreparedTables, engine: Engine, landing: LandingZone) -> Engine:
    """An engine whose gold holds one attested commit per table."""
    return prepared.give(_two_segments, engine, landing)


def _append(engine: Engine, metadata: str | None) -> None:
    """An append by hand through delta-rs, which knows nothing of attestation."""
    schema = pa.schema(DeltaTable(str(engine.location(TABLE.name))).schema().to_arrow())
    properties = CommitProperties(custom_metadata={"userMetadata": metadata}) if metadata else None
    write_deltalake(
        str(engine.location(TABLE.name)),
        pa.Table.from_pylist([ROW], schema=schema),
        mode="append",
        commit_properties=properties,
    )


def _refused(engine: Engine) -> UnattestedHistoryError:
    with pytest.raises(UnattestedHistoryError) as caught:
        read_attested(engine, TABLE.name)
    return caught.value


def test_gold_as_the_pipeline_makes_it_is_attested(gold: Engine) -> None:
    table = read_attested(gold, TABLE.name)
    assert (table.name, table.version) == (TABLE.name, 1)
    assert table.rows.count() == 2
    [change] = [commit for commit in history(gold, TABLE.name) if commit.changes_data]
    metadata = json.loads(change.metadata or "")
    assert metadata["run_id"] == "run"
    assert metadata["asset_key"] == "main/gold/maneuvers"
    assert metadata["checks"] == {"rows_are_plausible": True}


def test_many_runs_stay_attested(gold: Engine, landing: LandingZone) -> None:
    place = gold.location(TABLE.name)
    DeltaTable(str(place)).alter.set_table_properties({"delta.checkpointInterval": "3"})
    for number in range(4):
        landing.annotations(f"{number:02}.csv", [("a.csv", 0, 5 + number, "climb", "A")], NEXT_DAY)
        ingest_annotations(gold, landing.folder, NEXT_DAY, "run")
        refine_flight_samples(gold, NEXT_DAY, attested(FLIGHT_SAMPLES))
        refine_maneuvers(gold, NEXT_DAY, attested(MANEUVERS))
    assert list((place / "_delta_log").glob("*.checkpoint*.parquet")), "the log never got to a checkpoint"
    table = read_attested(gold, TABLE.name)
    assert table.version == 6
    assert [row["end_second"] for row in table.rows.toArrow().to_pylist()] == [7]


def test_pinned_version_is_what_is_read(gold: Engine, landing: LandingZone) -> None:
    landing.annotations("more.csv", [("a.csv", 0, 9, "cruise", "A")], NEXT_DAY)
    ingest(gold, landing, NEXT_DAY)
    refine(gold, NEXT_DAY)
    pinned = read_attested(gold, TABLE.name, 1)
    assert sorted(row["maneuver"] for row in pinned.rows.toArrow().to_pylist()) == ["climb", "turn"]
    assert [row["maneuver"] for row in read_attested(gold, TABLE.name).rows.toArrow().to_pylist()] == ["cruise"]


def test_append_by_hand_is_refused_by_name_version_and_author(gold: Engine) -> None:
    _append(gold, None)
    error = _refused(gold)
    assert (error.table, error.version) == (TABLE.name, 2)
    assert "delta-rs" in error.author
    for part in ("main.gold.maneuvers version 2", "delta-rs", "WRITE", "without any attestation", "again from silver"):
        assert part in str(error)
    verify_attested(gold, TABLE.name, 1)


@pytest.mark.parametrize(
    "statement",
    [
        f"INSERT INTO {TABLE.name} SELECT * FROM {TABLE.name} LIMIT 1",
        f"UPDATE {TABLE.name} SET maneuver = 'stall' WHERE segment = 1",
        f"DELETE FROM {TABLE.name} WHERE segment = 1",
        f"DELETE FROM {TABLE.name}",
        f"INSERT OVERWRITE {TABLE.name} SELECT * FROM {TABLE.name} WHERE segment = 1",
    ],
)
def test_sql_by_hand_is_refused(gold: Engine, statement: str) -> None:
    gold.spark.sql(statement).collect()
    assert _refused(gold).version == 2


def test_change_that_was_undone_is_still_refused(gold: Engine) -> None:
    _append(gold, None)
    DeltaTable(str(gold.location(TABLE.name))).restore(1)
    assert len(rows(gold, TABLE)) == 2
    assert _refused(gold).version == 2


def test_restore_is_a_change(gold: Engine) -> None:
    DeltaTable(str(gold.location(TABLE.name))).restore(0)
    error = _refused(gold)
    assert error.version == 2
    assert "RESTORE" in str(error)


def _handwritten(_: Engine) -> str:
    return attested(TABLE)


def _handsigned(_: Engine) -> str:
    return json.dumps({**json.loads(attested(TABLE)), "nonce": "00", "signature": "0" * 128})


def _of_another_table(engine: Engine) -> str:
    return signed(engine, GOLD_SESSIONS.name, attested(GOLD_SESSIONS))


def _of_another_table_renamed(engine: Engine) -> str:
    return _of_another_table(engine).replace("main/gold/sessions", "main/gold/maneuvers")


def _copied(engine: Engine) -> str:
    return next(commit.metadata for commit in history(engine, TABLE.name) if commit.metadata) or ""


def _with_failed_check(engine: Engine) -> str:
    return signed(engine, TABLE.name, attested(TABLE)).replace("true", "false")


def _of_another_environment(engine: Engine) -> str:
    key = engine.folders.parent / "attestation-signing.key"
    kept = key.read_text()
    key.write_text("5e" * 32)
    metadata = signed(engine, TABLE.name, attested(TABLE))
    key.write_text(kept)
    return metadata


@pytest.mark.parametrize(
    ("forge", "message"),
    [
        (_handwritten, "signature"),
        (_handsigned, "signature"),
        (_of_another_table, "attests main/gold/sessions, not main/gold/maneuvers"),
        (_of_another_table_renamed, "signature"),
        (_copied, "attestation of version 1: it was copied"),
        (_with_failed_check, "checks that failed"),
        (_of_another_environment, "signature"),
        (lambda _: "nightly fix", "lacks run_id"),
        (lambda _: "[1]", "lacks run_id"),
    ],
)
def test_forged_metadata_is_refused(gold: Engine, forge: Callable[[Engine], str], message: str) -> None:
    _append(gold, forge(gold))
    error = _refused(gold)
    assert error.version == 2
    assert message in str(error)


def test_signed_append_is_accepted(gold: Engine) -> None:
    _append(gold, signed(gold, TABLE.name, attested(TABLE)))
    assert read_attested(gold, TABLE.name).version == 2


def test_compaction_and_properties_change_no_rows(gold: Engine) -> None:
    _append(gold, signed(gold, TABLE.name, attested(TABLE)))
    table = DeltaTable(str(gold.location(TABLE.name)))
    table.optimize.compact()
    table.alter.set_table_properties({"delta.logRetentionDuration": "interval 4000 days"})
    assert current_version(gold, TABLE.name) == 4
    assert read_attested(gold, TABLE.name).rows.count() == 3


def test_cleaned_log_is_refused(gold: Engine) -> None:
    table = DeltaTable(str(gold.location(TABLE.name)))
    table.create_checkpoint()
    (gold.location(TABLE.name) / "_delta_log" / f"{0:020d}.json").unlink()
    error = _refused(gold)
    assert error.version == 0
    assert "missing" in str(error)


def test_replaced_checkpoint_is_refused(gold: Engine, tmp_path: Path) -> None:
    """A checkpoint that names other rows than the commits do, as readers would believe it."""
    place = gold.location(TABLE.name)
    genuine = tmp_path / "genuine"
    shutil.copytree(place, genuine)
    _append(gold, None)
    DeltaTable(str(place)).create_checkpoint()
    log = place / "_delta_log"
    checkpoint = next(log.glob("*2.checkpoint.parquet"))
    checkpoint.rename(log / f"{1:020d}.checkpoint.parquet")
    last = json.loads((log / "_last_checkpoint").read_text())
    (log / "_last_checkpoint").write_text(json.dumps({**last, "version": 1}))
    for leftover in log.glob(f"{2:020d}.*"):
        leftover.unlink()
    assert len(DeltaTable(str(place)).to_pyarrow_table()) == 3, "readers do believe it"
    assert "checkpoint" in str(_refused(gold))


def test_data_file_of_another_size_is_refused(gold: Engine) -> None:
    [file] = gold.location(TABLE.name).rglob("*.parquet")
    file.write_bytes(file.read_bytes() + b"0")
    assert "bytes, its commit wrote" in str(_refused(gold))


def test_lost_key_is_named(gold: Engine) -> None:
    home = gold.folders.parent
    assert (home / "attestation-signing.key").stat().st_mode & 0o077 == 0
    for key in home.glob("attestation-*.key"):
        key.unlink()
    assert f"restore attestation-public.key in {home}" in str(_refused(gold))


def test_public_key_alone_verifies_and_cannot_sign(gold: Engine) -> None:
    (gold.folders.parent / "attestation-signing.key").unlink()
    assert read_attested(gold, TABLE.name).version == 1
    with pytest.raises(AttestationKeyError, match=r"attestation-signing.key is missing"):
        signed(gold, TABLE.name, attested(TABLE))


def test_failed_checks_are_not_attested() -> None:
    with pytest.raises(ValueError, match="ranges"):
        attest("run", TABLE.name.asset_key, "code", {"ranges": False, "keys": True})


@pytest.mark.parametrize("run_id", ["it's", "back\\slash", "naïve"])
def test_metadata_that_sql_could_not_carry_is_refused(run_id: str) -> None:
    with pytest.raises(ValueError, match="ASCII"):
        attest(run_id, TABLE.name.asset_key, "code", {})
