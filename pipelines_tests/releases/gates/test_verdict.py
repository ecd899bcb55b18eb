"""From gates to what the whole release may do."""

from __future__ import annotations

from pipelines.releases.gates.result import failed, not_judged, passed
from pipelines.releases.gates.verdict import verdict
from pipelines_tests.releases.gates.made import manifest

GOOD = [passed("size", "it is small."), not_judged("slices", "nothing to compare.")]
BAD = [passed("size", "it is small."), failed("meets_thresholds", "recall is 0.8, 0.15 below the minimum 0.95.")]


def test_a_set_whose_every_gate_is_passed_is_promoted_whole() -> None:
    found = verdict({"a": manifest(), "b": manifest()}, {"a": GOOD, "b": GOOD})
    assert (found.passed, found.promoted, found.kept) == (True, ("a", "b"), ())
    assert found.sentence == "a, b passed every gate."


def test_one_failed_gate_stops_the_set_and_says_what_failed() -> None:
    found = verdict({"a": manifest(), "b": manifest()}, {"a": GOOD, "b": BAD}, {"a": 1, "b": 1})
    assert (found.passed, found.promoted) == (False, ())
    assert found.sentence == "b, meets_thresholds: recall is 0.8, 0.15 below the minimum 0.95."


def test_a_model_that_was_not_judged_stops_the_set() -> None:
    found = verdict({"a": manifest(), "b": manifest()}, {"a": GOOD})
    assert (found.passed, found.sentence) == (False, "b: it was not judged.")
    assert not verdict({"a": manifest()}, {"a": []}).passed


def test_a_manifest_may_keep_the_champion_instead_if_there_is_one() -> None:
    manifests = {"a": manifest(), "b": manifest(on_failure="keep_champion")}
    found = verdict(manifests, {"a": GOOD, "b": BAD}, {"a": 1, "b": 1})
    assert (found.passed, found.promoted, found.kept) == (True, ("a",), ("b",))
    assert found.sentence == "a passed every gate; b failed and keep their champions."
    assert not verdict(manifests, {"a": GOOD, "b": BAD}, {"a": 1}).passed
    alone = verdict({"b": manifests["b"]}, {"b": BAD}, {"b": 1})
    assert (alone.passed, alone.promoted) == (False, ())


def test_a_person_approves_where_the_manifest_asks_for_it() -> None:
    manifests = {"a": manifest(), "b": manifest(approval="person")}
    waiting = verdict(manifests, {"a": GOOD, "b": GOOD})
    assert (waiting.passed, waiting.awaiting) == (False, ("b",))
    assert verdict(manifests, {"a": GOOD, "b": GOOD}, approvals={"b": "Ana"}).passed
    assert not verdict(manifests, {"a": GOOD, "b": BAD}, approvals={"b": "Ana"}).passed
