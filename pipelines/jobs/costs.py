"""The job, of both locations, that tells what computing costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from pipelines.assets.costs import cost_selection
from pipelines.workspace_names import Location

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition


def cost_job(location: Location) -> UnresolvedAssetJobDefinition:
    """The job `costs` of the location."""
    return dg.define_asset_job(
        "costs",
        selection=cost_selection(location),
        description="Asks the workspace for its runs, and reports what they cost by month, purpose and customer.",
    )


def cost_schedule(job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """Once a day, when little else runs."""
    return dg.ScheduleDefinition(
        name="daily_costs", job=job, cron_schedule="23 3 * * *", default_status=dg.DefaultScheduleStatus.RUNNING
    )
