"""A status beside the commit on GitHub: on its way, released, stopped. Posted if the settings say so, else nothing.

That a status cannot be posted never keeps anything else from happening: it is said in the tick's log.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

import dagster as dg

from pipelines.assets.releases import CHAMPIONS
from pipelines.releases.move_config import release_named
from pipelines.releases.run_tags import ANEW, COMMIT
from pipelines.sensors.attempt_outcome import Ending, ending_of
from pipelines.sensors.branch_record import commit_of
from pipelines.settings import Settings

if TYPE_CHECKING:
    from logging import Logger

    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

    from pipelines.releases.git.commit_status import State, StatusTarget

    Jobs = Sequence[dg.JobDefinition | UnresolvedAssetJobDefinition]

_APPROVE, _TRAIN = "approve", "train"
"""Names of jobs whose runs are told in a way of their own."""
_ENDS = {
    "success": dg.DagsterRunStatus.SUCCESS,
    "failure": dg.DagsterRunStatus.FAILURE,
    "cancel": dg.DagsterRunStatus.CANCELED,
}


def status_target(settings: Settings) -> StatusTarget | None:
    """Where statuses of the location's commits go; None if the settings or the environment do not say."""
    from pipelines.releases.git.commit_status import StatusTarget, repository_name

    git = settings.git
    token = os.environ.get(git.status_token_variable) if git.status_token_variable else None
    repository = git.status_repository or (repository_name(git.url) if git.status_token_variable else None)
    if not token or not repository:
        return None
    return StatusTarget(repository, token, f"{git.branch}/{settings.location}", git.status_api)


def tell(settings: Settings, commit: str, state: State, description: str, link: str, log: Logger) -> None:
    """Post the status if that is wanted; what keeps it from being posted is logged."""
    from pipelines.releases.git.commit_status import NotPosted, post_status

    if (target := status_target(settings)) is None:
        return
    found = post_status(target, commit, state, description, link)
    if isinstance(found, NotPosted):
        log.warning(f"The status of {commit[:12]} was not posted: {found.why}")


def runs_link(settings: Settings, commit: str) -> str:
    """Dagster's list of the commit's runs: one that is asked for has no page of its own yet."""
    return f"{settings.dagster_url.rstrip('/')}/runs?q%5B0%5D={quote(f'tag:{COMMIT}={commit}', safe='')}"


def commit_status_sensors(settings: Settings, jobs: Jobs) -> list[dg.SensorDefinition]:
    """A sensor per way in which runs of these jobs can end; none if the settings name no token."""
    if not settings.git.status_token_variable:
        return []
    return [_sensor(settings, jobs, name, status) for name, status in _ENDS.items()]


def _sensor(settings: Settings, jobs: Jobs, name: str, status: dg.DagsterRunStatus) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        run_status=status,
        name=f"commit_status_{name}",
        monitored_jobs=jobs,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Tells GitHub of a commit whose run ended ({name}).",
    )
    def commit_status(context: dg.RunStatusSensorContext) -> None:
        run = context.dagster_run
        commit = commit_of(run) if run.job_name != _APPROVE else _approved(context.instance, run)
        if commit is None:  # started by a person, on whatever code there was, or not approved by everyone yet
            return
        state, words = ending_state(context.instance, run)
        link = f"{settings.dagster_url.rstrip('/')}/runs/{run.run_id}"
        tell(settings, commit, state, words, link, context.log)

    return commit_status


def ending_state(instance: dg.DagsterInstance, run: dg.DagsterRun) -> tuple[State, str]:
    """What the end of the run means for its commit, and why in words.

    `failure` where a gate or the commit is the reason, `error` where the machinery, gold or a person is.
    """
    if not run.is_success:
        ending = ending_of(instance, run)
        if ANEW in run.tags:  # the commit serves, with the versions that it had
            return "success", f"Serves as before. Trained anew on more data: {_words(ending)}"
        return ("failure" if ending.outcome in ("gate", "refused") else "error"), _words(ending)
    if run.job_name == _TRAIN:
        return "success", "Every model was trained."
    outcome, why = _rollout(instance, run)
    if outcome == "awaits_approval":
        return "pending", why
    return "success", why or "Every step succeeded."


def _words(ending: Ending) -> str:
    told = {
        "gate": "Stopped by a gate",
        "refused": "Refused",
        "gold": "Gold cannot be trained on",
        "stopped": "Stopped",
        "superseded": "Superseded",
        "infrastructure": "Failed, and is tried again by itself where that may help",
    }
    return f"{told[ending.outcome]}: {ending.why}"


def _rollout(instance: dg.DagsterInstance, run: dg.DagsterRun) -> tuple[str, str]:
    """What the run's materialization of the champions says: outcome and why."""
    made = _champions(instance, run)
    return (str(made.metadata["outcome"].value), str(made.metadata["why"].value)) if made else ("", "")


def _approved(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str | None:
    """The release that serves since a person approved of it; None if something is still missing."""
    made = _champions(instance, run)
    serves = made.partition if made is not None else None
    return serves if serves is not None and serves.startswith(release_named("approve", run.run_config)) else None


def _champions(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.AssetMaterialization | None:
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
        made = entry.dagster_event.step_materialization_data.materialization if entry.dagster_event else None
        if made is not None and made.asset_key == CHAMPIONS:
            return made
    return None
