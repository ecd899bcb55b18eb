"""The sensors and schedules of each code location."""

from __future__ import annotations

import dagster as dg

from pipelines.jobs import production_jobs
from pipelines.releases.release_graph import graph_of, released_models_folder
from pipelines.sensors.commit_status import commit_status_sensors
from pipelines.sensors.landing import landing_zone
from pipelines.sensors.main_branch import main_branch_sensor
from pipelines.sensors.release_branch import release_branch_sensor
from pipelines.sensors.release_schedule import release_check_schedule
from pipelines.settings import Settings


def development_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """New uploads are ingested, and what is pushed to `main` is trained; a branch of a data scientist has neither."""
    return [] if settings.branch else [landing_zone, main_branch_sensor(settings), *commit_status_sensors(settings)]


def production_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """What is pushed to `release` is released."""
    rollback = next(job for job in production_jobs if job.name == "rollback")
    assert isinstance(rollback, dg.JobDefinition)
    branch = release_branch_sensor(settings, rollback, graph_of(released_models_folder(settings)))
    return [branch, *commit_status_sensors(settings)]


production_schedules = [release_check_schedule()]
