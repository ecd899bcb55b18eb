"""Corrections: what is taken, what is stored beside it, and what of it becomes a label without naming the customer."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pipelines.customers.correcting import correct
from pipelines.customers.correction_rows import Recorded, Unmatched, record_corrections
from pipelines.customers.corrections import Correction, InvalidCorrectionError, read_corrections
from pipelines.customers.label_sharing import annotations_of, share_labels
from pipelines.customers.requests import is_corrections
from pipelines.customers.status import Status
from pipelines.engines.engine import Engine
from pipelines.flight.formats.annotations import read_annotations
from pipelines.landing.opening import uploads_at
from pipelines.settings import Settings
from pipelines.tables.contracts import ANNOTATION_FILES, ANNOTATIONS, FLIGHT_SAMPLES, SESSION_FILES, SILVER_SESSIONS
from pipelines.tables.contracts.customers import (
    corrections_contract,
)
from pipelines_tests.customers.conftest import CustomerFolder
from pipelines_tests.customers.review_rows import SCHEMA
from pipelines_tests.tables.landing_zone import DAY, LandingZone, ingest, refine, rows, session_bytes

JSON = {
    "session": "lesson 7.csv",
    "instructor": "A. Rossi of Acme",
    "corrections": [
        {"kind": "maneuver", "from": "1:00", "to": "0:01:19", "label": "Steep Turn", "comment": "45 degrees, Acme"},
        {"kind": "upset", "from": 100, "to": "104", "label": None},
    ],
}
FIRST = Correction("lesson 7.csv", "maneuver", 60, 79, "steep_turn", "A. Rossi of Acme", "45 degrees, Acme")
SECOND = Correction("lesson 7.csv", "upset", 100, 104, None, "A. Rossi of Acme", None)


def test_json_and_csv_say_the_same():
    text = (
        "session,kind,from,to,label,instructor,comment\n"
        'lesson 7.csv,maneuver,1:00,1:19,steep_turn,A. Rossi of Acme,"45 degrees, Acme"\n\n'
        "lesson 7.csv,upset,100,104,,A. Rossi of Acme,\n"
    )
    assert read_corrections("a.corrections.json", json.dumps(JSON).encode()) == [FIRST, SECOND]
    assert read_corrections("a.corrections.csv", b"\xef\xbb\xbf" + text.encode()) == [FIRST, SECOND]
    assert [is_corrections(name) for name in ("a.corrections.csv", "a.csv", "b/a.corrections.csv")] == [
        True,
        False,
        False,
    ]


def _one(**changes: Any) -> bytes:
    row = {"session": "s.csv", "kind": "maneuver", "from": "1:00", "to": "1:05", "label": "climb"}
    return json.dumps({"corrections": [row | changes]}).encode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "no JSON"),
        (b"[]", "no object"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"corrections": []}', "holds 0 corrections"),
        (b'{"corrections": [7]}', "Correction 1 is no object"),
        (b'{"corrections": [], "customer": "birch"}', "'customer' is unknown"),
        (_one(session=""), "names no session"),
        (_one(session="a\nb"), "no text of one line"),
        (_one(kind="landing"), "write one of maneuver, upset, approach"),
        (_one(label="looping"), "write one of ground, takeoff"),
        (_one(**{"from": "1:5"}), "such as 12:30"),
        (_one(**{"from": True}), "such as 12:30"),
        (_one(to="0:59"), "ends before it begins"),
        (_one(customer="birch"), "'customer' is unknown"),
        (b" " * (1024 * 1024 + 1), "at most 1,048,576"),
        (json.dumps({"corrections": [{}] * 1001}).encode(), "holds 1,001"),
    ],
)
def test_a_file_that_cannot_be_taken_says_where_and_what_to_write(content: bytes, said: str):
    with pytest.raises(InvalidCorrectionError, match=said):
        read_corrections("a.corrections.json", content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no column `session`"),
        (b"session,kind,from\n", "no column `to`"),
        (b"session,kind,from,to\na,maneuver,1,2,3\n", "Line 2 has 5 fields"),
        (b'session,kind,from,to\n"a"b,maneuver,1,2\n', "Line 2 is no CSV"),
    ],
)
def test_a_table_that_cannot_be_taken_names_its_line(content: bytes, said: str):
    with pytest.raises(InvalidCorrectionError, match=said):
        read_corrections("a.corrections.csv", content)


@pytest.fixture
def landing(tmp_path: Path) -> LandingZone:
    return LandingZone(tmp_path / "landing")


def test_a_correction_is_stored_with_the_findings_that_were_shown(analysed: Engine):
    first, second = (
        Recorded("lesson 7.csv", "0123456789abcdef", model, 3) for model in ("maneuver_classifier", "upset_detector")
    )
    assert record_corrections(analysed, "acme", [FIRST, SECOND], shared=True) == [first, second]
    assert record_corrections(analysed, "acme", [FIRST], shared=True) == [first], "said twice, stored once"
    stored = {row["kind"]: row for row in analysed.table(corrections_contract(SCHEMA).name).toArrow().to_pylist()}
    assert len(stored) == 2
    maneuver, upset = stored["maneuver_segments"], stored["upset_events"]
    assert (maneuver["model"], maneuver["model_version"], maneuver["label"]) == ("maneuver_classifier", 3, "steep_turn")
    assert (maneuver["start_second"], maneuver["end_second"], maneuver["shared"]) == (60, 79, True)
    assert [(each["finding"], each["label"]) for each in json.loads(maneuver["predicted"])] == [
        (1, "turn"),
        (2, "climb"),
    ]
    assert (upset["label"], json.loads(upset["predicted"])) == (None, [])


@pytest.mark.parametrize(
    ("correction", "said"),
    [
        (Correction("other.csv", "maneuver", 1, 2, "climb", None, None), "'other.csv' is not known"),
        (Correction("lesson 7.csv", "maneuver", 1, 401, "climb", None, None), "has 401 seconds"),
        (Correction("lesson 7.csv", "approach", 1, 2, "stable", None, None), "was not analysed by approach_stability"),
    ],
)
def test_what_matches_no_analysed_session_is_told_and_the_rest_is_stored(
    analysed: Engine, correction: Correction, said: str
):
    found = record_corrections(analysed, "acme", [correction, FIRST], shared=False)
    assert isinstance(found[0], Unmatched)
    assert said in found[0].reason
    assert isinstance(found[1], Recorded)
    assert _stored(analysed, "session_id", "start_second") == [("0123456789abcdef", 60)]


def test_what_is_said_again_by_a_customer_who_shares_by_now_becomes_shared(analysed: Engine):
    record_corrections(analysed, "acme", [FIRST, SECOND], shared=False)
    before = _stored(analysed, "correction_id", "recorded_at")
    record_corrections(analysed, "acme", [FIRST], shared=True)
    assert _stored(analysed, "kind", "shared") == [("maneuver_segments", True), ("upset_events", False)]
    record_corrections(analysed, "acme", [FIRST], shared=False)
    assert _stored(analysed, "kind", "shared") == [("maneuver_segments", True), ("upset_events", False)]
    assert _stored(analysed, "correction_id", "recorded_at") == before


def _stored(engine: Engine, *columns: str) -> list[tuple[Any, ...]]:
    found = engine.table(corrections_contract(SCHEMA).name).select(*columns).toArrow().to_pylist()
    return sorted(tuple(row.values()) for row in found)


def _written(acme: CustomerFolder, name: str, content: bytes) -> str:
    (acme.root / "inbox" / name).write_bytes(content)
    return name


@pytest.mark.parametrize("shares", [True, False])
def test_files_are_answered_and_only_of_who_shares_something_is_told(
    analysed: Engine, settings: Settings, acme: CustomerFolder, shares: bool
):
    unknown = {"kind": "upset", "from": 1, "to": 2, "label": "stall", "session": "nowhere.csv"}
    mixed = _written(
        acme, "a.corrections.json", json.dumps(JSON | {"corrections": [*JSON["corrections"], unknown]}).encode()
    )  # type: ignore[misc]
    lost = _written(acme, "b.corrections.csv", b"session,kind,from,to,label\nnowhere.csv,maneuver,1,2,climb\n")
    broken = _written(acme, "c.corrections.csv", b"session,kind\n")
    found = correct(analysed, settings, "acme", [mixed, lost, broken, "gone.corrections.csv"], shares, "batch-1")

    told = acme.status(mixed)
    assert (told.state, told.batch, told.tables) == ("done", "batch-1", {"corrections": f"{SCHEMA}.corrections"})
    assert [(one.session, one.model, one.version, one.corrections) for one in told.recorded] == [
        ("lesson 7.csv", "maneuver_classifier", 3, 1),
        ("lesson 7.csv", "upset_detector", 3, 1),
    ]
    assert [(one.correction, one.session) for one in told.unmatched] == [(3, "nowhere.csv")]
    assert "is not known" in told.unmatched[0].reason
    nothing = Status.model_validate_json((acme.root / "inbox" / "b.corrections.csv.status.json").read_bytes())
    assert (nothing.state, nothing.recorded) == ("failed", ())
    assert str(nothing.why).startswith("No correction could be stored. Session 'nowhere.csv' is not known")
    malformed = Status.model_validate_json((acme.root / "inbox" / "c.corrections.csv.status.json").read_bytes())
    assert (malformed.state, "no column `from`" in str(malformed.why)) == ("failed", True)
    assert (found.recorded, found.unmatched) == (2, 2)

    again = correct(analysed, settings, "acme", [mixed, lost, broken], shares, "batch-2")
    assert acme.status(mixed) == told, "one final answer"
    assert len(_stored(analysed, "correction_id")) == 2
    assert again.shared == found.shared, "a run that died after its answers still tells what is shared"
    assert [one["file_name"] for one in found.shared] == (["lesson 7.csv"] if shares else [])
    assert "Rossi" not in str(found.shared)
    assert "45 degrees" not in str(found.shared)


def _row(number: int, start: int, end: int, label: str | None, **changes: Any) -> dict[str, Any]:
    row = {
        "correction_id": f"{number}", "session_id": "feed", "kind": "maneuver_segments", "start_second": start,
        "end_second": end, "label": label, "instructor": "A. Rossi of Acme", "comment": "Acme's best", "shared": True,
        "recorded_at": datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=number),
    }  # fmt: skip
    return row | changes


def test_annotations_hold_the_last_word_on_each_second_and_no_text_of_the_customers():
    content = annotations_of(
        "feed.csv",
        [
            _row(2, 5, 7, "turn"),
            _row(1, 0, 9, "climb"),
            _row(3, 9, 9, None),
            _row(4, 4, 5, "stall", kind="upset_events"),
            _row(5, 1, 2, "unstable", kind="approach_judgements"),
        ],
    )
    assert content is not None
    found = read_annotations("a.csv", content).select("start_s", "end_s", "maneuver", "instructor").rows()
    assert found == [
        (0.0, 5.0, "climb", "customer"), (5.0, 8.0, "turn", "customer"), (8.0, 9.0, "climb", "customer"),
        (4.0, 6.0, "upset", "customer"),
    ]  # fmt: skip
    assert b"cme" not in content
    back = annotations_of("feed.csv", [_row(1, 0, 9, "climb"), _row(2, 0, 9, "turn"), _row(3, 0, 9, "climb")])
    assert back != annotations_of("feed.csv", [_row(1, 0, 9, "climb")]), "bytes of their own, or the ledger drops them"
    assert annotations_of("feed.csv", [_row(1, 1, 2, "stable", kind="approach_judgements")]) is None


def test_shared_corrections_reach_gold_as_labels_and_name_no_customer(engine: Engine, landing: LandingZone):
    content = session_bytes(7)
    session_id = sha256(content).hexdigest()[:16]
    zone = landing.folder
    sessions, annotations = uploads_at(zone / "sessions"), uploads_at(zone / "annotations")
    said = [_row(1, 10, 19, "steep_turn", session_id=session_id), _row(2, 30, 39, "climb", shared=False)]
    added = share_labels(session_id, "Acme lesson.acme.CSV", content, said, sessions, annotations, DAY)
    assert added[0] == f"{DAY}/{session_id}.csv"
    assert len(added) == 2
    assert share_labels(session_id, "Acme lesson.acme.CSV", content, said, sessions, annotations, DAY) == []

    ingest(engine, landing)
    refine(engine)
    labels = {row["second"]: row["maneuver"] for row in rows(engine, FLIGHT_SAMPLES, f"session_id = '{session_id}'")}
    assert {second for second, label in labels.items() if label == "steep_turn"} == set(range(10, 20))
    assert set(labels.values()) == {"steep_turn", None}
    for contract in (SESSION_FILES, ANNOTATION_FILES, SILVER_SESSIONS, ANNOTATIONS):
        assert "acme" not in str(rows(engine, contract)).lower()
    assert not [path for path in zone.rglob("*") if "acme" in path.name.lower()]


def test_nothing_is_shared_that_is_not_marked_as_shared(landing: LandingZone):
    sessions, annotations = uploads_at(landing.folder / "sessions"), uploads_at(landing.folder / "annotations")
    said = [_row(1, 10, 19, "climb", shared=False)]
    assert share_labels("feed", "a.csv", b"bytes", said, sessions, annotations, DAY) == []
    assert list(sessions.files()) == []
