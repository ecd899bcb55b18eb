"""`pipelines validate`: a branch's models trained and set beside `main`'s."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from pipelines.branches import AS_MAIN, GOLD_CHOICE, NEWEST, SHARED_BRANCHES
from pipelines.cli.follow import run_with_progress
from pipelines.cli.instance import PROJECT, open_instance
from pipelines.cli.runs import RunFailedError
from pipelines.environments import current_settings
from pipelines.models.manifest import load_manifests
from pipelines.settings import Settings

if TYPE_CHECKING:
    from pipelines.validation.comparison import Validation


@click.command()
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option(
    "--markdown",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the tables to this file, for GitHub.",
)
@click.option("--newest-gold", is_flag=True, help="Train on gold as it is now, not as main's model was trained on it.")
def validate(models: tuple[str, ...], markdown: Path | None, newest_gold: bool) -> None:
    """Train the working tree's models (default: all) on a branch and show their figures beside main's.

    Uncommitted changes count. The branch is that of `pipelines --branch NAME validate`, or the one that is checked
    out. Its versions go to the schema dev.dev_<branch>; nothing of main's is changed. Ends with 1 if a metric is
    outside of its manifest's bounds.
    """
    console, manifests = Console(), load_manifests()
    if unknown := [name for name in models if name not in manifests]:
        raise click.UsageError(f"No such model: {', '.join(unknown)}. There are {', '.join(sorted(manifests))}.")
    settings = branch_settings()
    chosen = list(dict.fromkeys(models)) or sorted(manifests)
    try:
        run = run_with_progress(
            console,
            settings,
            "validate",
            tags={GOLD_CHOICE: NEWEST if newest_gold else AS_MAIN},
            steps=[model_step(settings, name) for name in chosen],
        )
    except RunFailedError as error:
        if markdown is not None:
            from pipelines.validation.report import failure_as_markdown

            markdown.write_text(failure_as_markdown(str(settings.branch), str(error)), encoding="utf-8")
        raise
    found = validations_of(settings, run.run_id)
    for each in found:
        _print(console, each)
    if markdown is not None:
        from pipelines.validation.report import as_markdown

        markdown.write_text(as_markdown(str(settings.branch), found), encoding="utf-8")
    console.print(f"[dim]Versions in {settings.model_schema}. Dagster run {run.run_id}, {run.seconds:.0f} s[/dim]")
    if not all(each.holds for each in found):
        raise click.exceptions.Exit(1)


def model_step(settings: Settings, name: str) -> str:
    """The step that makes the model's asset, as Dagster names it."""
    return "__".join((*settings.model_schema.split("."), name))


def branch_settings() -> Settings:
    """The settings of the branch that was named, or else of the one that is checked out.

    Raises:
        click.UsageError: none was named, and the checkout is on a branch that everyone shares, or on none.
    """
    settings = current_settings()
    if settings.branch is not None:
        return settings
    asked = ["git", "-C", str(PROJECT), "symbolic-ref", "--quiet", "--short", "HEAD"]
    name = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    if not name or name in SHARED_BRANCHES:
        where = f"{name} is checked out, whose models everyone shares" if name else "No branch is checked out"
        raise click.UsageError(f"{where}: name a branch of your own, `pipelines --branch NAME validate`.")
    os.environ["PIPELINES_BRANCH"] = name
    return current_settings()


def validations_of(settings: Settings, run_id: str) -> list[Validation]:
    """What the run's steps found, by model."""
    from dagster import DagsterEventType
    from pydantic import TypeAdapter

    from pipelines.branches import VALIDATION
    from pipelines.validation.comparison import Validation

    found = []
    with open_instance(settings) as instance:
        for record in instance.all_logs(run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION):
            event = record.dagster_event.step_materialization_data if record.dagster_event else None
            if event is not None and VALIDATION in event.materialization.metadata:
                value = event.materialization.metadata[VALIDATION].value
                found.append(TypeAdapter(Validation).validate_python(value))
    return sorted(found, key=lambda each: each.model)


def _print(console: Console, found: Validation) -> None:
    from pipelines.validation.report import cells, headers, remarks, title

    columns = (Column(header, overflow="fold") for header in headers(found))
    shown = Table(*columns, title=title(found), title_justify="left", header_style="bold")
    for row in found.rows:
        shown.add_row(*map(escape, cells(row)), style=None if row.holds else "red")
    console.print(shown)
    for number, sentence in enumerate(remarks(found)):
        console.print(escape(sentence), style=("green" if found.holds else "red") if number == 0 else None)
