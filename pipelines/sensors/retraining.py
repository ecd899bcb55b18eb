"""Training the release that serves once more, when gold has grown by the declared amount since it was last trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from pipelines.assets.release_check import last_growth
from pipelines.assets.releases import CHAMPIONS
from pipelines.jobs.production import release as release_job
from pipelines.releases.run_tags import ANEW, ATTEMPT, AUTHOR, COMMIT, HEAD, SIGNER
from pipelines.sensors.branch_record import in_progress, release_state
from pipelines.settings import Settings

if TYPE_CHECKING:
    from pipelines.releases.git.watch import Look

_KEPT_TAGS = (COMMIT, HEAD, ATTEMPT, AUTHOR, SIGNER, "pipelines/subject", "pipelines/release")


def retraining(instance: dg.DagsterInstance, settings: Settings, found: Look) -> dg.SensorResult | None:
    """Ask for the release of the head once more, by the same gates; None if there is no reason to.

    Only where the head is what serves, nothing is under way, and not for a version of gold that it was asked for
    before: what the last check found (`pipelines.assets.release_check`) stays until the next one.
    """
    from pipelines.releases.git.decision import Nothing

    head = found.head
    if settings.retrain_growth <= 0 or head is None or not isinstance(found.decision, Nothing):
        return None
    growth = last_growth(instance)
    if growth.get("release") != head or growth.get("share", 0.0) < settings.retrain_growth:
        return None
    state = release_state(instance, CHAMPIONS)
    # What waits for a person would be superseded, or asked for a second time.
    if found.decision.supersedes or state.get("current") != head or state.get("status", {}).get("on_its_way"):
        return None
    version = str(growth["gold_version"])
    if _asked_for(instance, head, version) or _is_under_way(instance, head):
        return None
    if (kept := _tags_of_earlier_run(instance, head)) is None:
        return None
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                run_key=f"anew_{head}_{version}",
                job_name=release_job.name,
                partition_key=head,
                tags={**kept, ANEW: version, "pipelines/trigger": "growth", "pipelines/growth": _words(growth)},
            )
        ]
    )


def _is_under_way(instance: dg.DagsterInstance, commit: str) -> bool:
    return any(about == commit for _, about in in_progress(instance, release_job.name))


def _asked_for(instance: dg.DagsterInstance, commit: str, version: str) -> bool:
    asked = dg.RunsFilter(job_name=release_job.name, tags={COMMIT: commit, ANEW: version})
    return instance.get_runs_count(asked) > 0


def _tags_of_earlier_run(instance: dg.DagsterInstance, commit: str) -> dict[str, str] | None:
    for run in instance.get_runs(dg.RunsFilter(job_name=release_job.name, tags={COMMIT: commit}), limit=20):
        if AUTHOR in run.tags:
            return {name: run.tags[name] for name in _KEPT_TAGS if name in run.tags}
    return None


def _words(growth: dict[str, Any]) -> str:
    return f"{growth['sessions_then']} sessions then, {growth['sessions_now']} now"
