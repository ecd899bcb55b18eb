"""`pipelines demo`: the main job from simulated flights to predictions, and what it made."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console

from pipelines.cli.follow import run_with_progress
from pipelines.cli.ingest import place_files
from pipelines.cli.instance import open_instance
from pipelines.cli.pictures import write_pictures
from pipelines.cli.runs import FinishedRun
from pipelines.cli.simulate import simulate_missing, simulated_day
from pipelines.cli.summary import print_models, print_predictions, print_quarantined, print_seconds, print_tables
from pipelines.engines import open_engine
from pipelines.environments import Settings, current_settings
from pipelines.partitions import today

FIRST_SEED = 20_300
SESSIONS = 42


@click.command()
@click.option("--sessions", type=click.Path(exists=True, path_type=Path), help="Your own flight logs: file or folder.")
@click.option("--count", default=SESSIONS, show_default=True, type=click.IntRange(1), help="Simulated sessions.")
def demo(sessions: Path | None, count: int) -> None:
    """Run the main job on simulated sessions, and on your own if given, and show what it made.

    Gold, models and predictions are made in the development workspace; then production trains the models for
    customers on the same gold. Running it again simulates, reads, trains and predicts nothing twice.
    """
    console, settings = Console(), current_settings()
    production = current_settings("production")
    seconds: dict[str, float] = {}
    day = simulated_day(settings.landing, FIRST_SEED) or today()
    with _warming_up(settings, production), _timed(seconds, "simulate sessions, workspaces warm up"):
        flown = simulate_missing(console, settings.landing, day, count, FIRST_SEED)
        console.print(f"{flown} sessions simulated, {count - flown} were there.")
    if sessions is not None:
        with _timed(seconds, "copy your sessions"):
            place_files(console, settings, sessions, "sessions", today())
        if day != today():
            with _timed(seconds, "job ingest, your sessions"):
                run_with_progress(console, settings, "ingest", today().isoformat())
    runs = [
        _run(console, seconds, settings, "full_flow", day.isoformat()),
        _run(console, seconds, production, "train_for_customers"),
    ]
    with _timed(seconds, "this summary"):
        pictures = _show(console, settings, production)
    print_seconds(console, seconds)
    for file in pictures:
        console.print(f"Picture of an analysed session: {file}")
    console.print(f"Dagster runs: {', '.join(run.run_id for run in runs)}.")
    console.print('Open the UI with [bold]make dev[/bold]; ask with [bold].venv/bin/pipelines sql "SELECT ..."[/bold]')


def _run(
    console: Console, seconds: dict[str, float], settings: Settings, job: str, partition: str | None = None
) -> FinishedRun:
    started = time.monotonic()
    run = run_with_progress(console, settings, job, partition)
    steps = {f"{settings.location}: {step}": spent for step, spent in run.step_seconds.items()}
    seconds |= steps
    seconds[f"{settings.location}: start and end of the run"] = time.monotonic() - started - sum(steps.values())
    return run


@contextmanager
def _warming_up(*locations: Settings) -> Iterator[None]:
    """Start the workspaces and their clusters while something else goes on."""

    def warm_up() -> None:
        for settings in locations:
            if settings.remote is not None and settings.remote.host is None:
                from pipelines.embedded import connected

                connected(settings)

    with ThreadPoolExecutor(1) as pool:
        warmed = pool.submit(warm_up)
        yield
        warmed.result()


def _show(console: Console, settings: Settings, production: Settings) -> list[Path]:
    engine = open_engine(settings.engine, settings.tables)
    try:
        print_tables(console, engine, settings)
        print_quarantined(console, engine)
        with open_instance(settings) as instance:
            print_models(console, instance, settings)
            print_models(console, instance, production)
        print_predictions(console, engine, settings)
        return write_pictures(engine, settings)
    finally:
        engine.stop()


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    seconds[name] = time.monotonic() - start
