"""Jobs of the production location: releases, people's moves, reproduction, the check of it all, customers."""

from __future__ import annotations

import dagster as dg

from pipelines.assets.customer_records import customer_jobs
from pipelines.assets.release_check import champions_agree
from pipelines.assets.release_moves import move_jobs
from pipelines.assets.reproduction import reproduce
from pipelines.jobs.costs import cost_job
from pipelines.jobs.side_by_side import side_by_side
from pipelines.releases.run_tags import ANALYZE

_check = dg.AssetSelection.checks(champions_agree)

release = dg.define_asset_job(
    "release",
    selection=dg.AssetSelection.groups("releases", "prod_models") - _check,
    executor_def=side_by_side,
    description="Trains, judges and registers every model of a commit, and makes them champion together if all pass.",
)

analyze = dg.define_asset_job(
    ANALYZE,
    selection=dg.AssetSelection.groups("customers"),
    tags={"pipelines/purpose": "inference"},
    description="Takes a customer's sessions and lets the released models judge them: those that are asked for, or all "
    "that the serving versions have not judged.",
)

check_releases = dg.define_asset_job(
    "check_releases",
    selection=_check,
    description="Completes a move that was cut off, then compares git, plans, aliases, versions and gold.",
)

rollback, approve = (next(job for job in move_jobs if job.name == name) for name in ("rollback", "approve"))
costs = cost_job("production")
production_jobs = [release, *move_jobs, reproduce, check_releases, *customer_jobs, analyze, costs]
