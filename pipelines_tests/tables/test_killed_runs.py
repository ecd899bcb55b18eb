"""A run that dies at any point and is repeated gives the tables of an undisturbed one."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.settings import EngineName
from pipelines.tables.attestation import read_attested
from pipelines.tables.contracts import ALL, GOLD
from pipelines_tests.conftest import NewEngine
from pipelines_tests.tables.killed_run import copy_at_points, run_killed, start_run
from pipelines_tests.tables.landing_zone import LandingZone, ingest, refine, stable_rows

_BATCH = "pipelines.tables.session_batch"
_POINTS = (
    f"{_BATCH}#digest_files:after:1",
    "pipelines.tables.appending#until_committed:before:1",  # the first batch's samples are written, not committed
    f"{_BATCH}#append_samples:before:2",  # the second batch's samples are about to be made
    f"{_BATCH}#append_samples:after:1",  # the first batch's samples are committed, its sessions and ledger are not
    f"{_BATCH}#append_samples:after:2",  # the same in the second batch, after a whole first one
    f"{_BATCH}#SessionBatch._write_sessions:after:1",  # sessions too, the ledger not
    f"{_BATCH}#record:after:1",  # the first batch is whole, the second did not begin
    "pipelines.tables.annotation_ingestion#_merge:after:1",
    "pipelines.tables.gold_rows#paint:before:2",  # in the middle of making gold
    "pipelines_tests.tables.landing_zone#refine_flight_samples:after:1",
    "pipelines_tests.tables.landing_zone#refine_maneuvers:after:1",
    "pipelines_tests.tables.landing_zone#refine_approaches:after:1",
    "pipelines_tests.tables.landing_zone#refine_sessions:after:1",
)


def _fill(landing: LandingZone) -> None:
    for number in range(3):
        landing.session(f"{number}.csv", number)
    landing.session("again.csv", 0)
    landing.session("bad.csv", b"")
    landing.annotations("day.csv", [("0.csv", 10, 60, "climb", "A"), ("2.csv", 5, 9.5, "upset", "A")])
    landing.annotations("bad.csv", [("0.csv", 10, 60, "looping", "A")])


@pytest.fixture(scope="module")
def undisturbed(new_engine: NewEngine, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list]:
    """A landing zone, and the contents of all tables after one run."""
    folder = tmp_path_factory.mktemp("undisturbed")
    _fill(LandingZone(folder / "landing"))
    engine = new_engine(folder / "warehouse")
    ingest(engine, LandingZone(folder / "landing"))
    refine(engine)
    contents = [stable_rows(engine, contract) for contract in ALL]
    assert all(contents[:8]), "every table but approaches has rows, or the comparison is worth little"
    engine.stop()
    return folder / "landing", contents


@pytest.fixture(scope="module")
def die_at(
    new_engine: NewEngine,
    engine_name: EngineName,
    undisturbed: tuple[Path, list],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str, Path], None]:
    """Makes a folder what a run that was killed at a point left of it."""
    landing, _ = undisturbed
    if engine_name == "sail":

        def killed(point: str, folder: Path) -> None:
            shutil.copytree(landing, folder / "landing", copy_function=shutil.copy2)
            assert run_killed(engine_name, folder, point) == -signal.SIGKILL, "the run never got to its point"

        return killed

    # A JVM per point would take half an hour: there one run's home is copied at every point.
    home = tmp_path_factory.mktemp("passing") / "home"
    shutil.copytree(landing, home / "landing", copy_function=shutil.copy2)
    engine = new_engine(home / "warehouse")
    copy_at_points(engine, _POINTS, home.parent)
    engine.stop()

    def copied(point: str, folder: Path) -> None:
        if "#paint" in point:
            pytest.skip("on Apache Spark gold's seconds are painted by its workers: their death is for Spark to mend")
        shutil.copytree(home.parent / str(_POINTS.index(point)), folder, dirs_exist_ok=True, copy_function=shutil.copy2)

    return copied


@pytest.mark.slow
@pytest.mark.parametrize("point", _POINTS, ids=lambda point: point.rpartition("#")[2])
def test_repeated_after_a_kill(
    new_engine: NewEngine,
    undisturbed: tuple[Path, list],
    die_at: Callable[[str, Path], None],
    tmp_path: Path,
    point: str,
) -> None:
    _, expected = undisturbed
    die_at(point, tmp_path)
    engine = new_engine(tmp_path / "warehouse")
    # Repeating what is whole changes nothing; on Apache Spark test_gold.py alone says so, a run takes long there.
    for _ in range(1 if engine.name == "apache_spark" else 2):
        ingest(engine, LandingZone(tmp_path / "landing"))
        refine(engine)
        assert [stable_rows(engine, contract) for contract in ALL] == expected
    for contract in GOLD:
        read_attested(engine, contract.name)
    engine.stop()


@pytest.mark.slow
@pytest.mark.embedded_engine("Apache Spark on a local folder has no atomic commit across processes")
def test_two_runs_at_once_end_as_one(
    new_engine: NewEngine, engine_name: EngineName, undisturbed: tuple[Path, list], tmp_path: Path
) -> None:
    landing, expected = undisturbed
    shutil.copytree(landing, tmp_path / "landing", copy_function=shutil.copy2)
    runs = [start_run(engine_name, tmp_path) for _ in range(2)]
    for run in runs:
        _, errors = run.communicate(timeout=240)
        assert run.returncode == 0, errors.decode()[-3000:]
    engine = new_engine(tmp_path / "warehouse")
    assert [stable_rows(engine, contract) for contract in ALL] == expected
    engine.stop()
