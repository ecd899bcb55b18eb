"""The starter notebook, cell by cell in this process, on attested gold of drawn flights."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.engines.engine import Engine
from pipelines.environments import settings_from
from pipelines.training.registry import CHAMPION, connect, point_alias, version_of_alias
from pipelines.training.train import train_model
from pipelines_tests.training.flown_gold import flights_by_part, write_gold

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
STARTER = NOTEBOOKS / "starter.ipynb"
NAME = "maneuver_classifier"


def cells(notebook: Path) -> list[dict[str, Any]]:
    return json.loads(notebook.read_text(encoding="utf-8"))["cells"]


@pytest.mark.parametrize("notebook", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda file: file.name)
def test_a_notebook_in_the_repository_holds_no_outputs(notebook: Path) -> None:
    document = json.loads(notebook.read_text(encoding="utf-8"))
    assert (document["nbformat"], document["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in document["cells"]}) == len(document["cells"])
    for cell in document["cells"]:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
            ast.parse("".join(cell["source"]))  # plain Python: no magics, so that it runs anywhere


@pytest.fixture(scope="module")
def namespace(module_engine: Engine) -> Iterator[dict[str, Any]]:
    """What the names of the notebook hold after its last cell, on gold that main's model was trained on."""
    home = str(module_engine.folders.parent)
    main = settings_from({"PIPELINES_HOME": home})
    write_gold(module_engine, flights_by_part(NAME, train=6, validation=1, known=3, unseen=3))
    point_alias(main, NAME, CHAMPION, train_model(NAME, module_engine, main, {}).version)
    write_gold(module_engine, flights_by_part(NAME, 1000, train=1))
    names: dict[str, Any] = {"main": main, "displayed": []}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIPELINES_HOME", home)
        patch.setenv("PIPELINES_BRANCH", "ana")
        for number, cell in enumerate(cells(STARTER)):
            if cell["cell_type"] == "code":
                run_cell("".join(cell["source"]), f"cell {number}", names)
        yield names


def run_cell(source: str, name: str, names: dict[str, Any]) -> None:
    """Run a cell as a kernel does: the value of a last expression is displayed."""
    tree = ast.parse(source, name)
    last = tree.body[-1]
    if not isinstance(last, ast.Expr):
        exec(compile(tree, name, "exec"), names)
        return
    exec(compile(ast.Module(tree.body[:-1], []), name, "exec"), names)
    value = eval(compile(ast.Expression(last.value), name, "eval"), names)
    if value is not None:
        names["displayed"].append(value)


@pytest.mark.slow
def test_it_compares_a_changed_model_with_mains_on_the_same_sessions(namespace: dict[str, Any]) -> None:
    found = namespace["found"]
    assert (found.version, found.main_version, found.notes) == (None, 1, ())
    assert namespace["changed"].parameters != namespace["manifest"].parameters
    for row in found.rows:
        assert row.model is not None
        assert row.paired is not None
        assert row.paired.sessions == 3
    assert {row.metric: row.main for row in found.rows} == {
        name: connect(namespace["main"]).get_run(run_of_main(namespace)).data.metrics[name]
        for name in namespace["manifest"].thresholds
    }


@pytest.mark.slow
def test_it_shows_gold_a_session_and_the_table(namespace: dict[str, Any]) -> None:
    shown = namespace["displayed"]
    assert list(shown[1]["session_id"]) == sorted(shown[1]["session_id"])
    assert len(namespace["sessions"]) == 13  # main's gold, not the session that came after
    drawn = {str(line.get_label()) for line in namespace["figure"].axes[0].get_lines()}
    assert drawn >= {"ground", "climb", "approach"}
    assert list(shown[-1]["metric"]) == ["known_macro_f1", "unseen_macro_f1"]


@pytest.mark.slow
def test_it_registers_nothing(namespace: dict[str, Any]) -> None:
    names = [model.name for model in connect(namespace["main"]).search_registered_models()]
    assert names == [f"dev.models.{NAME}"]
    assert version_of_alias(namespace["main"], NAME, CHAMPION) == 1


def run_of_main(namespace: dict[str, Any]) -> str:
    return str(connect(namespace["main"]).get_model_version(f"dev.models.{NAME}", "1").run_id)
