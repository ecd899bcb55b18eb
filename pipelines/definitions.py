"""What Dagster loads: one function per code location. Starts nothing and imports no model code.

Each location imports what is its own when it is asked for: code servers start sooner, and one's mistake is not the
other's.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from pipelines.environments import current_settings
from pipelines.resources import resources_for


@contextmanager
def _loading() -> Iterator[None]:
    """Without looking for garbage: all that is loaded stays, here and in processes that are forked from this one."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()


@_loading()
def development() -> dg.Definitions:
    """Sessions to gold, and the models of `main` or of a data scientist's branch, in the development workspace."""
    from pipelines.assets.development import development_assets
    from pipelines.checks import development_checks
    from pipelines.jobs.development import branch_jobs, development_jobs
    from pipelines.sensors.development import development_schedules, development_sensors

    settings = current_settings("development")
    return dg.Definitions(
        assets=development_assets(settings),
        asset_checks=[] if settings.branch else development_checks,
        jobs=branch_jobs if settings.branch else development_jobs,
        schedules=development_schedules(settings),
        sensors=development_sensors(settings),
        resources=resources_for(settings),
        executor=_EXECUTOR,
    )


@_loading()
def production() -> dg.Definitions:
    """What customers get, made in the production workspace from the gold that development shares."""
    from pipelines.assets.production import production_assets
    from pipelines.assets.release_check import champions_agree
    from pipelines.jobs.production import production_jobs
    from pipelines.sensors.production import production_schedules, production_sensors

    settings = current_settings("production")
    return dg.Definitions(
        assets=production_assets(settings),
        asset_checks=[champions_agree],
        jobs=production_jobs,
        schedules=production_schedules,
        sensors=production_sensors(settings),
        resources=resources_for(settings),
        executor=_EXECUTOR,
    )


# Steps compute in a workspace: what runs here waits for them, and a process per step would cost seconds each.
_EXECUTOR = dg.in_process_executor
