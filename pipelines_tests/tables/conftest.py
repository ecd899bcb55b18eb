"""Fixtures of the table tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.engines.engine import Engine
from pipelines_tests.conftest import NewEngine
from pipelines_tests.tables.landing_zone import LandingZone
from pipelines_tests.tables.prepared import PreparedTables, two_in_gold, two_in_silver


@pytest.fixture
def landing(tmp_path: Path) -> LandingZone:
    """An empty landing zone."""
    return LandingZone(tmp_path / "landing")


@pytest.fixture(scope="session")
def prepared(new_engine: NewEngine, tmp_path_factory: pytest.TempPathFactory) -> PreparedTables:
    """Tables that many tests begin with."""
    return PreparedTables(new_engine, tmp_path_factory.mktemp("prepared"))


@pytest.fixture
def silver(prepared: PreparedTables, engine: Engine, landing: LandingZone) -> Engine:
    """An engine with the tables of `two_in_silver`; `landing` holds the files."""
    return prepared.give(two_in_silver, engine, landing)


@pytest.fixture
def gold(prepared: PreparedTables, engine: Engine, landing: LandingZone) -> Engine:
    """An engine with the tables of `two_in_gold`; `landing` holds the files."""
    return prepared.give(two_in_gold, engine, landing)
