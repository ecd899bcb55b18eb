"""Gold: cleaned and labelled seconds, and what becomes of them when labels or files change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines.engines.engine import Engine
from pipelines.flight.channels import CHANNEL_NAMES
from pipelines.flight.cleaning import nearest_samples
from pipelines.tables.contracts import (
    ANNOTATIONS,
    APPROACHES,
    FLIGHT_SAMPLES,
    GOLD,
    GOLD_SESSIONS,
    MANEUVERS,
    SAMPLES,
    SILVER_SESSIONS,
)
from pipelines.tables.gold import refine_flight_samples, refine_maneuvers, refine_sessions
from pipelines.tables.history import current_version, history
from pipelines_tests.conftest import NewEngine
from pipelines_tests.flight.formats.made_flight import garmin_log, garmin_stamps, made_flight
from pipelines_tests.tables.landing_zone import (
    DAY,
    NEXT_DAY,
    SECONDS,
    LandingZone,
    attested,
    ingest,
    refine,
    rows,
    stable_rows,
)


def _versions(engine: Engine) -> list[int]:
    return [current_version(engine, contract.name) for contract in GOLD]


def _labels(engine: Engine, session_file: str = "a.csv") -> list[str | None]:
    """The maneuver of each second of the session that `session_file` holds."""
    ledger = engine.table(SILVER_SESSIONS.name).where(f"file_path LIKE '%/{session_file}'")
    [session_id] = ledger.toArrow().column("session_id").to_pylist()
    return [row["maneuver"] for row in rows(engine, FLIGHT_SAMPLES, f"session_id = '{session_id}'")]


def test_seconds_are_the_nearest_samples(silver: Engine) -> None:
    engine = silver
    reports = refine(engine)
    assert len(reports["sessions"].session_ids) == 2
    assert reports["flight_samples"].row_count == engine.table(FLIGHT_SAMPLES.name).count() == 2 * SECONDS
    for session in rows(engine, GOLD_SESSIONS):
        mine = f"session_id = '{session['session_id']}'"
        samples = rows(engine, SAMPLES, mine)
        seconds = rows(engine, FLIGHT_SAMPLES, mine)
        nearest = nearest_samples(np.array([row["elapsed_s"] for row in samples]))
        assert [row["second"] for row in seconds] == list(range(SECONDS))
        for channel in CHANNEL_NAMES:
            assert [row[channel] for row in seconds] == [samples[position][channel] for position in nearest], channel
        assert {row["is_gap"] for row in seconds} == {False}
        assert {(row["maneuver"], row["is_upset"]) for row in seconds} == {(None, None)}
        assert session["second_count"] == SECONDS
        assert (session["gap_share"], session["labelled_share"]) == (0.0, 0.0)
        assert session["missing_channels"] == rows(engine, SILVER_SESSIONS, mine)[0]["missing_channels"]
        assert {row["source_digest"] for row in seconds} == {session["source_digest"]}
        assert session["airframe_name"] == "Cessna 172S"


def test_gap_is_marked_and_never_filled(engine: Engine, landing: LandingZone) -> None:
    flight = made_flight(seconds=SECONDS)
    stamps = garmin_stamps(SECONDS + 40)
    landing.session("a.csv", garmin_log(flight, stamps=[*stamps[:200], *stamps[240:]], cut_off=False))
    ingest(engine, landing)
    refine(engine)
    seconds = rows(engine, FLIGHT_SAMPLES)
    assert [row["second"] for row in seconds] == list(range(SECONDS + 40))
    assert [row["second"] for row in seconds if row["is_gap"]] == list(range(200, 240))
    assert all(row[channel] is None for row in seconds if row["is_gap"] for channel in CHANNEL_NAMES)
    assert seconds[239]["roll_deg"] is None
    assert seconds[240]["roll_deg"] == pytest.approx(flight["roll_deg"][200], abs=0.01)
    assert rows(engine, GOLD_SESSIONS)[0]["gap_share"] == pytest.approx(40 / 340)


def test_impossible_values_are_nothing_in_gold(silver: Engine) -> None:
    silver.spark.sql(f"UPDATE {SAMPLES.name} SET engine_rpm = 99999, roll_deg = -1 WHERE sample_index = 7").collect()
    refine(silver)
    for second in rows(silver, FLIGHT_SAMPLES, "second = 7"):
        assert second["engine_rpm"] is None
        assert second["roll_deg"] == -1.0
        assert not second["is_gap"]


def test_labels_and_upsets(engine: Engine, landing: LandingZone) -> None:
    landing.session("a.csv", 1)
    landing.session("unlabelled.csv", 2)
    landing.annotations(
        "a.csv", [("a.csv", 10, 20, "climb", "A"), ("a.csv", 20, 22.5, "stall", "A"), ("a.csv", 21, 22, "upset", "A")]
    )
    ingest(engine, landing)
    refine(engine)
    assert _labels(engine) == [None] * 10 + ["climb"] * 10 + ["stall"] * 3 + [None] * (SECONDS - 23)
    assert set(_labels(engine, "unlabelled.csv")) == {None}
    upsets = [row["second"] for row in rows(engine, FLIGHT_SAMPLES, "is_upset")]
    assert upsets == [21]
    assert engine.table(FLIGHT_SAMPLES.name).where("is_upset IS NULL").count() == SECONDS
    found = [
        (row["segment"], row["maneuver"], row["start_second"], row["end_second"], row["instructor"])
        for row in rows(engine, MANEUVERS)
    ]
    assert found == [(1, "climb", 10, 19, "A"), (2, "stall", 20, 22, "A"), (3, "upset", 21, 21, "A")]
    shares = sorted(row["labelled_share"] for row in rows(engine, GOLD_SESSIONS))
    assert shares == [0.0, pytest.approx(13 / SECONDS)]


def test_second_run_makes_no_commit(gold: Engine) -> None:
    before = _versions(gold)
    reports = refine(gold, run_id="again")
    assert _versions(gold) == before
    assert not any(report.has_changed or report.session_ids for report in reports.values())


def test_one_commit_per_table_and_run(engine: Engine, landing: LandingZone) -> None:
    for number in range(4):
        landing.session(f"{number}.csv", number)
    landing.annotations("a.csv", [("1.csv", 10, 20, "climb", "A")])
    ingest(engine, landing)
    refine(engine)
    changes = {contract.name.table: sum(c.changes_data for c in history(engine, contract.name)) for contract in GOLD}
    approaches = 1 if engine.table(APPROACHES.name).count() else 0
    assert changes == {"sessions": 1, "flight_samples": 1, "maneuvers": 1, "approaches": approaches}


def test_late_annotations_reach_gold_when_their_day_is_refined(gold: Engine, landing: LandingZone) -> None:
    engine = gold
    other = rows(engine, GOLD_SESSIONS, "true")
    landing.annotations("late.csv", [("b.csv", 0, 5, "climb", "A")], NEXT_DAY)
    ingest(engine, landing, NEXT_DAY)
    reports = refine(engine, NEXT_DAY)
    assert len(reports["sessions"].session_ids) == 1
    assert _labels(engine, "b.csv")[:6] == ["climb"] * 5 + [None]
    assert {row["upload_day"] for row in rows(engine, FLIGHT_SAMPLES)} == {DAY}
    changed = [row for row, old in zip(rows(engine, GOLD_SESSIONS), other, strict=True) if row != old]
    assert [row["session_id"] for row in changed] == reports["sessions"].session_ids


def test_annotations_may_arrive_before_their_session(engine: Engine, landing: LandingZone) -> None:
    landing.annotations("early.csv", [("a.csv", 0, 5, "climb", "A")])
    ingest(engine, landing)
    assert refine(engine)["sessions"].unmatched == ["2026-11-20/early.csv: a.csv"]
    landing.session("a.csv", 1, NEXT_DAY)
    ingest(engine, landing, NEXT_DAY)
    refine(engine, NEXT_DAY)
    assert _labels(engine)[:6] == ["climb"] * 5 + [None]


def test_corrected_annotations_replace_the_earlier_ones(gold: Engine, landing: LandingZone) -> None:
    landing.annotations("corrected.csv", [("a.csv", 50, 57, "takeoff", "A")], NEXT_DAY)
    ingest(gold, landing, NEXT_DAY)
    refine(gold, NEXT_DAY)
    assert _labels(gold) == [None] * 50 + ["takeoff"] * 7 + [None] * (SECONDS - 57)
    assert [row["maneuver"] for row in rows(gold, MANEUVERS)] == ["takeoff"]


def test_annotation_file_overwritten_without_the_session_takes_its_labels_back(
    gold: Engine, landing: LandingZone
) -> None:
    landing.annotations("labels.csv", [("another.csv", 0, 5, "climb", "A")])
    ingest(gold, landing)
    refine(gold)
    assert set(_labels(gold)) == {None}
    assert rows(gold, MANEUVERS) == []
    assert [row["labelled_share"] for row in rows(gold, GOLD_SESSIONS)] == [0, 0]


def test_session_is_found_by_the_name_of_any_of_its_files(engine: Engine, landing: LandingZone) -> None:
    landing.session("a.csv", 1)
    landing.session("z-copy.csv", 1)
    landing.annotations("labels.csv", [("z-copy.csv", 0, 5, "climb", "A")])
    ingest(engine, landing)
    refine(engine)
    assert _labels(engine)[:6] == ["climb"] * 5 + [None]


def test_name_used_on_several_days_means_the_file_of_the_annotations_day(engine: Engine, landing: LandingZone) -> None:
    landing.session("a.csv", 1)
    landing.session("a.csv", 2, NEXT_DAY)
    landing.annotations("labels.csv", [("a.csv", 0, 5, "climb", "A")], NEXT_DAY)
    for day in (DAY, NEXT_DAY):
        ingest(engine, landing, day)
        refine(engine, day)
    labelled = rows(engine, GOLD_SESSIONS, "labelled_share > 0")
    assert [row["upload_day"] for row in labelled] == [NEXT_DAY]


def test_ambiguous_name_labels_nothing_unless_the_folder_tells(engine: Engine, landing: LandingZone) -> None:
    landing.session("device1/log.csv", 1)
    landing.session("device2/log.csv", 2)
    landing.annotations("labels.csv", [("log.csv", 0, 5, "climb", "A")])
    landing.annotations("device2/labels.csv", [("log.csv", 0, 9, "turn", "A")])
    ingest(engine, landing)
    assert refine(engine)["sessions"].ambiguous == ["2026-11-20/labels.csv: log.csv"]
    by_path = {row["session_id"]: row["file_path"] for row in rows(engine, SILVER_SESSIONS)}
    labelled = rows(engine, GOLD_SESSIONS, "labelled_share > 0")
    assert [by_path[row["session_id"]] for row in labelled] == ["2026-11-20/device2/log.csv"]
    assert {row["maneuver"] for row in rows(engine, MANEUVERS)} == {"turn"}


def test_overwritten_file_takes_its_session_out_of_gold(gold: Engine, landing: LandingZone) -> None:
    engine = gold
    before = {row["session_id"]: row["file_path"] for row in rows(engine, SILVER_SESSIONS)}
    [first] = [session_id for session_id, path in before.items() if path.endswith("/a.csv")]
    landing.session("a.csv", 3)
    landing.session("b.csv", 4)  # its old bytes are still there under another name
    landing.session("kept-copy.csv", 2)
    ingest(engine, landing)
    reports = refine(engine)
    assert reports["sessions"].removed == [first]
    assert len(rows(engine, GOLD_SESSIONS)) == 3
    for contract in GOLD:
        assert first not in {row["session_id"] for row in rows(engine, contract)}, contract.name
    assert len(rows(engine, SILVER_SESSIONS)) == 4
    versions = _versions(engine)
    refine(engine)
    assert _versions(engine) == versions


def test_annotations_that_arrive_during_a_run_are_left_to_the_next(silver: Engine, landing: LandingZone) -> None:
    engine = silver
    refine_flight_samples(engine, DAY, attested(FLIGHT_SAMPLES))
    landing.annotations("labels.csv", [("a.csv", 0, 5, "climb", "A")])
    ingest(engine, landing)
    refine_maneuvers(engine, DAY, attested(MANEUVERS))
    report = refine_sessions(engine, DAY, attested(GOLD_SESSIONS))
    assert len(report.deferred) == 1
    assert [row["session_id"] for row in rows(engine, GOLD_SESSIONS)] == report.session_ids
    refine(engine)
    assert _labels(engine)[:6] == ["climb"] * 5 + [None]
    assert len(rows(engine, GOLD_SESSIONS)) == 2
    assert len(rows(engine, MANEUVERS)) == 1


def test_changed_rules_refine_every_session_again(gold: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.flight import cleaning

    before = {row["source_digest"] for row in rows(gold, GOLD_SESSIONS)}
    monkeypatch.setattr(cleaning, "RULES_VERSION", 99)
    assert len(refine(gold)["sessions"].session_ids) == 2
    after = [row["source_digest"] for row in rows(gold, GOLD_SESSIONS)]
    assert len(after) == len(before) == 2
    assert not before & set(after)
    assert gold.table(FLIGHT_SAMPLES.name).count() == 2 * SECONDS


def test_gold_does_not_depend_on_the_order_of_arrival(gold: Engine, new_engine: NewEngine, tmp_path: Path) -> None:
    other, there = new_engine(tmp_path / "other" / "warehouse"), LandingZone(tmp_path / "other" / "landing")
    for put in (
        lambda: there.annotations("labels.csv", [("a.csv", 0, 5, "climb", "A")]),
        lambda: there.session("b.csv", 2),
        lambda: there.session("a.csv", 1),
    ):
        put()
        ingest(other, there)
        refine(other)
    for contract in (*GOLD, ANNOTATIONS, SAMPLES):
        assert stable_rows(other, contract) == stable_rows(gold, contract), contract.name


def test_metadata_of_another_table_is_refused_before_any_work(silver: Engine) -> None:
    with pytest.raises(ValueError, match=r"attests main/gold/maneuvers, not main/gold/flight_samples"):
        refine_flight_samples(silver, DAY, attested(MANEUVERS))
    assert not silver.exists(FLIGHT_SAMPLES.name)


def test_real_approaches_are_found(engine: Engine, landing: LandingZone) -> None:
    from pipelines.flight.approaches import find_approaches
    from pipelines_tests.real_data import real_data_folder

    folder = real_data_folder()
    if folder is None:
        pytest.skip("no real flight logs on this machine (FLIGHT_DATA)")
    landing.session("real.csv", (folder / "garmin" / "log_110812_095915_KCKN.csv").read_bytes())
    ingest(engine, landing)
    refine(engine)
    seconds = engine.table(FLIGHT_SAMPLES.name).orderBy("second").toPandas()
    expected = find_approaches(seconds, "c172s")
    stored = rows(engine, APPROACHES)
    assert len(stored) == len(expected) >= 5
    for row, approach in zip(stored, expected, strict=True):
        for name in ("approach", "start_second", "gate_second", "end_second", "outcome", "is_stable", "speed_stable"):
            assert row[name] == getattr(approach, name), name
        assert row["failed_criteria"] == approach.failed_criteria
