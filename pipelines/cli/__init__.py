"""The console script `pipelines`: thin commands over Dagster, the tables and the registry."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import click

_COMMANDS = {
    "demo": "Run the main job on simulated sessions, and on your own if given, and show what it made.",
    "simulate": "Fly training sessions on a flight dynamics model and put their files into the landing zone.",
    "train": "Train, evaluate and register every model, on gold as it is now.",
    "release": "What customers get: its status, and going back, approving, repairing.",
    "customer": "Who the customers are; onboard one, or offboard one.",
    "validate": "Train a branch's models and show their figures beside main's.",
    "analyze": "Have session files of a customer analysed by the released models.",
    "cost": "Show what computing cost, by month, purpose and customer.",
    "ingest": "Put session files into today's landing zone (or take what lies there) and take them to gold.",
    "sql": "Run a query on the tables and print the rows.",
    "status": "Show workspaces, tables, models, quarantined files and the last runs.",
    "up": "Start the local Databricks workspaces before something needs them.",
    "down": "Stop the local Databricks workspaces and their clusters.",
    "bootstrap": "Print what a Databricks workspace needs as SQL, apply it, or compare it with what is there.",
    "dev": "Open Dagster's UI with its daemon, everything loaded.",
}


class _Lazy(click.Group):
    """Imports a command's module only when that command is run, so that `--help` is instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        return getattr(importlib.import_module(f"pipelines.cli.{cmd_name}"), cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the stack trace of an error.")
@click.option("--branch", help="Work on a branch of your own: models and predictions in dev.dev_<branch>, shared gold.")
def cli(debug: bool, branch: str | None) -> None:  # noqa: ARG001 (`main` looks for it before this runs)
    """From raw flight sessions to gold tables, trained models and predictions."""
    if branch:
        os.environ["PIPELINES_BRANCH"] = branch


def main() -> None:
    """Run the command line; an error is told in words, and with its stack trace only after `--debug`."""
    debug = "--debug" in sys.argv[1:]
    try:
        sys.exit(cli(standalone_mode=False))
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as problem:
        problem.show()
        sys.exit(problem.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        sys.exit(130)
    except Exception as error:
        if debug:
            raise
        told = _about_home(error) or str(error).strip() or type(error).__name__
        click.secho(f"Error: {told}", fg="red", err=True)
        click.echo(f"({type(error).__name__}; `pipelines --debug ...` shows where it came from.)", err=True)
        sys.exit(1)


def _about_home(error: Exception) -> str | None:
    """What to do about an error that there is because the environment's own folder cannot be made or written to."""
    if not isinstance(error, OSError) or not isinstance(error.filename, str | os.PathLike):
        return None
    from pipelines.environments import current_settings

    home, place = current_settings().home, Path(error.filename)
    if home != place and home not in place.parents and place not in home.parents:
        return None
    trouble = "cannot be written to"
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as refused:
        trouble = f"cannot be made ({refused.strerror})"
    else:
        if os.access(home, os.W_OK):
            return None
    return f"{home}, the folder of this environment, {trouble}: set PIPELINES_HOME to one that you may write to."
