"""What a data scientist's own branch is no place for."""

from __future__ import annotations

import click

from pipelines.settings import Settings


def refuse_branch(settings: Settings, command: str) -> None:
    """Refuse a command that makes gold, if the environment is on a branch.

    Raises:
        click.UsageError: it is.
    """
    if settings.branch is not None:
        raise click.UsageError(
            f"Branch {settings.branch} reads the gold of main and makes none of its own: run `pipelines {command}` "
            "without --branch and with PIPELINES_BRANCH unset."
        )
