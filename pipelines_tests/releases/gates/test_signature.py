"""What callers of the champion need of the next version."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.releases.gates import signature
from pipelines_tests.releases.gates.made import manifest, version

X = {"type": "double", "name": "x", "required": True}
Y = {"type": "double", "name": "y", "required": True}
TWO = {"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 2]}}
SAME = {"inputs": [X, Y], "outputs": [TWO]}


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ({"inputs": [X, Y, {**X, "name": "z"}]}, "input z is new and required"),
        ({"inputs": [X, {**Y, "type": "string"}]}, "input y is string, it was double"),
        ({"outputs": [{**TWO, "tensor-spec": {"dtype": "float64", "shape": [-1, 3]}}]}, "with shape (-1, 3), it was"),
        ({"outputs": [{"type": "double", "name": "p"}]}, "output (unnamed) is gone"),
    ],
)
def test_needing_more_or_answering_less_fails(after: dict[str, Any], words: str) -> None:
    result = signature.judge(manifest(), version(signature={**SAME, **after}), version(signature=SAME, number=1))
    assert not result.passed
    assert words in result.sentence


@pytest.mark.parametrize(
    "after",
    [
        {"inputs": [X]},
        {"inputs": [Y, X]},
        {"inputs": [X, {**Y, "required": False}]},
        {"inputs": [X, Y, {**X, "name": "z", "required": False}]},
        {"outputs": [TWO, {"type": "double", "name": "p"}]},
    ],
)
def test_needing_less_and_answering_more_is_compatible(after: dict[str, Any]) -> None:
    assert signature.judge(manifest(), version(signature={**SAME, **after}), version(signature=SAME, number=1)).passed


def test_an_input_that_becomes_required_fails() -> None:
    before = {**SAME, "inputs": [X, {**Y, "required": False}]}
    result = signature.judge(manifest(), version(signature=SAME), version(signature=before, number=1))
    assert "input y is required, it was optional" in result.sentence


def test_a_model_may_say_that_its_release_alone_calls_it() -> None:
    after = {"inputs": [X, Y, {**X, "name": "z"}], "outputs": [TWO]}
    own = manifest(inputs="with_code")
    assert signature.judge(own, version(signature=after), version(signature=SAME, number=1)).passed
    lost = {"inputs": [X], "outputs": [{"type": "double", "name": "p"}]}
    assert not signature.judge(own, version(signature=lost), version(signature=SAME, number=1)).passed


def test_a_version_without_a_signature_fails_even_alone() -> None:
    assert not signature.judge(manifest(), version(signature={"inputs": [X]}), None).passed
    assert signature.judge(manifest(), version(signature=SAME), None).passed
