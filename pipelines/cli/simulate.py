"""`pipelines simulate`: training sessions flown on a flight dynamics model, into the landing zone."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date
from itertools import groupby
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from pipelines.cli.counted import counted
from pipelines.cli.locations import require_reachable_landing
from pipelines.cli.simulated_files import SimulatedFile, simulated_files
from pipelines.cli.upload_day import UPLOAD_DAY
from pipelines.environments import current_settings
from pipelines.landing import Address, place, uploads_by_name
from pipelines.partitions import today


@click.command()
@click.option("--count", default=10, show_default=True, type=click.IntRange(1), help="Number of sessions.")
@click.option(
    "--seed",
    default=1000,
    show_default=True,
    type=click.IntRange(0),
    help="Seed of the first; each next one has the next number.",
)
@click.option("--aircraft", help="Fly only this type, such as c182.")
@click.option("--format", "file_format", type=click.Choice(["csv", "parquet", "garmin"]), help="Default: a mixture.")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), help="A folder other than the landing zone.")
@click.option("--day", type=UPLOAD_DAY, help="Upload day in the landing zone.  [default: today]")
def simulate(
    count: int, seed: int, aircraft: str | None, file_format: str | None, into: Path | None, day: date | None
) -> None:
    """Fly training sessions on a flight dynamics model and put their files into today's landing zone.

    A seed with the same options gives the same file, whatever the day; seeds whose files are there are not flown again.
    """
    landing: Address
    if into is not None:
        landing = into
    else:
        settings = current_settings()
        require_reachable_landing(settings)
        landing = settings.landing
    there = [file for file in simulated_files(landing) if file.seed in range(seed, seed + count)]
    _refuse_others(there, day, aircraft, file_format)
    flown = simulate_missing(Console(), landing, day or today(), count, seed, aircraft, file_format)
    days = f" under {', '.join(sorted({file.day for file in there}))}" if there else ""
    click.echo(f"{counted(flown, 'session')} flown into {landing}, {count - flown} there already{days}.")


def _refuse_others(there: list[SimulatedFile], day: date | None, aircraft: str | None, file_format: str | None) -> None:
    """Refuse what was flown before, but not as it is asked for now, instead of passing over it."""
    others = [(file.seed, why) for file in there if (why := file.unlike(day, aircraft, file_format))]
    if others:
        seed, why = min(others)
        more = f", and {counted(len(others) - 1, 'more session')} likewise" if len(others) > 1 else ""
        raise click.UsageError(
            f"The session of seed {seed} was flown before: it {why}{more}. Nothing was flown, as a seed is flown once: "
            "ask for free ones with --seed, or remove those files from the landing zone."
        )


def simulate_missing(
    console: Console,
    landing: Address,
    day: date,
    count: int,
    seed: int,
    aircraft: str | None = None,
    file_format: str | None = None,
) -> int:
    """Fly the seeds that no day of the landing zone has a session file of; returns how many."""
    known = {file.seed for file in simulated_files(landing)}
    missing = [number for number in range(seed, seed + count) if number not in known]
    columns = (
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    )  # fmt: skip
    with Progress(*columns, console=console, disable=not missing) as progress:
        task = progress.add_task("simulating sessions", total=len(missing))
        for first, length in _ranges(missing):
            for _ in _simulated(landing, day, first, length, aircraft=aircraft, file_format=file_format):
                progress.advance(task)
    return len(missing)


def _simulated(landing: Address, day: date, first: int, count: int, **options: str | None) -> Iterator[None]:
    """Fly the sessions into the landing zone; yields after each one."""
    from pipelines.flight.simulator.sessions import simulate_sessions

    if isinstance(landing, Path):
        for _ in simulate_sessions(count, first, landing, day, **options):  # type: ignore[arg-type]
            yield
        return
    known = {kind: uploads_by_name(landing, kind) for kind in ("annotations", "sessions")}
    with tempfile.TemporaryDirectory(prefix="simulated-") as folder:
        for session in simulate_sessions(count, first, Path(folder), day, **options):  # type: ignore[arg-type]
            labels = Path(folder, "annotations", day.isoformat(), f"{session.stem}.csv")
            place(labels, landing, "annotations", day, known["annotations"])
            place(session, landing, "sessions", day, known["sessions"])
            yield


def simulated_day(landing: Address, seed: int) -> date | None:
    """The upload day under which the session of that seed lies."""
    days = {file.day for file in simulated_files(landing) if file.seed == seed}
    return date.fromisoformat(min(days)) if days else None


def _ranges(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """(first, length) of each stretch without a hole, of ascending numbers."""
    for _, stretch in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        members = [number for _, number in stretch]
        yield members[0], len(members)
