"""`pipelines ingest`: session files of one's own, into today's landing zone and on to gold."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track

from pipelines.cli.counted import counted
from pipelines.cli.follow import run_with_progress
from pipelines.cli.locations import require_reachable_landing, where_to_ask
from pipelines.cli.own_branch import MAKES_GOLD, refuse_branch
from pipelines.cli.summary import print_quarantined, print_tables
from pipelines.cli.upload_day import UPLOAD_DAY
from pipelines.engines import open_engine
from pipelines.environments import current_settings
from pipelines.landing import Address, Kind, place, uploads_by_name
from pipelines.partitions import today
from pipelines.settings import Settings


@click.command()
@click.argument("path", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--annotations", is_flag=True, help="The files are instructors' annotations, not sessions.")
@click.option("--day", type=UPLOAD_DAY, help="Upload day in the landing zone.  [default: today]")
def ingest(path: Path | None, annotations: bool, day: date | None) -> None:
    """Put a session file, or a folder of them, into today's landing zone and take it to gold.

    Without PATH, take what lies there already, as `pipelines simulate` leaves it.
    """
    console, settings, day = Console(), current_settings(), day or today()
    refuse_branch(settings, "ingest", MAKES_GOLD)
    if path is not None:
        require_reachable_landing(settings)
        place_files(console, settings, path, "annotations" if annotations else "sessions", day)
    run = run_with_progress(console, settings, "ingest", day.isoformat())
    if settings.is_on_databricks:
        told = f"{where_to_ask(settings)} `main.bronze.session_files` says what became of each file."
        console.print(told, highlight=False, soft_wrap=True)
    else:
        _print_made(console, settings, day)
    console.print(f"[dim]Dagster run {run.run_id}, {run.seconds:.0f} s[/dim]")


def _print_made(console: Console, settings: Settings, day: date) -> None:
    engine = open_engine(settings.engine, settings.tables)
    try:
        print_tables(console, engine, settings)
        print_quarantined(console, engine, day)
    finally:
        engine.stop()


def place_files(console: Console, settings: Settings, path: Path, kind: Kind, day: date) -> list[Address]:
    """Copy the file, or every file of the folder, into the landing zone; returns those that are new there.

    Raises:
        click.UsageError: the folder holds no file.
    """
    sources = [path] if path.is_file() else sorted(file for file in path.rglob("*") if _is_upload(file, path))
    if not sources:
        raise click.UsageError(f"{path} holds no file: name a flight log or a folder of them.")
    known = uploads_by_name(settings.landing, kind)
    shown = track(sources, f"copying {counted(len(sources), 'file')}", console=console, transient=True)
    placed = [target for source in shown if (target := place(source, settings.landing, kind, day, known))]
    there = len(sources) - len(placed)
    known_already = f", {there} there already." if there else "."
    console.print(f"{counted(len(placed), 'file')} put into the landing zone{known_already}")
    return placed


def _is_upload(file: Path, root: Path) -> bool:
    return file.is_file() and not any(part.startswith(".") for part in file.relative_to(root).parts)
