"""The sensor of `release`: what is pushed there is released to customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from pipelines.assets.releases import CHAMPIONS
from pipelines.jobs.production import release as release_job
from pipelines.partitions import RELEASES
from pipelines.releases.move_config import move_config
from pipelines.releases.run_tags import HEAD
from pipelines.sensors.branch import Following, UnreleasableError, tags_of, tick
from pipelines.sensors.branch_record import record_of_releases
from pipelines.sensors.retraining import retraining
from pipelines.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.releases.git.decision import Release, Rollback
    from pipelines.releases.git.watch import Candidate

_REMEDY = "Push a newer commit that mends it."


def release_branch_sensor(
    settings: Settings, rollback: dg.JobDefinition, graph: Mapping[str, str]
) -> dg.SensorDefinition:
    """The sensor.

    Args:
        rollback: the job that goes back to an earlier release.
        graph: digests of the manifests that the location was loaded from, by model.
    """

    def release(settings: Settings, location: str, decision: Release, candidate: Candidate) -> dg.SensorResult:
        if (reason := _load_graph_of(settings, location, decision.commit, graph)) is not None:
            return dg.SensorResult(skip_reason=reason)
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    run_key=decision.run_key,
                    job_name=release_job.name,
                    partition_key=decision.commit,
                    tags=tags_of(decision, candidate),
                )
            ],
            dynamic_partitions_requests=[RELEASES.build_add_request([decision.commit])],
        )

    following = Following(
        job=release_job.name,
        record=lambda instance: record_of_releases(instance, CHAMPIONS),
        release=release,
        rollback=_rollback,
        otherwise=retraining,
    )

    @dg.sensor(
        name="release_branch",
        jobs=[release_job, rollback],
        minimum_interval_seconds=settings.git.look_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def release_branch(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """Releases whatever the branch `release` is at: retrains, judges, registers and rolls out all its models.

        A commit that was released before is gone back to without training. The one that serves is trained once more
        when gold has grown by the share that the settings name (`retrain_growth`). Why nothing is done, if nothing
        is, is said in each tick.
        """
        return tick(context, settings, following)

    return release_branch


def _rollback(instance: dg.DagsterInstance, decision: Rollback) -> dg.SensorResult:
    from pipelines.sensors.branch_record import release_state

    failed = instance.get_runs_count(
        dg.RunsFilter(job_name="rollback", tags={HEAD: decision.to}, statuses=[dg.DagsterRunStatus.FAILURE])
    )
    sequence = release_state(instance, CHAMPIONS).get("sequence", 0)
    reason = f"the branch was set back to {decision.to[:12]}"
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                run_key=f"rollback_{decision.to}_{sequence}_{failed}",
                job_name="rollback",
                run_config=move_config("rollback", actor="git", reason=reason, release=decision.to),
                tags={HEAD: decision.to, "pipelines/trigger": "git"},
            )
        ]
    )


def _load_graph_of(settings: Settings, location: str, commit: str, graph: Mapping[str, str]) -> str | None:
    """Have the location loaded anew unless it shows the commit's models already; why to wait, or None if it does.

    Raises:
        UnreleasableError: a manifest of the commit is wrong, or Dagster would load no graph with it.
    """
    from pipelines.assets.production import why_not_loadable
    from pipelines.models.manifest import ManifestError, load_manifests
    from pipelines.releases.branch import checkouts_of, mirror_of
    from pipelines.releases.release_graph import choose_release_graph, graph_of
    from pipelines.sensors.code_location import ReloadError, reload_location

    checkouts = checkouts_of(settings)
    with checkouts.use(mirror_of(settings).repository, commit) as checkout:
        models = checkout / "pipelines" / "models"
        try:
            load_manifests(models)
        except ManifestError as error:
            told = str(error).replace(f"{checkout}/", "")
            raise UnreleasableError(f"Commit {commit[:12]} cannot be released: {told}", _REMEDY) from error
        wanted = graph_of(models)
        if wanted == dict(graph):
            return None
        # A location that does not load has no sensor either, which would see the commit that mends it.
        if (problem := why_not_loadable(settings, models)) is not None:
            raise UnreleasableError(f"Commit {commit[:12]} cannot be released: {problem}", _REMEDY)
        choose_release_graph(settings, checkout)
        checkouts.prune({commit})
    changed = sorted(name for name in {*wanted, *graph} if wanted.get(name) != graph.get(name))
    try:
        reload_location(settings.dagster_url, location)
    except ReloadError as error:
        return f"Commit {commit[:12]} gives another graph ({', '.join(changed)}). {error}"
    return f"The code location is loaded anew: commit {commit[:12]} gives another graph ({', '.join(changed)})."
