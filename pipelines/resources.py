"""The Dagster resources of an environment: the same keys everywhere, built from its settings alone."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from pipelines.engines import engine_of
from pipelines.engines.engine import Engine
from pipelines.environments import Settings
from pipelines.remote import step_launcher_for


def resources_for(settings: Settings) -> dict[str, object]:
    """What every asset and check is given.

    `settings` as they are; `engine`, which lives as long as the step that uses it; `step_launcher`, which runs the
    step in the location's workspace (None where the step is there already, or the environment has no workspaces).
    """

    @dg.resource(description=f"Spark by {settings.engine}, over the tables of the environment.")
    def engine(_: dg.InitResourceContext) -> Iterator[Engine]:
        opened = engine_of(settings)
        try:
            yield opened
        finally:
            opened.stop()

    return {"settings": settings, "engine": engine, "step_launcher": step_launcher_for(settings)}
