"""The schedule that checks the releases: what git says is read here, and compared in the workspace."""

from __future__ import annotations

from typing import Any

import dagster as dg

from pipelines.assets.release_check import STEP
from pipelines.jobs.production import check_releases
from pipelines.settings import Settings

_FETCH_SECONDS = 30.0
"""Dagster gives an evaluation 60 s; asking for the head takes up to `LOOK_SECONDS` besides."""


def release_check_schedule() -> dg.ScheduleDefinition:
    """The schedule."""

    @dg.schedule(
        name="hourly_release_check",
        job=check_releases,
        cron_schedule="17 * * * *",  # beside whatever starts on the hour
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def hourly_release_check(
        context: dg.ScheduleEvaluationContext, settings: dg.ResourceParam[Settings]
    ) -> dg.RunRequest:
        """Completes a move that was cut off, then compares git, plans, aliases, versions and gold."""
        branch = branch_now(settings)
        if branch.get("problem"):
            context.log.warning(branch["problem"])
        return dg.RunRequest(run_config=check_config(branch), tags={"pipelines/trigger": "schedule"})

    return hourly_release_check


def branch_now(settings: Settings) -> dict[str, Any]:
    """The step's config: the commit that the watched branch is at and its models, or why git cannot tell."""
    from pipelines.releases.branch import NOT_WATCHED, mirror_of
    from pipelines.releases.git.head import read_head
    from pipelines.releases.git.problem import GitProblemError, Problem
    from pipelines.releases.git.tree import read_tree
    from pipelines.releases.git.watch import LOOK_SECONDS

    if not settings.git.url:
        return {"problem": NOT_WATCHED}
    mirror = mirror_of(settings)
    head = read_head(mirror.remote, LOOK_SECONDS)
    if isinstance(head, Problem):
        return {"problem": str(head)}
    try:
        if not (mirror.repository.folder.is_dir() and mirror.repository.has(head.commit)):
            fetched = mirror.fetch(_FETCH_SECONDS)
            if isinstance(fetched, Problem):
                return {"head": head.commit, "problem": str(fetched)}
            head = fetched
        return {"head": head.commit, "models": list(read_tree(mirror.repository, head.commit).models)}
    except GitProblemError as error:
        return {"head": head.commit, "problem": str(error)}


def check_config(branch: dict[str, Any]) -> dict[str, Any]:
    """The run config of the job `check_releases`."""
    return {"ops": {STEP: {"config": branch}}}
