"""The sensors and schedules of the production location."""

from __future__ import annotations

import dagster as dg

from pipelines.jobs.costs import cost_schedule
from pipelines.jobs.production import approve, costs, release, rollback
from pipelines.releases.release_graph import graph_of, released_models_folder
from pipelines.sensors.commit_status import commit_status_sensors
from pipelines.sensors.customer_requests import customer_requests
from pipelines.sensors.release_branch import release_branch_sensor
from pipelines.sensors.release_schedule import release_check_schedule
from pipelines.sensors.shared_labels import shared_labels
from pipelines.settings import Settings


def production_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """What is pushed to `release` is released, what customers ask for is done, what they share becomes labels."""
    branch = release_branch_sensor(settings, rollback, graph_of(released_models_folder(settings)))
    statuses = commit_status_sensors(settings, [release, approve])
    return [branch, *statuses, customer_requests, shared_labels]


production_schedules = [release_check_schedule(), cost_schedule(costs)]
