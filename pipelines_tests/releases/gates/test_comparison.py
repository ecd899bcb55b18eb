"""The gates that compare with the champion: overall and by slice."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.releases.gates import champion as champion_gate
from pipelines.releases.gates import slices, thresholds
from pipelines.releases.gates.pairs import Comparison, compare, shared_sessions, too_much_worse
from pipelines_tests.releases.gates.made import manifest, scoring, session, version


def test_thresholds_say_which_number_failed_and_by_how_much() -> None:
    good = thresholds.judge(manifest(), version())
    assert good.passed
    assert good.sentence == "all bounds hold: known_upset_recall 0.97, known_false_alarms_per_hour 0.4."
    bad = thresholds.judge(
        manifest(), version(metrics={"known_upset_recall": 0.9, "known_false_alarms_per_hour": 1.25})
    )
    assert not bad.passed
    assert bad.sentence == (
        "known_upset_recall is 0.9, 0.05 below the minimum 0.95; "
        "known_false_alarms_per_hour is 1.25, 0.25 above the maximum 1."
    )
    unmeasured = thresholds.judge(manifest(), version(metrics={"known_upset_recall": float("nan")}))
    assert unmeasured.sentence.count("was not measured or is not a number") == 2


def test_the_same_predictions_are_no_worse_without_any_doubt() -> None:
    rows = [session(number, found=7 + number % 3) for number in range(8)]
    result = champion_gate.judge(manifest(margin=0.0), scoring(), version(rows), version(rows, number=1))
    assert (result.passed, result.judged) == (True, True)
    assert result.numbers["gain"] == result.numbers["lowest_gain"] == result.numbers["highest_gain"] == 0.0


def test_a_loss_beyond_the_margin_fails_and_is_told_in_numbers() -> None:
    before = [session(number, found=9) for number in range(8)]
    after = [session(number, found=8) for number in range(8)]
    result = champion_gate.judge(manifest(), scoring(), version(after), version(before, number=1))
    assert not result.passed
    assert result.sentence == (
        "known_upset_recall is 0.8, version 1's is 0.9 on the same 8 sessions (95% interval of the gain: -0.1 to "
        "-0.1): it is worse by 0.1, 0.05 more than the margin 0.05 admits."
    )
    assert champion_gate.judge(manifest(margin=0.1), scoring(), version(after), version(before, number=1)).passed


def test_less_is_better_where_the_threshold_is_a_maximum() -> None:
    less = manifest().model_copy(update={"primary_metric": "known_false_alarms_per_hour"})
    before = [session(number, 9) for number in range(6)]
    after = [{**row, "counts": {**row["counts"], "false_alarms": 1}} for row in before]
    worse = champion_gate.judge(less, scoring(), version(after), version(before, number=1))
    assert not worse.passed
    assert worse.numbers["gain"] == -1.0
    assert champion_gate.judge(less, scoring(), version(before), version(after, number=1)).passed


@pytest.mark.parametrize(
    ("gain", "lowest", "highest", "fails"),
    [
        (0.01, -0.2, 0.2, False),  # better, if uncertain
        (-0.04, -0.2, 0.1, False),  # within the margin, may be chance
        (-0.04, -0.049, -0.03, False),  # certain, and small for certain
        (-0.04, -0.06, -0.01, True),  # certain, and perhaps too large
        (-0.06, -0.2, 0.1, True),  # too large as measured
    ],
)
def test_what_counts_as_too_much_worse(gain: float, lowest: float, highest: float, fails: bool) -> None:
    comparison = Comparison(0.9, 0.9 - gain, gain, lowest, highest, 10)
    assert (too_much_worse(comparison, 0.05) is not None) == fails


def test_only_sessions_with_the_same_data_and_labels_count_for_both() -> None:
    before = [session(1, 9), session(2, 9), session(3, 9), {**session(4, 9), "part": "unseen"}]
    after = [session(1, 1), session(2, 1, digest="relabelled"), session(5, 1), {**session(4, 1), "part": "unseen"}]
    assert [pair.facts["session_id"] for pair in shared_sessions(after, before, "known")] == ["s001"]
    result = champion_gate.judge(manifest(), scoring(), version(after), version(before, number=1))
    assert (result.passed, result.judged) == (True, False)
    assert result.sentence == "1 sessions were judged by both, too few to compare (3 are asked for)."


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(5)
    covered = 0
    for _ in range(60):
        hard = random.normal(0.8, 0.1, 25).clip(0.3, 0.95)  # some sessions are hard for both
        before = [session(n, int(random.binomial(40, p)), 40) for n, p in enumerate(hard)]
        after = [session(n, int(random.binomial(40, p - 0.1)), 40) for n, p in enumerate(hard)]
        pairs = shared_sessions(after, before, "known")
        found = compare(scoring(), pairs, "upset_recall", more_is_better=True, confidence=0.9)
        assert found is not None
        assert found == compare(scoring(), pairs, "upset_recall", more_is_better=True, confidence=0.9)
        covered += found.lowest <= -0.1 <= found.highest
    assert 45 <= covered <= 60  # 54 expected


def test_resamples_without_the_event_are_left_out() -> None:
    rows = [session(1, 3, 4), *(session(number, 0, 0) for number in range(2, 6))]
    pairs = shared_sessions(rows, rows, "known")
    found = compare(scoring(), pairs, "upset_recall", more_is_better=True, confidence=0.95)
    assert found is not None
    assert (found.candidate, found.lowest, found.highest) == (0.75, 0.0, 0.0)
    assert compare(scoring(), pairs[1:], "upset_recall", more_is_better=True, confidence=0.95) is None


def test_without_anything_to_compare_the_thresholds_decide_and_it_is_said() -> None:
    rows = [session(number, 9) for number in range(6)]
    old = [{**row, "counts": {"hits": 3}} for row in rows]
    cases = [
        (champion_gate.judge(manifest(), scoring(), version(rows), None), "no champion yet"),
        (champion_gate.judge(manifest(), None, version(rows), version(rows)), "has no session_scores.py"),
        (champion_gate.judge(manifest(), scoring(), version(rows), version([], 1)), "the champion, version 1, was"),
        (champion_gate.judge(manifest(), scoring(), version(rows), version(old, 1)), "session_scores.py has changed"),
        (slices.judge(manifest(), scoring(), version(rows), None), "no champion yet"),
        (slices.judge(manifest(), scoring(), version(rows), version(old, 1)), "session_scores.py has changed"),
    ]
    for result, words in cases:
        assert (result.passed, result.judged) == (True, False)
        assert words in result.sentence


def sliced(found_by_type: dict[str | None, list[int]], number: int) -> object:
    rows = []
    for aircraft_type, found in found_by_type.items():
        rows += [session(len(rows) + n, one, aircraft_type=aircraft_type) for n, one in enumerate(found)]
    return version(rows, number)


def test_a_slice_that_pays_for_the_others_stops_it() -> None:
    before = sliced({"c172p": [8] * 6, "c182": [9] * 5, None: [9] * 2}, 1)
    after = sliced({"c172p": [10] * 6, "c182": [7] * 5, None: [0] * 2}, 2)
    rules = manifest(slices={"by": ["aircraft_type"]}, margin=1.0)
    assert champion_gate.judge(rules, scoring(), after, before).passed  # type: ignore[arg-type]
    result = slices.judge(rules, scoring(), after, before)  # type: ignore[arg-type]
    assert not result.passed
    assert result.sentence == (
        "aircraft_type c182: known_upset_recall is 0.7, version 1's 0.9 on 5 sessions: it is worse by 0.2, 0.1 more "
        "than the margin 0.1 admits. Too small to judge (sessions): aircraft_type unknown (2)."
    )
    assert result.numbers == pytest.approx({"aircraft_type=c172p": 0.2, "aircraft_type=c182": -0.2})
    wider = manifest(slices={"by": ["aircraft_type"], "margin": 0.25}, margin=1.0)
    held = slices.judge(wider, scoring(), after, before)  # type: ignore[arg-type]
    assert held.passed
    assert held.sentence == (
        "gains by slice: aircraft_type c172p +0.2, aircraft_type c182 -0.2. "
        "Too small to judge (sessions): aircraft_type unknown (2)."
    )


def test_slices_that_are_all_too_small_are_said_to_be() -> None:
    rows = [session(number, 9, aircraft_type="c172p", source_format="garmin") for number in range(3)]
    result = slices.judge(manifest(), scoring(), version(rows), version(rows, 1))
    assert (result.passed, result.judged) == (True, False)
    assert "aircraft_type c172p (3), source_format garmin (3)" in result.sentence
