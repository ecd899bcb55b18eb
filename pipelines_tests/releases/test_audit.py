"""The record of releases on real Delta: only added to, once per move, and whoever edits it is seen."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from deltalake import DeltaTable, write_deltalake

from pipelines.engines.engine import Engine
from pipelines.releases.audit import AuditTable, UnreadableAuditError
from pipelines.releases.audit_findings import contradictions, edits
from pipelines.releases.entry import By, Entry
from pipelines.releases.moves import Releases
from pipelines.releases.plan import Plan
from pipelines.releases.transitions import promote
from pipelines.tables.contracts.operations import RELEASE_AUDIT
from pipelines.tables.history import history
from pipelines_tests.conftest import NewEngine
from pipelines_tests.releases.memory import MemoryRegistry

A, B = "a" * 40, "b" * 40
WHEN = datetime(2026, 11, 24, 12, 30, 15, 123456, tzinfo=UTC)
BY = By('O\'Neil \\ "Ana"', "it's late; 5 < 6 & so on\nsecond line – Ünïcode")


def move(sequence: int, *models: str, move_id: str = "me") -> list[Entry]:
    return [
        Entry(
            sequence=sequence,
            move_id=move_id,
            transition="promoted",
            model=model,
            release=A,
            revision=1,
            by=BY,
            before=Plan(),
            after=promote(Plan(), 4, A),
            recorded_at=WHEN,
            evidence={"gates": [{"gate": "size", "passed": True, "numbers": {"megabytes": 0.5}}]},
        )
        for model in models
    ]


@pytest.fixture
def audit(engine: Engine) -> AuditTable:
    return AuditTable(engine)


def test_what_is_written_is_read_back_to_the_letter(audit: AuditTable) -> None:
    assert audit.read().entries == ()
    entries = move(1, "x", "y")
    assert audit.write(entries)
    assert list(audit.read().entries) == entries
    assert audit.read().plans == {"x": promote(Plan(), 4, A), "y": promote(Plan(), 4, A)}
    event = replace(move(2, "x")[0], transition="refused", before=None, after=None)
    assert audit.write([event])
    assert audit.read().entries[-1] == event
    assert edits(audit) == []
    assert contradictions(audit.read()) == []


def test_numbers_that_json_lacks_are_null_in_the_evidence(audit: AuditTable) -> None:
    evidence = {"gates": [{"numbers": {"recall": float("nan"), "gain": float("-inf"), "sessions": 3.0}}]}
    audit.write([replace(move(1, "x")[0], evidence=evidence)])
    assert audit.read().entries[0].evidence == {"gates": [{"numbers": {"recall": None, "gain": None, "sessions": 3.0}}]}


def test_a_number_is_taken_once_and_by_a_whole_move(audit: AuditTable) -> None:
    assert audit.write(move(1, "x", "y"))
    assert not audit.write(move(1, "z", "y", move_id="other"))
    assert not audit.write(move(1, "z", move_id="other"))
    assert [entry.model for entry in audit.read().entries] == ["x", "y"]
    with pytest.raises(ValueError, match="entries of 2 moves cannot be one commit"):
        audit.write([*move(2, "x"), *move(3, "y")])


def test_of_writers_at_once_one_gets_the_number(engine: Engine, new_engine: NewEngine) -> None:
    AuditTable(engine).read()
    audits = [AuditTable(new_engine(engine.folders)) for _ in range(4)]
    for audit in audits:
        audit.read()
    won: list[int] = []
    start = threading.Barrier(len(audits))

    def write(number: int) -> None:
        start.wait()
        if audits[number].write(move(1, "x", "y", move_id=f"writer {number}")):
            won.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(len(audits))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = AuditTable(new_engine(engine.folders)).read().entries
    assert len(won) == 1
    assert [(entry.model, entry.move_id) for entry in found] == [(m, f"writer {won[0]}") for m in ("x", "y")]


def test_spark_does_not_change_or_delete_what_is_recorded(audit: AuditTable) -> None:
    audit.write(move(1, "x", "y"))
    for statement in (
        f"DELETE FROM {RELEASE_AUDIT.name} WHERE model = 'x'",
        f"UPDATE {RELEASE_AUDIT.name} SET actor = 'nobody' WHERE model = 'x'",
    ):
        with pytest.raises(Exception, match=r"(?i)append.?only"):
            audit.engine.spark.sql(statement)
    assert list(audit.read().entries) == move(1, "x", "y")


def test_who_takes_the_lock_off_the_table_and_edits_it_is_named(audit: AuditTable) -> None:
    audit.write(move(1, "x", "y"))
    audit.write(move(2, "x"))
    table = DeltaTable(str(audit.engine.location(RELEASE_AUDIT.name)))
    table.alter.set_table_properties({"delta.appendOnly": "false"})
    table.delete("model = 'y'")
    [finding] = edits(audit)
    assert "prod.ops.release_audit version 4" in finding
    assert "DELETE" in finding
    assert "removed or changed rows" in finding
    table.restore(2)
    assert "RESTORE" in edits(audit)[-1]


def test_a_lost_commit_and_a_swapped_file_are_seen(audit: AuditTable) -> None:
    audit.write(move(1, "x"))
    audit.write(move(2, "y"))
    location = audit.engine.location(RELEASE_AUDIT.name)
    (added,) = list(history(audit.engine, RELEASE_AUDIT.name)[-1].added_files or ())
    (location / added).write_bytes(b"PAR1")
    assert "has 4 bytes, its commit wrote" in edits(audit)[0]
    (location / "_delta_log" / f"{1:020d}.json").unlink()
    assert "commits 1 are gone from its log" in edits(audit)[0]


def test_rows_added_by_hand_contradict_the_others(audit: AuditTable) -> None:
    audit.write(move(1, "x"))
    location = str(audit.engine.location(RELEASE_AUDIT.name))
    good = DeltaTable(location).to_pyarrow_table()
    [row] = good.to_pylist()
    later = {**row, "sequence": 3, "plan_after": promote(Plan(), 9, B).to_json(), "release": B}
    write_deltalake(location, type(good).from_pylist([later], schema=good.schema), mode="append")
    assert edits(audit) == []
    found = contradictions(audit.read())
    assert found[0] == "moves 2 are missing."
    assert "move 3 of x (promoted by O'Neil" in found[1]
    assert "starts from another plan" in found[1]
    assert "goes from revision 1 to 1" in found[2]
    broken = {**row, "sequence": 4, "plan_after": "{}"}
    write_deltalake(location, type(good).from_pylist([broken], schema=good.schema), mode="append")
    with pytest.raises(UnreadableAuditError, match=r"move 4 of x \(promoted\) cannot be read"):
        audit.read()


def test_moves_are_kept_by_the_table_from_one_process_to_the_next(engine: Engine, new_engine: NewEngine) -> None:
    registry = MemoryRegistry()
    first = Releases(AuditTable(engine), registry, nullcontext)
    first.request(A, ["x", "y"], BY)
    first.promote(A, {"x": 1, "y": 1}, BY)
    second = Releases(AuditTable(new_engine(engine.folders)), registry, nullcontext)
    second.request(B, ["x", "y"], BY)
    second.promote(B, {"x": 2, "y": 2}, BY)
    record = first.rollback(BY)
    assert record.current_release == A
    assert registry.aliases == {"x": {"champion": 1}, "y": {"champion": 1}}
    assert contradictions(AuditTable(engine).read()) == []
    assert record.since["x"] == AuditTable(engine).read().since["x"]
