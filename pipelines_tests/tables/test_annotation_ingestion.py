"""Annotation files become silver, each accounted for in the ledger."""

from __future__ import annotations

from pipelines.engines.engine import Engine
from pipelines.tables.contracts import ANNOTATION_FILES, ANNOTATIONS
from pipelines.tables.history import current_version
from pipelines.tables.ingestion import ingest_annotations
from pipelines_tests.tables.landing_zone import DAY, NEXT_DAY, LandingZone, rows

ROWS = [("a.csv", 0, 10.5, "climb", "AB"), ("a.csv", 3, 4, "upset", "AB")]


def test_rows_and_ledger(engine: Engine, landing: LandingZone) -> None:
    landing.annotations("x/labels.csv", ROWS)
    report = ingest_annotations(engine, landing.folder, DAY, "run")
    assert (report.accepted, report.row_count) == (1, 2)
    stored = rows(engine, ANNOTATIONS)
    assert [(row["row_number"], row["start_s"], row["end_s"], row["maneuver"]) for row in stored] == [
        (1, 0.0, 10.5, "climb"),
        (2, 3.0, 4.0, "upset"),
    ]
    assert {(row["session_file"], row["instructor"], row["comment"], row["upload_day"]) for row in stored} == {
        ("a.csv", "AB", None, DAY)
    }
    [entry] = rows(engine, ANNOTATION_FILES)
    assert (entry["status"], entry["annotation_count"]) == ("accepted", 2)
    assert entry["content_digest"] == stored[0]["content_digest"]


def test_bad_file_is_quarantined_with_its_line_and_the_others_go_on(engine: Engine, landing: LandingZone) -> None:
    landing.annotations("bad.csv", [*ROWS, ("a.csv", 20, 30, "looping", "AB")])
    landing.annotations("good.csv", ROWS)
    ingest_annotations(engine, landing.folder, DAY, "run")
    bad, good = rows(engine, ANNOTATION_FILES)
    assert (bad["status"], bad["reason_code"]) == ("quarantined", "bad_annotation")
    assert "Line 4 of bad.csv" in bad["reason"]
    assert bad["remedy"]
    assert good["status"] == "accepted"
    assert engine.table(ANNOTATIONS.name).count() == 2


def test_second_run_and_copies_change_no_annotations(engine: Engine, landing: LandingZone) -> None:
    landing.annotations("labels.csv", ROWS)
    ingest_annotations(engine, landing.folder, DAY, "run")
    versions = [current_version(engine, table.name) for table in (ANNOTATIONS, ANNOTATION_FILES)]
    assert ingest_annotations(engine, landing.folder, DAY, "again").known == 1
    assert [current_version(engine, table.name) for table in (ANNOTATIONS, ANNOTATION_FILES)] == versions
    landing.annotations("copy.csv", ROWS, NEXT_DAY)
    report = ingest_annotations(engine, landing.folder, NEXT_DAY, "run")
    assert report.duplicates == 1
    assert engine.table(ANNOTATIONS.name).count() == 2


def test_file_of_a_header_alone_is_accepted_and_says_nothing(engine: Engine, landing: LandingZone) -> None:
    landing.annotations("empty.csv", [])
    report = ingest_annotations(engine, landing.folder, DAY, "run")
    assert (report.accepted, report.quarantined, report.row_count) == (1, [], 0)
    assert rows(engine, ANNOTATION_FILES)[0]["annotation_count"] == 0


def test_file_too_large_to_be_annotations_is_not_read(engine: Engine, landing: LandingZone) -> None:
    path = landing.annotations("huge.csv", ROWS)
    with path.open("ab") as stream:
        stream.truncate(20 * 1024 * 1024)
    report = ingest_annotations(engine, landing.folder, DAY, "run")
    assert report.quarantine_reasons == {"too_large": 1}
    assert rows(engine, ANNOTATION_FILES)[0]["content_digest"] is None
