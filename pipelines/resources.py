"""The Dagster resources of an environment: the same keys everywhere, built from its settings alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import dagster as dg

from pipelines.engines import engine_of
from pipelines.engines.engine import Engine
from pipelines.landing import Kind, Uploads
from pipelines.landing_access import landing_access
from pipelines.remote import step_launcher_for
from pipelines.settings import Settings


def resources_for(settings: Settings) -> dict[str, object]:
    """What assets, checks and sensors are given.

    `settings` as they are; `engine`, which lives as long as the step that uses it; `step_launcher`, which runs the
    step in the location's workspace (None where the step is there already, or the environment has no workspaces);
    the `landing` zone.
    """

    @dg.resource(description=f"Spark by {settings.engine}, over the tables of the environment.")
    def engine(_: dg.InitResourceContext) -> Iterator[Engine]:
        opened = engine_of(settings)
        try:
            yield opened
        finally:
            opened.stop()

    @dg.resource(description=f"The landing zone {settings.landing}, opened by kind of upload.")
    def landing(_: dg.InitResourceContext) -> Callable[[Kind], Uploads]:
        return landing_access(settings.landing)

    launcher = step_launcher_for(settings)
    return {"settings": settings, "engine": engine, "landing": landing, "step_launcher": launcher}
