"""Which instructor's row counts for which second."""

from __future__ import annotations

from datetime import date

from pipelines.tables.labels import AnnotationRow, Label, labels_of, paint, segments_of


def _row(
    start: float, end: float, maneuver: str, by: str = "A", day: int = 1, written: int = 0, path: str = "a", n: int = 1
):
    return AnnotationRow(date(2026, 1, day), written, path, n, f"digest-{path}", "s.csv", start, end, maneuver, by, "")


def _maneuvers(rows: list[AnnotationRow]) -> list[tuple[float, float, str]]:
    return [(label.start_s, label.end_s, label.maneuver) for label in labels_of(rows)]


def test_newest_file_of_an_instructor_replaces_the_earlier_ones() -> None:
    old = [_row(0, 10, "climb"), _row(10, 20, "turn", n=2)]
    assert _maneuvers([*old, _row(0, 5, "cruise", day=2, path="b")]) == [(0, 5, "cruise")]
    assert _maneuvers([_row(0, 5, "cruise", written=9, path="0"), *old]) == [(0, 5, "cruise")]


def test_instructors_complete_each_other_and_the_newest_file_wins() -> None:
    rows = [_row(0, 10, "climb", by="A", day=2), _row(5, 15, "turn", by="B", day=1)]
    labels = labels_of(rows)
    painted = [labels[index].maneuver if index >= 0 else None for index in paint(labels, 16, upsets=False)]
    assert painted == ["climb"] * 10 + ["turn"] * 5 + [None]


def test_seconds_from_start_up_to_but_not_including_end() -> None:
    labels = (Label(1.5, 3.0, "climb", "A", ""), Label(3.0, 4.2, "turn", "A", ""))
    assert paint(labels, 7, upsets=False).tolist() == [-1, -1, 0, 1, 1, -1, -1]


def test_interval_between_two_seconds_or_after_the_end_labels_nothing() -> None:
    labels = (Label(1.2, 1.8, "stall", "A", ""), Label(90, 99, "turn", "A", ""))
    assert paint(labels, 5, upsets=False).tolist() == [-1] * 5
    assert segments_of(labels, 5) == []


def test_segments_end_with_the_session_and_upsets_overlay() -> None:
    labels = (
        Label(2, 50, "stall", "A", ""),
        Label(0, 2, "climb", "A", ""),
        Label(3, 4, "upset", "A", ""),
        Label(2, 3, "upset", "A", ""),
    )
    found = [(each.label.maneuver, each.start_second, each.end_second) for each in segments_of(labels, 6)]
    assert found == [("climb", 0, 1), ("stall", 2, 5), ("upset", 2, 2), ("upset", 3, 3)]


def test_a_label_split_by_a_newer_one_is_two_segments() -> None:
    labels = labels_of([_row(0, 10, "climb", by="A", day=1), _row(4, 6, "turn", by="B", day=2)])
    found = [(each.label.maneuver, each.start_second, each.end_second) for each in segments_of(labels, 12)]
    assert found == [("climb", 0, 3), ("turn", 4, 5), ("climb", 6, 9)]
