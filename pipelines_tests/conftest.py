"""Fixtures of every test: the Spark engine of `--engine`, each time over a warehouse of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from pipelines.engines import open_engine
from pipelines.engines.engine import Engine
from pipelines.settings import EngineName

NewEngine = Callable[[Path], Engine]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engine",
        choices=("sail", "apache_spark"),
        default="sail",
        help="Spark engine that table and model tests run on (default: sail, the embedded one)",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On Apache Spark, leave out what no engine has a part in: it was tested already, and runs the same there."""
    if config.getoption("--engine") == "sail":
        return
    chosen = [item for item in items if "engine_name" in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    for item in chosen:
        if (embedded := item.get_closest_marker("embedded_engine")) is not None:
            item.add_marker(pytest.mark.skip(reason=embedded.args[0]))
    items[:] = chosen


@pytest.fixture(scope="session")
def engine_name(pytestconfig: pytest.Config) -> EngineName:
    """The engine that this test run is for."""
    return cast(EngineName, pytestconfig.getoption("--engine"))


@pytest.fixture(scope="session")
def new_engine(engine_name: EngineName) -> Iterator[NewEngine]:
    """Opens an engine over the warehouse it is given; several may be open side by side. All end with the run.

    Each has a catalog of its own, so tables never leak from test to test. That is cheap: 0.05 s for a Sail server
    once its imports are done, 0.02 s for a session in Apache Spark's JVM, of which a run has one.
    """
    opened: list[Engine] = []

    def open_one(warehouse: Path) -> Engine:
        opened.append(open_engine(engine_name, warehouse))
        return opened[-1]

    yield open_one
    for engine in opened:
        engine.stop()


@pytest.fixture
def engine(new_engine: NewEngine, tmp_path: Path) -> Iterator[Engine]:
    """An engine over an empty warehouse, for one test."""
    opened = new_engine(tmp_path / "warehouse")
    yield opened
    opened.stop()


@pytest.fixture(scope="module")
def module_engine(new_engine: NewEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine over a warehouse that the tests of one module share, for tests that fill it once and then read."""
    opened = new_engine(tmp_path_factory.mktemp("module") / "warehouse")
    yield opened
    opened.stop()
