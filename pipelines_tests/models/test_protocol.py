"""Every model folder's code offers what the training calls."""

from __future__ import annotations

import sys
import types

import pytest

from pipelines.models.manifest import load_manifests
from pipelines.models.protocol import ModelCodeError, load_model_code


@pytest.mark.parametrize("name", sorted(load_manifests()))
def test_model_code_offers_the_protocol(name: str) -> None:
    code = load_model_code(name)
    assert len(set(code.FEATURES)) == len(code.FEATURES) > 0
    grouped = [feature for names in code.FEATURE_GROUPS.values() for feature in names]
    assert sorted(grouped) == sorted(code.FEATURES)
    assert code.LABEL not in code.FEATURES


def test_code_that_lacks_a_part_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    half = types.ModuleType("pipelines.models.half.model")
    half.__file__ = "half/model.py"
    half.FEATURES = ("x",)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pipelines.models.half", types.ModuleType("pipelines.models.half"))
    monkeypatch.setitem(sys.modules, half.__name__, half)
    with pytest.raises(ModelCodeError, match=r"half/model\.py: lacks LABEL.*predict\(\)"):
        load_model_code("half")
