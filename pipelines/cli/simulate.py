"""`pipelines simulate`: training sessions flown on a flight dynamics model, into the landing zone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from itertools import groupby
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from pipelines.environments import current_settings
from pipelines.landing import top_entries
from pipelines.partitions import today

_SEED = re.compile(r"_S?(\d{5,})\.(?:csv|parquet)$")


@click.command()
@click.option("--count", default=10, show_default=True, type=click.IntRange(1), help="Number of sessions.")
@click.option("--seed", default=1000, show_default=True, help="Seed of the first; each next one has the next number.")
@click.option("--aircraft", help="Fly only this type, such as c182.")
@click.option("--format", "file_format", type=click.Choice(["csv", "parquet", "garmin"]), help="Default: a mixture.")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), help="A folder other than the landing zone.")
def simulate(count: int, seed: int, aircraft: str | None, file_format: str | None, into: Path | None) -> None:
    """Fly training sessions on a flight dynamics model and put their files into today's landing zone.

    The same seed gives the same file; seeds whose files are there are not flown again.
    """
    landing = into or current_settings().landing
    flown = simulate_missing(Console(), landing, today(), count, seed, aircraft, file_format)
    click.echo(f"{flown} sessions flown into {landing}, {count - flown} were there.")


def simulate_missing(
    console: Console,
    landing: Path,
    day: date,
    count: int,
    seed: int,
    aircraft: str | None = None,
    file_format: str | None = None,
) -> int:
    """Fly the seeds that no day of the landing zone has a session file of; returns how many."""
    from pipelines.flight.simulator.sessions import simulate_sessions

    known = set(_seeds(landing))
    missing = [number for number in range(seed, seed + count) if number not in known]
    columns = (
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    )  # fmt: skip
    with Progress(*columns, console=console, disable=not missing) as progress:
        task = progress.add_task("simulating sessions", total=len(missing))
        for first, length in _ranges(missing):
            options = {"aircraft": aircraft, "file_format": file_format}
            for _ in simulate_sessions(length, first, landing, day, **options):  # type: ignore[arg-type]
                progress.advance(task)
    return len(missing)


def simulated_day(landing: Path, seed: int) -> date | None:
    """The upload day under which the session of that seed lies."""
    for name in top_entries(landing, "sessions"):
        files = (landing / "sessions" / name).glob(f"*{seed}.*")
        if any((found := _SEED.search(file.name)) and int(found[1]) == seed for file in files):
            return date.fromisoformat(name)
    return None


def _seeds(landing: Path) -> Iterator[int]:
    for name in top_entries(landing, "sessions"):
        for file in (landing / "sessions" / name).glob("*"):
            if (found := _SEED.search(file.name)) and not file.name.startswith("."):
                yield int(found[1])


def _ranges(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """(first, length) of each stretch without a hole, of ascending numbers."""
    for _, stretch in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        members = [number for _, number in stretch]
        yield members[0], len(members)
