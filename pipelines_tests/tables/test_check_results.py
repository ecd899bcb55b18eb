"""What a step's checks found, as another process learns of it: for that state of the tables and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.engines.engine import Engine
from pipelines.tables import check_results
from pipelines.tables.arrow_rows import rows_to_frame
from pipelines.tables.check_results import evaluate_and_record, recorded_results
from pipelines.tables.contract_guard import ensure_tables
from pipelines.tables.contracts import ANNOTATIONS, CHECK_RESULTS, SILVER_SESSIONS
from pipelines.tables.quality import QualityResult, key_is_unique
from pipelines_tests.conftest import NewEngine
from pipelines_tests.tables.landing_zone import DAY, NEXT_DAY

SOURCES = (SILVER_SESSIONS, ANNOTATIONS)
FOUND = {
    "a": QualityResult(True, "All 3 are there.", {"rows": 3, "share": 0.5, "worst": None, "names": ["x"]}),
    "b": QualityResult(False, "One isn't."),
}


@pytest.fixture
def checked(engine: Engine) -> Engine:
    """An engine whose (empty) sources were checked."""
    ensure_tables(engine, *SOURCES)
    assert recorded_results(engine, DAY, SOURCES, FOUND) is None
    assert evaluate_and_record(engine, DAY, SOURCES, lambda: FOUND) == FOUND
    return engine


def _change_a_source(engine: Engine) -> None:
    row = {
        "content_digest": "0" * 64, "row_number": 1, "upload_day": DAY, "session_file": "a.csv", "start_s": 0.0,
        "end_s": 5.0, "maneuver": "climb",
    }  # fmt: skip
    engine.append(ANNOTATIONS.name, rows_to_frame(engine, ANNOTATIONS, [row]))


def test_another_engine_finds_what_was_found(checked: Engine, new_engine: NewEngine, tmp_path: Path) -> None:
    other = new_engine(tmp_path / "warehouse")
    assert recorded_results(other, DAY, SOURCES, FOUND) == FOUND
    assert recorded_results(other, DAY, SOURCES, ["b"]) == {"b": FOUND["b"]}


def test_nothing_holds_for_another_day_state_code_or_check(checked: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert recorded_results(checked, NEXT_DAY, SOURCES, FOUND) is None
    assert recorded_results(checked, DAY, SOURCES[:1], FOUND) is None
    assert recorded_results(checked, DAY, SOURCES, [*FOUND, "c"]) is None
    with monkeypatch.context() as patch:
        patch.setattr(check_results, "tables_code_digest", lambda: "another")
        assert recorded_results(checked, DAY, SOURCES, FOUND) is None
    _change_a_source(checked)
    assert recorded_results(checked, DAY, SOURCES, FOUND) is None


def test_what_was_found_while_a_source_changed_is_not_recorded(checked: Engine) -> None:
    def evaluate() -> dict[str, QualityResult]:
        _change_a_source(checked)
        return FOUND

    assert evaluate_and_record(checked, DAY, SOURCES, evaluate) == FOUND
    assert recorded_results(checked, DAY, SOURCES, FOUND) is None


def test_checking_again_records_once(checked: Engine) -> None:
    evaluate_and_record(checked, DAY, SOURCES, lambda: FOUND)
    assert checked.table(CHECK_RESULTS.name).count() == len(FOUND)
    assert key_is_unique(checked, CHECK_RESULTS).passed
