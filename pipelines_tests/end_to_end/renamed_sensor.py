"""The production location of a deployment whose sensor of `release` has another name than ours."""

from __future__ import annotations

import dagster as dg

from pipelines import definitions

SENSOR = "releases_of_the_branch"


def production() -> dg.Definitions:
    """All as it is, but for that name."""
    made = definitions.production()
    for sensor in made.sensors or []:
        if isinstance(sensor, dg.SensorDefinition) and sensor.name == "release_branch":
            sensor._name = SENSOR
    return made
