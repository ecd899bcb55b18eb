"""The sensor of `main`: what is pushed there is trained in development."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from pipelines.jobs.development import train
from pipelines.releases.run_tags import COMMIT, HEAD
from pipelines.sensors.branch import Following, tags_of, tick
from pipelines.sensors.branch_record import record_of_trainings
from pipelines.settings import Settings

if TYPE_CHECKING:
    from pipelines.releases.git.decision import Release, Rollback
    from pipelines.releases.git.watch import Candidate


def main_branch_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor."""
    following = Following(job=train.name, record=record_of_trainings, release=_release, rollback=_rollback)

    @dg.sensor(
        name="main_branch",
        job=train,
        minimum_interval_seconds=settings.git.look_seconds,
        # A laptop's gold is often too small to train on, so there a person switches it on.
        default_status=dg.DefaultSensorStatus.STOPPED
        if settings.has_local_workspaces
        else dg.DefaultSensorStatus.RUNNING,
    )
    def main_branch(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """Trains development's models by the code that the branch `main` is at."""
        return tick(context, settings, following)

    return main_branch


def _release(_: Settings, __: str, decision: Release, candidate: Candidate) -> dg.SensorResult:
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=decision.run_key, tags=tags_of(decision, candidate))])


def _rollback(instance: dg.DagsterInstance, decision: Rollback) -> dg.SensorResult:
    done = instance.get_runs_count(dg.RunsFilter(job_name=train.name, tags={COMMIT: decision.to}))
    tags = {COMMIT: decision.to, HEAD: decision.to, "pipelines/trigger": "git"}
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"again_{decision.to}_{done}", tags=tags)])
