"""Jobs of the production location: releases, people's moves, reproduction, the check of it all, customers."""

from __future__ import annotations

import dagster as dg

from pipelines.assets.customer_records import customer_jobs
from pipelines.assets.release_check import champions_agree
from pipelines.assets.release_moves import move_jobs
from pipelines.assets.reproduction import reproduce
from pipelines.jobs.costs import cost_job
from pipelines.partitions import RELEASES
from pipelines.releases.run_tags import ANALYZE

# What each step's process would import by itself, a second or two of the lead time.
_PRELOADED = ["pipelines.definitions", "pipelines.assets.production", "pipelines.jobs.production", "databricks.sdk"]
_check = dg.AssetSelection.checks(champions_agree)

release = dg.define_asset_job(
    "release",
    selection=dg.AssetSelection.groups("releases", "prod_models") - _check,
    partitions_def=RELEASES,
    # Models are trained beside each other as far as the workspace can; their steps wait for it in processes of theirs.
    executor_def=dg.multiprocess_executor.configured(
        {"max_concurrent": 4, "start_method": {"forkserver": {"preload_modules": _PRELOADED}}}
    ),
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
