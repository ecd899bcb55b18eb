"""The sensors of the development location."""

from __future__ import annotations

import dagster as dg

from pipelines.jobs.costs import cost_schedule
from pipelines.jobs.development import costs, train
from pipelines.sensors.commit_status import commit_status_sensors
from pipelines.sensors.landing import landing_zone
from pipelines.sensors.main_branch import main_branch_sensor
from pipelines.settings import Settings


def development_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """What computing cost is reported once a day."""
    return [] if settings.branch else [cost_schedule(costs)]


def development_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """New uploads are ingested, and what is pushed to `main` is trained; a branch of a data scientist has neither."""
    if settings.branch:
        return []
    return [landing_zone, main_branch_sensor(settings), *commit_status_sensors(settings, [train])]
