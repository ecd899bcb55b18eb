"""What Dagster loads: one attribute per code location. Starts nothing and imports no model code."""

from __future__ import annotations

import dagster as dg

from pipelines.assets import development_assets
from pipelines.checks import development_checks
from pipelines.environments import current_settings
from pipelines.jobs import jobs
from pipelines.resources import resources_for
from pipelines.sensors import sensors

development = dg.Definitions(
    assets=development_assets(current_settings()),
    asset_checks=development_checks,
    jobs=jobs,
    sensors=sensors,
    resources=resources_for(current_settings()),
    # A run is a process; its steps share it and its Spark engine, since a process per step costs seconds.
    executor=dg.in_process_executor,
)
