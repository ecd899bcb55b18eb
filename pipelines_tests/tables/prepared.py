"""Tables that many tests begin with: made once in a run, copied for each test.

Delta's logs name files by their place in the table's folder, and a landed file is known by its path, size and time,
so a copy is as good as what was copied.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from pipelines.engines.engine import Engine
from pipelines_tests.conftest import NewEngine
from pipelines_tests.tables.landing_zone import LandingZone, ingest, refine

Make = Callable[[Engine, LandingZone], None]


class PreparedTables:
    """Homes (landing zone, warehouse and the keys beside it) by what made them."""

    def __init__(self, new_engine: NewEngine, folder: Path) -> None:
        self._new_engine = new_engine
        self._folder = folder
        self._homes: dict[Make, Path] = {}

    def give(self, make: Make, engine: Engine, landing: LandingZone) -> Engine:
        """Give an unused engine, and the landing zone beside its warehouse, what `make` makes there."""
        assert engine.folders.parent == landing.folder.parent
        if make not in self._homes:
            home = self._folder / str(len(self._homes))
            maker = self._new_engine(home / "warehouse")
            make(maker, LandingZone(home / "landing"))
            maker.stop()
            self._homes[make] = home
        shutil.copytree(self._homes[make], engine.folders.parent, dirs_exist_ok=True, copy_function=shutil.copy2)
        return engine


def two_in_silver(engine: Engine, landing: LandingZone) -> None:
    """Two sessions of one day without annotations, `a.csv` and `b.csv`; gold was not made."""
    landing.session("a.csv", 1)
    landing.session("b.csv", 2)
    ingest(engine, landing)


def two_in_gold(engine: Engine, landing: LandingZone) -> None:
    """Two sessions of one day in gold, `a.csv`, whose seconds 0 to 4 `labels.csv` says are climb, and `b.csv`."""
    landing.annotations("labels.csv", [("a.csv", 0, 5, "climb", "A")])
    two_in_silver(engine, landing)
    refine(engine)
