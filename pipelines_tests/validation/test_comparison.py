"""A model of a branch beside main's, on sessions whose metrics can be worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from pydantic import TypeAdapter

from pipelines.models.session_scoring import SessionScoring
from pipelines.validation.comparison import Validation, beside_main
from pipelines.validation.main_model import MainModel
from pipelines.validation.report import as_markdown, cells, remarks, title
from pipelines_tests.releases.gates.made import manifest, scoring, session, version

GOLD = {"main.gold.sessions": 4, "main.gold.flight_samples": 7}
RULE = {"known_upset_recall": 0.5, "known_false_alarms_per_hour": 3.0}
RECALL, ALARMS = "known_upset_recall", "known_false_alarms_per_hour"


def judged(found: int, numbers: Sequence[int] = range(8), alarms: int = 0, digest: str = "d") -> list[dict[str, Any]]:
    rows = [session(number, found, digest=digest) for number in numbers]
    return [{**row, "counts": {**row["counts"], "false_alarms": alarms}} for row in rows]


def validation(
    mine: Sequence[Mapping[str, Any]],
    main: Sequence[Mapping[str, Any]] | None,
    metrics: Mapping[str, float] | None = None,
    of_main: Mapping[str, float] | None = None,
    gold_of_main: Mapping[str, int] = GOLD,
    scores: SessionScoring | None = None,
) -> Validation:
    other = None if main is None else MainModel(version(main, 1, of_main), gold_of_main)
    return beside_main(manifest(), scores or scoring(), version(mine, 2, metrics), RULE, GOLD, other)


def test_each_bounded_metric_stands_beside_mains_the_rules_and_its_bound():
    found = validation(
        judged(10, alarms=1),
        judged(9, alarms=3),
        {RECALL: 1.0, ALARMS: 1.0, "known_event_precision": 0.9},
        {RECALL: 0.9, ALARMS: 3.0},
    )
    assert found.holds
    assert found.sessions == {"known": 8}
    recall, alarms = found.rows
    assert (recall.metric, recall.model, recall.main, recall.rule, recall.bound) == (RECALL, 1.0, 0.9, 0.5, ">= 0.95")
    assert recall.paired is not None
    assert (recall.paired.sessions, recall.gain) == (8, pytest.approx(0.1))
    # Fewer false alarms are better, so the gain is positive where the number falls.
    assert (alarms.model, alarms.main, alarms.bound, alarms.gain) == (1.0, 3.0, "<= 1", 2.0)
    assert found.notes == ()
    assert found.worse_than_main is None
    assert remarks(found) == ("Within bounds: known_upset_recall 1, known_false_alarms_per_hour 1.",)
    assert cells(recall)[-3:] == (">= 0.95, holds", "+0.100", "+0.100 to +0.100 (8 sessions)")
    assert title(found) == "upset_detector: version 2 beside main's version 1, on 8 known held-out sessions"


def test_a_missed_bound_is_told_with_how_much_is_missing():
    found = validation(judged(9, alarms=2), judged(9), {RECALL: 0.9, ALARMS: 2.0})
    assert not found.holds
    assert [row.missed_by for row in found.rows] == [pytest.approx(0.05), 1.0]
    assert cells(found.rows[0])[4] == ">= 0.95, missed by 0.05"
    assert remarks(found)[0] == (
        "Out of bounds: known_upset_recall is 0.9, 0.05 below the minimum 0.95; "
        "known_false_alarms_per_hour is 2, 1 above the maximum 1."
    )


def test_a_metric_that_was_not_measured_does_not_hold():
    found = validation(judged(10), judged(10), {RECALL: float("nan"), ALARMS: 0.1})
    assert not found.holds
    assert (found.rows[0].model, found.rows[0].holds) == (None, False)
    assert cells(found.rows[0])[1] == "not measured"
    assert remarks(found)[0] == "Out of bounds: known_upset_recall was not measured or is not a number."


def test_a_loss_that_a_release_would_not_admit_is_said():
    found = validation(judged(8), judged(9))
    assert found.worse_than_main is not None
    assert remarks(found)[1] == (
        "It is worse by 0.1, 0.05 more than the margin 0.05 admits, so a release with main's model as champion would "
        "be stopped."
    )
    assert validation(judged(9), judged(9)).worse_than_main is None


def test_other_gold_is_said_and_only_sessions_of_both_count():
    mine = [*judged(10, range(6)), *judged(0, range(6, 9)), *judged(0, [20], digest="relabelled")]
    main = [*judged(9, range(6)), *judged(9, [20])]
    found = validation(mine, main, gold_of_main={**GOLD, "main.gold.sessions": 3})
    recall = found.rows[0]
    assert recall.paired is not None
    assert (recall.paired.sessions, recall.paired.candidate, recall.paired.champion) == (6, 1.0, 0.9)
    assert recall.gain == pytest.approx(0.1)
    assert found.notes[0].startswith(
        "main's model was trained on other gold (main.gold.sessions version 3 instead of 4)"
    )
    # The column must not be taken for the difference of the two before it, which other sessions gave.
    assert cells(recall)[-1] == "+0.100 to +0.100 (6 sessions: 1.000, main's 0.900)"


def test_without_a_model_of_main_the_bounds_decide():
    found = validation(judged(10), None)
    assert found.holds
    assert (found.main_version, found.rows[0].main, found.rows[0].gain, found.rows[0].paired) == (
        None,
        None,
        None,
        None,
    )
    assert remarks(found)[-1] == "main has no model of this name yet, so the bounds decide alone."


def test_without_scores_by_session_the_plain_difference_is_left_and_the_reason_said():
    found = validation(judged(10), [], {RECALL: 0.97, ALARMS: 0.4}, {RECALL: 0.95, ALARMS: 0.9})
    assert [row.paired for row in found.rows] == [None, None]
    assert [row.gain for row in found.rows] == [pytest.approx(0.02), pytest.approx(0.5)]
    (note,) = found.notes
    assert note.startswith(f"{RECALL}, {ALARMS}: not compared session by session, because the champion, version 1,")
    assert note.endswith("was logged without scores by session.")


def test_two_sessions_in_common_are_too_few():
    found = validation(judged(10, range(2)), judged(5, range(2)))
    assert found.rows[0].paired is None
    assert "because only 2 sessions were judged by both (part known)." in found.notes[0]
    assert found.worse_than_main is None


def test_a_validation_survives_dagsters_metadata():
    found = validation(judged(9), judged(10), {RECALL: float("nan"), ALARMS: 2.0})
    adapter = TypeAdapter(Validation)
    assert adapter.validate_json(adapter.dump_json(found)) == found


def test_the_markdown_is_one_table_per_model_with_the_same_number_of_cells_in_each_line():
    found = [validation(judged(10), judged(9)), validation(judged(8), None, {RECALL: 0.8, ALARMS: 0.0})]
    text = as_markdown("ana/`stalls`", found)
    lines = text.splitlines()
    assert lines[0] == "## Models of `ana/stalls` beside main's"
    assert sum(line.startswith("### upset_detector") for line in lines) == 2
    table = [line for line in lines if line.startswith("|")]
    assert {line.count("|") for line in table} == {8}
    assert table[1] == table[5] == "| --- | --- | --- | --- | --- | --- | --- |"
    assert "### upset_detector: version 2 beside main has none, on 8 known held-out sessions: does not hold" in lines
