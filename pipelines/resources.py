"""The Dagster resources of an environment: the same keys everywhere, built from its settings alone."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from pipelines.engines import open_engine
from pipelines.engines.engine import Engine
from pipelines.environments import Settings


def resources_for(settings: Settings) -> dict[str, object]:
    """`settings` as they are, and `engine`, which lives as long as the run that uses it."""

    @dg.resource(description=f"Spark by {settings.engine}, over the tables of the environment.")
    def engine(_: dg.InitResourceContext) -> Iterator[Engine]:
        opened = open_engine(settings.engine, settings.warehouse)
        try:
            yield opened
        finally:
            opened.stop()

    return {"settings": settings, "engine": engine}
