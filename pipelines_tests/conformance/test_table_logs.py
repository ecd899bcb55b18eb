"""A table's log in its folder, and the same log as SQL tells it: what works by the one works by the other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.engines.engine import Engine
from pipelines.tables.arrow_rows import rows_to_frame
from pipelines.tables.attestation import UnattestedHistoryError, read_attested
from pipelines.tables.contract_guard import contract_violations, ensure_tables
from pipelines.tables.contracts import ALL, GOLD, MANEUVERS
from pipelines.tables.folder_log import FolderLog
from pipelines.tables.sql_log import SqlLog
from pipelines.tables.table_log import Commit, TableLog, log_of
from pipelines_tests.tables.landing_zone import DAY, LandingZone, ingest, refine, rows

_NAME = MANEUVERS.name
_ROWS = [
    {
        "session_id": f"{number:016}", "upload_day": DAY, "segment": 1, "maneuver": "climb", "start_second": 0,
        "end_second": 5, "source_digest": "f" * 16,
    }
    for number in range(3)
]  # fmt: skip


def _comparable(commits: list[Commit]) -> list[Commit]:
    """Without what the two need not agree on: clocks differ by moments, and SQL does not tell files."""
    same = {"timestamp": datetime(2026, 1, 1, tzinfo=UTC), "added_files": None, "removed_files": None}
    return [replace(commit, **same) for commit in commits]


def _logs(engine: Engine) -> tuple[TableLog, TableLog]:
    return FolderLog(engine.location(_NAME)), SqlLog(engine, _NAME)


@pytest.fixture(scope="module")
def written(module_engine: Engine) -> Engine:
    """An engine with a table that was written to in every way that the project or a person uses."""
    engine = module_engine
    ensure_tables(engine, *ALL)
    key = "t.session_id = s.session_id AND t.segment = s.segment"
    engine.append(_NAME, rows_to_frame(engine, MANEUVERS, _ROWS[:2]), '{"by": "append"}')
    engine.append(_NAME, rows_to_frame(engine, MANEUVERS, []), '{"by": "append of nothing"}')
    for given in (_ROWS, _ROWS):  # the second one finds nothing to do
        source = rows_to_frame(engine, MANEUVERS, given)
        engine.merge(_NAME, key, "WHEN NOT MATCHED THEN INSERT *", source, '{"by": "merge"}')
    for statement in (
        f"UPDATE {_NAME} SET maneuver = 'turn' WHERE session_id = '{_ROWS[0]['session_id']}'",
        f"DELETE FROM {_NAME} WHERE session_id = 'nobody'",
        f"DELETE FROM {_NAME} WHERE session_id = '{_ROWS[1]['session_id']}'",
        f"ALTER TABLE {_NAME} SET TBLPROPERTIES ('delta.logRetentionDuration' = 'interval 4000 days')",
        f"OPTIMIZE {_NAME}",
        f"INSERT INTO {_NAME} SELECT * FROM {_NAME} LIMIT 1",
        f"INSERT OVERWRITE {_NAME} SELECT * FROM {_NAME} WHERE session_id = '{_ROWS[2]['session_id']}'",
        f"RESTORE TABLE {_NAME} TO VERSION AS OF 1",
        f"DELETE FROM {_NAME}",
    ):
        engine.spark.sql(statement).collect()
    return engine


def test_both_tell_the_same_commits(written: Engine) -> None:
    by_folder, by_sql = (log.commits() for log in _logs(written))
    assert _comparable(by_sql) == _comparable(by_folder)
    assert len({commit.changes_data for commit in by_folder}) == 2
    for one, other in zip(by_folder, by_sql, strict=True):
        assert abs(one.timestamp - other.timestamp).total_seconds() < 60
    assert {'{"by": "append"}', '{"by": "merge"}'} <= {commit.metadata for commit in by_sql}


def test_both_tell_the_newest_version_and_the_latest_change(written: Engine) -> None:
    by_folder, by_sql = _logs(written)
    assert by_sql.newest() == by_folder.newest() == len(by_folder.commits()) - 1
    changes = [log.latest_change() for log in (by_folder, by_sql)]
    assert _comparable([commit for commit in changes if commit])[0] == _comparable([c for c in changes if c])[1]


def test_both_tell_the_same_shape_of_every_table(written: Engine) -> None:
    for contract in ALL:
        by_folder = FolderLog(written.location(contract.name)).shape()
        by_sql = SqlLog(written, contract.name).shape()
        assert list(by_sql.columns.items()) == list(by_folder.columns.items()), contract.name
        assert by_sql.partition_by == by_folder.partition_by == contract.partition_by


def test_absent_table_has_no_commits(engine: Engine) -> None:
    for log in _logs(engine):
        assert log.newest() is None
        assert log.commits() == []


@pytest.fixture
def without_folders(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An engine as on Databricks: only names lead to tables."""
    monkeypatch.setattr(engine, "folder", lambda _: None)
    return engine


def test_tables_without_folders_are_filled_guarded_and_attested(without_folders: Engine, tmp_path: Path) -> None:
    engine, landing = without_folders, LandingZone(tmp_path / "landing")
    assert isinstance(log_of(engine, _NAME), SqlLog)
    landing.session("a.csv", 1)
    landing.annotations("a.csv", [("a.csv", 0, 5, "climb", "A")])
    ingest(engine, landing)
    refine(engine)
    refine(engine)
    assert len(rows(engine, MANEUVERS)) == 1
    assert [contract_violations(engine, contract) for contract in ALL] == [[]] * len(ALL)
    for contract in GOLD:
        read_attested(engine, contract.name)
    engine.spark.sql(f"UPDATE {_NAME} SET maneuver = 'stall'").collect()
    with pytest.raises(UnattestedHistoryError, match="version 2"):
        read_attested(engine, _NAME)
