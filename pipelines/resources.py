"""The Dagster resources of an environment: the same keys everywhere, built from its settings alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import dagster as dg

from pipelines.engines import open_engine
from pipelines.engines.engine import Engine
from pipelines.environments import Settings
from pipelines.landing import Kind, Uploads
from pipelines.landing_access import landing_access


def resources_for(settings: Settings) -> dict[str, object]:
    """`settings` as they are, `engine`, which lives as long as the run that uses it, and the `landing` zone."""

    @dg.resource(description=f"Spark by {settings.engine}, over the tables of the environment.")
    def engine(_: dg.InitResourceContext) -> Iterator[Engine]:
        opened = open_engine(settings.engine, settings.warehouse)
        try:
            yield opened
        finally:
            opened.stop()

    @dg.resource(description=f"The landing zone {settings.landing}, opened by kind of upload.")
    def landing(_: dg.InitResourceContext) -> Callable[[Kind], Uploads]:
        return landing_access(settings.landing)

    return {"settings": settings, "engine": engine, "landing": landing}
