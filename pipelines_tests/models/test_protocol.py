"""Every model folder's code offers what the training calls."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

import pipelines.models
from pipelines.models import protocol
from pipelines.models.manifest import load_manifests
from pipelines.models.protocol import ModelCodeError, load_model_code

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", sorted(load_manifests()))
def test_model_code_offers_the_protocol(name: str) -> None:
    code = load_model_code(name)
    assert len(set(code.FEATURES)) == len(code.FEATURES) > 0
    grouped = [feature for names in code.FEATURE_GROUPS.values() for feature in names]
    assert sorted(grouped) == sorted(code.FEATURES)
    assert code.LABEL not in code.FEATURES


@pytest.mark.parametrize("name", sorted(load_manifests()))
def test_the_page_of_models_has_a_section_with_the_number_of_features(name: str) -> None:
    page = (PROJECT / "docs" / "models.md").read_text(encoding="utf-8")
    section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    assert f"{len(load_model_code(name).FEATURES)} features" in " ".join(section.split())


def test_code_that_lacks_a_part_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    half = types.ModuleType("pipelines.models.half.model")
    half.__file__ = "half/model.py"
    half.FEATURES = ("x",)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pipelines.models.half", types.ModuleType("pipelines.models.half"))
    monkeypatch.setitem(sys.modules, half.__name__, half)
    with pytest.raises(ModelCodeError, match=r"half/model\.py: lacks LABEL.*predict\(\)"):
        load_model_code("half")


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("import no_such_package\n", 1, "ModuleNotFoundError: No module named 'no_such_package'"),
        ("\nFEATURES = ('x'\n", 2, "SyntaxError: '(' was never closed"),
        ("from pipelines.models.broken.part import THIRD\n", 2, "ZeroDivisionError: division by zero"),
    ],
)
def test_code_that_does_not_import_is_told_with_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, line: int, why: str
) -> None:
    folder = tmp_path / "pipelines" / "models" / "broken"
    folder.mkdir(parents=True)
    (folder / "model.py").write_text(text)
    (folder / "part.py").write_text("# a third of nothing\nTHIRD = 1 / 0\n")
    monkeypatch.setattr(protocol, "_PACKAGE", tmp_path / "pipelines")
    monkeypatch.setattr(pipelines.models, "__path__", [*pipelines.models.__path__, str(folder.parent)])
    file = "part.py" if "part" in text else "model.py"
    try:
        with pytest.raises(ModelCodeError) as caught:
            load_model_code("broken")
    finally:
        for name in [name for name in sys.modules if name.startswith("pipelines.models.broken")]:
            del sys.modules[name]
    message = str(caught.value)
    assert message.startswith(f"pipelines/models/broken/{file}, line {line}: the code of broken cannot be imported")
    assert why in message
