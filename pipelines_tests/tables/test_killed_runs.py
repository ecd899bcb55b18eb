"""A run that dies at any point and is repeated gives the tables of an undisturbed one."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

from pipelines.environments import EngineName
from pipelines.tables.attestation import read_attested
from pipelines.tables.contracts import ALL, GOLD
from pipelines_tests.conftest import NewEngine
from pipelines_tests.tables.killed_run import run_killed, start_run
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


@pytest.mark.slow
@pytest.mark.parametrize("point", _POINTS, ids=lambda point: point.rpartition("#")[2])
def test_repeated_after_a_kill(
    new_engine: NewEngine, engine_name: EngineName, undisturbed: tuple[Path, list], tmp_path: Path, point: str
) -> None:
    landing, expected = undisturbed
    shutil.copytree(landing, tmp_path / "landing", copy_function=shutil.copy2)
    assert run_killed(engine_name, tmp_path, point) == -signal.SIGKILL, "the run never got to its point"
    engine = new_engine(tmp_path / "warehouse")
    for _ in range(2):  # and repeating what is whole changes nothing
        ingest(engine, LandingZone(tmp_path / "landing"))
        refine(engine)
        assert [stable_rows(engine, contract) for contract in ALL] == expected
    for contract in GOLD:
        read_attested(engine, contract.name)
    engine.stop()


@pytest.mark.slow
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
