"""`pipelines demo`: the main job from simulated flights to predictions, and what it made."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Event

import click
from rich.console import Console

from pipelines.cli.counted import counted
from pipelines.cli.daemon import daemon_of
from pipelines.cli.demo_customers import show_customers
from pipelines.cli.demo_releases import is_told, release_again, release_first
from pipelines.cli.follow import run_with_progress
from pipelines.cli.ingest import place_files
from pipelines.cli.instance import open_instance
from pipelines.cli.locations import described_locations
from pipelines.cli.own_branch import MAKES_GOLD, refuse_branch
from pipelines.cli.pictures import write_pictures
from pipelines.cli.release_status import print_status
from pipelines.cli.runs import FinishedRun
from pipelines.cli.simulate import simulate_missing, simulated_day
from pipelines.cli.summary import print_models, print_predictions, print_quarantined, print_seconds, print_tables
from pipelines.engines import open_engine
from pipelines.environments import current_settings
from pipelines.partitions import today
from pipelines.settings import Settings

FIRST_SEED = 20_504
SESSIONS = 30
SECONDS_FILE = "demo-seconds.json"
"""In the environment's folder of logs: how long each part of the last demo took."""


@click.command()
@click.option("--sessions", type=click.Path(exists=True, path_type=Path), help="Your own flight logs: file or folder.")
@click.option("--count", default=SESSIONS, show_default=True, type=click.IntRange(1), help="Simulated sessions.")
def demo(sessions: Path | None, count: int) -> None:
    """Run the main job on simulated sessions, and on your own if given, and show what it made.

    Gold, models and predictions are made in the development workspace; beside it the first push to `release` releases
    the models in the production workspace. Then a better model is pushed, then a bad one, and a rollback shows the way
    back; meanwhile two customers ask for the analysis of a session each. Running it again simulates, reads, trains,
    predicts and releases nothing twice.
    """
    if any(each.is_on_databricks for each in described_locations().values()):
        raise click.ClickException(
            "The demo simulates sessions, releases models and makes customers, so it runs on the local workspaces "
            "alone: unset PIPELINES_ENVIRONMENT. On Databricks use `pipelines ingest` and `pipelines train`."
        )
    console, settings = Console(), current_settings()
    refuse_branch(settings, "demo", MAKES_GOLD)
    production = current_settings("production")
    seconds: dict[str, float] = {}
    day = simulated_day(settings.landing, FIRST_SEED) or today()
    with _warming_up(settings, production), _timed(seconds, "simulate sessions, workspaces warm up"):
        flown = simulate_missing(console, settings.landing, day, count, FIRST_SEED)
        console.print(f"{counted(flown, 'session')} simulated, {count - flown} there already.")
    if sessions is not None:
        with _timed(seconds, "copy your sessions"):
            place_files(console, settings, sessions, "sessions", today())
        if day != today():
            with _timed(seconds, "job ingest, your sessions"):
                run_with_progress(console, settings, "ingest", today().isoformat())
    told = is_told(production)
    with nullcontext() if told else daemon_of(production):
        with _timed(seconds, "the main job, and beside it the first release"):
            run = _main_job(console, settings, None if told else production, day.isoformat())
        with _timed(seconds, "this summary"):
            pictures = _show(console, settings)
        print_status(console)
        if not told:
            with _meanwhile(console, lambda apart: show_customers(apart, production, sessions)):
                release_again(console, production, seconds.__setitem__)
    (settings.home / "logs" / SECONDS_FILE).write_text(json.dumps(seconds))
    print_seconds(console, seconds)
    steps = {step: spent for step, spent in run.step_seconds.items() if spent >= 1}
    steps["launching, waiting, shorter steps"] = run.seconds - sum(steps.values())
    print_seconds(console, steps, f"The main job, {run.seconds:.0f} seconds of it")
    for file in pictures:
        console.print(f"Picture of an analysed session: {file}")
    console.print(f"Dagster run of the main job: {run.run_id}.")
    console.print('Open the UI with [bold]make dev[/bold]; ask with [bold].venv/bin/pipelines sql "SELECT ..."[/bold]')


def _main_job(console: Console, settings: Settings, production: Settings | None, day: str) -> FinishedRun:
    """The main job and, if production is given, the first release beside it from the moment that gold is ready."""
    gold_is_ready, failed = Event(), Event()

    def listen(what: str, text: str) -> None:
        if what == "finished" and text == "check_sessions":
            gold_is_ready.set()

    def release() -> None:
        gold_is_ready.wait()
        if production is not None and not failed.is_set():
            release_first(console, production)

    with ThreadPoolExecutor(1) as pool:
        released = pool.submit(release)
        try:
            main = run_with_progress(console, settings, "full_flow", day, listener=listen)
        except BaseException:
            failed.set()
            raise
        finally:
            gold_is_ready.set()
        released.result()
    return main


@contextmanager
def _meanwhile(console: Console, work: Callable[[Console], None]) -> Iterator[None]:
    """Do the work beside the block, and show what it told after it."""
    apart = Console(
        file=io.StringIO(), width=console.width, force_terminal=console.is_terminal, force_interactive=False
    )
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work, apart)
        try:
            yield
            working.result()
        finally:
            wait([working])
            assert isinstance(apart.file, io.StringIO)
            console.file.write(apart.file.getvalue())


@contextmanager
def _warming_up(*locations: Settings) -> Iterator[None]:
    """Start the workspaces and their clusters while something else goes on."""

    def warm_up() -> None:
        for settings in locations:
            if settings.has_local_workspaces:
                from pipelines.embedded import reached_for_steps

                reached_for_steps(settings)

    with ThreadPoolExecutor(1) as pool:
        warmed = pool.submit(warm_up)
        yield
        warmed.result()


def _show(console: Console, settings: Settings) -> list[Path]:
    engine = open_engine(settings.engine, settings.tables)
    try:
        print_tables(console, engine, settings)
        print_quarantined(console, engine)
        with open_instance(settings) as instance:
            print_models(console, instance, settings)
        print_predictions(console, engine, settings)
        return write_pictures(engine, settings)
    finally:
        engine.stop()


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    seconds[name] = time.monotonic() - start
