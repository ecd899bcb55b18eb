"""The code locations that this environment describes, and what commands say where these are on Databricks."""

from __future__ import annotations

import click

from pipelines.environments import current_settings
from pipelines.settings import NoEnvironmentFileError, Settings
from pipelines.workspace_names import LOCATIONS, Location


def described_locations() -> dict[Location, Settings]:
    """Settings by location. On Databricks a deployment of one location has no file of the other.

    Raises:
        NoEnvironmentFileError: no file is named at all.
    """
    found: dict[Location, Settings] = {}
    for number, name in enumerate(LOCATIONS):
        try:
            found[name] = current_settings(name)
        except NoEnvironmentFileError:
            if number + 1 == len(LOCATIONS) and not found:
                raise
    return found


def require_reachable_landing(settings: Settings) -> None:
    """Refuse to put files into a landing zone that this machine cannot reach.

    Raises:
        click.ClickException: it is the workspace's volume alone.
    """
    if not settings.landing_is_reachable:
        raise click.ClickException(
            f"The landing zone is known only as {settings.landing}, a volume of {workspace_of(settings)}: set "
            "`landing` in the environment's file to its bucket, or put the files there yourself."
        )


def workspace_of(settings: Settings) -> str:
    """The location's workspace on Databricks, in words."""
    assert settings.remote is not None
    return f"the {settings.location} workspace {settings.remote.host}"


def where_to_ask(settings: Settings) -> str:
    """Where people ask for the tables of a location on Databricks."""
    return f"The tables are in {workspace_of(settings)}: ask for them in its SQL editor, or in a notebook."
