"""What a version tells about itself: thresholds, importance, the card, the picture."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from pipelines.flight.maneuvers import MANEUVERS
from pipelines.models.maneuver_classifier.scores import evaluate
from pipelines.models.manifest import load_manifests
from pipelines.training.card import Provenance, model_card
from pipelines.training.evaluate import Report, failed_thresholds
from pipelines.training.importance import permutation_importance
from pipelines.training.pictures import COLORS, png_of, session_picture
from pipelines_tests.training.flown_gold import drawn_flight

MANIFEST = load_manifests()["maneuver_classifier"]


def test_a_threshold_fails_when_missed_and_when_not_measured() -> None:
    assert failed_thresholds(MANIFEST, {"known_macro_f1": 0.90, "unseen_macro_f1": 0.8}) == ()
    assert failed_thresholds(MANIFEST, {"known_macro_f1": 0.85}) == (
        "known_macro_f1 is 0.850, asked for is at least 0.9.",
        "unseen_macro_f1 was not measured, asked for is at least 0.8.",
    )


def test_the_card_fits_the_registry_and_names_its_sources() -> None:
    report = Report({"known_macro_f1": 0.5, "blanked_macro_f1": 0.4}, {"known_macro_f1": 0.3}, {}, ("A note.",))
    left_out = tuple(f"session {number}: no roll" for number in range(500))
    provenance = Provenance({"main.gold.sessions": 7}, Counter(train=3), left_out, "c0de", {"dagster_run_id": "r"})
    card = model_card(MANIFEST, report, provenance)
    assert len(card) < 5000
    for words in (
        "`main.gold.sessions`, version 7",
        "| macro_f1 | 0.500 | 0.300 |  |  | 0.400 |",
        "and 490 more",
        "c0de",
    ):
        assert words in card
    assert "known_macro_f1 is 0.500, asked for is at least 0.9." in card


def test_importance_finds_the_group_that_tells() -> None:
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.normal(size=(600, 3)), columns=pd.Index(["a", "b", "c"]))
    table["label"] = np.where(table["a"] + table["b"] > 0, "yes", "no")
    estimator = LogisticRegression().fit(table[["a", "b", "c"]], table["label"])
    rises = permutation_importance(estimator, table, "label", {"both": ("a", "b"), "noise": ("c",)}, ("a", "b", "c"))
    assert list(rises) == ["both", "noise"]
    assert rises["both"] > 0.5
    assert abs(rises["noise"]) < 0.05


def test_scores_count_uncovered_seconds_as_wrong() -> None:
    examples = pd.DataFrame({"session_id": "s", "second": range(10), "maneuver": ["climb"] * 6 + ["turn"] * 3 + [None]})
    rows = [("s", 1, "climb", 0, 5), ("s", 2, "turn", 6, 7)]
    segments = pd.DataFrame(rows, columns=pd.Index(["session_id", "segment", "maneuver", "start_second", "end_second"]))
    metrics = evaluate(examples, segments, {}).metrics
    assert metrics["labelled_seconds"] == 9
    assert metrics["accuracy"] == pytest.approx(8 / 9)
    assert metrics["f1_climb"] == 1.0
    assert metrics["f1_turn"] == pytest.approx(0.8)
    assert metrics["macro_f1"] == pytest.approx(0.9)
    assert "f1_stall" not in metrics


def test_the_picture_draws_each_maneuver_in_its_colour() -> None:
    assert set(COLORS) == set(MANEUVERS)
    flight = drawn_flight(1)
    segments = pd.DataFrame(
        {"maneuver": ["ground", "climb"], "start_second": [0, 60], "end_second": [59, len(flight) - 1]}
    )
    approaches = pd.DataFrame({"start_second": [200], "end_second": [260], "is_stable": [None]})
    figure = session_picture(flight, segments, approaches, title="drawn")
    drawn = {line.get_color() for line in figure.axes[0].get_lines()}
    assert {COLORS["ground"], COLORS["climb"]} <= drawn
    assert png_of(figure).startswith(b"\x89PNG")


def test_the_picture_says_what_is_not_recorded() -> None:
    flight = drawn_flight(1).assign(indicated_airspeed_kt=np.nan, ground_speed_kt=np.nan)
    nothing = pd.DataFrame({"maneuver": [], "start_second": [], "end_second": []})
    figure = session_picture(flight, nothing)
    assert [text.get_text() for text in figure.axes[1].texts] == ["not recorded"]
