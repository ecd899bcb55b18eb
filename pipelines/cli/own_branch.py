"""What a data scientist's own branch is no place for."""

from __future__ import annotations

import click

from pipelines.settings import Settings

MAKES_GOLD = "reads the gold of main and makes none of its own"


def refuse_branch(settings: Settings, command: str, why: str) -> None:
    """Refuse a command whose job is main's alone, if the environment is on a branch.

    Raises:
        click.UsageError: it is.
    """
    if settings.branch is not None:
        elsewhere = f"run `pipelines {command}` without --branch and with PIPELINES_BRANCH unset"
        raise click.UsageError(f"Branch {settings.branch} {why}: {elsewhere}.")
