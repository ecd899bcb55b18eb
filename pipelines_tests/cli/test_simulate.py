"""`pipelines simulate`: which sessions it flies, and which it says are there already."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import cli
from pipelines.cli.simulate import _ranges, simulated_day


def test_ranges_of_missing_seeds():
    assert list(_ranges([3, 4, 5, 9, 11, 12])) == [(3, 3), (9, 1), (11, 2)]
    assert list(_ranges([])) == []


def test_the_day_of_a_simulated_session_is_found(tmp_path: Path):
    landing = tmp_path / "landing"
    folder = landing / "sessions" / "2026-03-04"
    folder.mkdir(parents=True)
    (folder / "ftd_20260304T1000_020000.csv").touch()
    (folder / "log_260304_100000_S20001.csv").touch()
    assert str(simulated_day(landing, 20_000)) == "2026-03-04"
    assert str(simulated_day(landing, 20_001)) == "2026-03-04"
    assert simulated_day(landing, 2_000) is None


def test_sessions_are_flown_into_the_day_that_is_named(tmp_path: Path):
    command = ["simulate", "--count", "1", "--seed", "7", "--format", "csv", "--day", "2026-03-04", "--into"]
    files = []
    for folder in ("one", "other"):
        result = CliRunner().invoke(cli, [*command, str(tmp_path / folder)])
        assert result.exit_code == 0, result.output
        files.append(next((tmp_path / folder / "sessions" / "2026-03-04").iterdir()))
    assert files[0].name == files[1].name
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.fixture(scope="module")
def flown_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A landing zone with the sessions of the seeds 7 and 8."""
    landing = tmp_path_factory.mktemp("landing")
    result = _simulate(landing, "--count", "2", "--format", "csv", "--aircraft", "c172p", "--day", "2026-03-04")
    assert f"2 sessions flown into {landing}, 0 there already." in result.output
    return landing


def _simulate(landing: Path, *options: str) -> Result:
    return CliRunner().invoke(cli, ["simulate", "--seed", "7", "--into", str(landing), *options])


def _files(landing: Path) -> list[tuple[str, int]]:
    return sorted((str(file), file.stat().st_mtime_ns) for file in landing.rglob("*") if file.is_file())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--aircraft", "c182"], "The session of seed 7 was flown before: it is of a c172p, not a c182, and 1 more"),
        (["--day", "2026-03-05"], "it lies under 2026-03-04, not 2026-03-05"),
        (["--format", "garmin"], "it is in format csv, not garmin"),
    ],
)
def test_what_was_flown_otherwise_is_not_passed_over(flown_before: Path, options: list[str], words: str):
    before = _files(flown_before)
    result = _simulate(flown_before, "--count", "3", *options)
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())
    assert "ask for free ones with --seed" in " ".join(result.output.split())
    assert _files(flown_before) == before, "the third, which is free, is not flown either"


@pytest.mark.parametrize(
    "options", [[], ["--aircraft", "c172p"], ["--day", "2026-03-04", "--format", "csv", "--aircraft", "c172p"]]
)
def test_what_was_flown_as_it_is_asked_for_stays(flown_before: Path, options: list[str]):
    before = _files(flown_before)
    result = _simulate(flown_before, "--count", "2", *options)
    assert result.exit_code == 0, result.output
    assert f"0 sessions flown into {flown_before}, 2 there already under 2026-03-04." in result.output
    assert _files(flown_before) == before
