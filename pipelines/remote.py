"""From an environment's settings to the launcher that runs its steps in a workspace."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import dagster as dg

from pipelines.bucket_credentials import bucket_secrets, bucket_variables
from pipelines.databricks.code import CodeSource
from pipelines.databricks.compute import ComputeSettings
from pipelines.databricks.launcher import DatabricksStepLauncher
from pipelines.databricks.target import RemoteTarget, SecretReference
from pipelines.environments import TASK_SETTINGS, Remote, Settings, for_task
from pipelines.metastore import EVENT_KEY
from pipelines.releases.plan import is_commit
from pipelines.releases.run_tags import COMMIT

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

SIZES = ("standard", "small", "medium", "large")
"""Size classes that steps ask for: `standard` unless a model's manifest says otherwise."""


_PARTITION = "dagster/partition"


class MissingCredentialError(LookupError):
    """An environment variable that the environment's file names for its credentials is not set."""


def step_launcher_for(settings: Settings) -> DatabricksStepLauncher | None:
    """The launcher of the environment's steps; None where they run in this process. Connects at its first launch."""
    remote = settings.remote
    if remote is None or settings.in_task:
        return None
    environment, secrets = {TASK_SETTINGS: for_task(settings)}, {}
    if remote.host is None:
        environment |= bucket_variables(settings)
        secrets = {name: SecretReference(remote.secret_scope, key) for name, key in bucket_secrets(settings).items()}
    return DatabricksStepLauncher(
        RemoteTarget(
            name=settings.location,
            connect=lambda: workspace_client(settings),
            staging=remote.staging,
            event_key=SecretReference(remote.secret_scope, EVENT_KEY),
            compute=lambda: _compute(settings, remote),
            tags=remote.tags,
            environment=environment,
            secrets=secrets,
        ),
        CodeSource(remote.repository, None, allow_dirty=remote.allow_dirty),
        code_of_run=lambda run: _code_of(settings, run),
    )


def _code_of(settings: Settings, run: dg.DagsterRun) -> CodeSource | None:
    """A commit of the watched branch, if that is what the run is about: its tag says so, or its partition."""
    commit = run.tags.get(COMMIT)
    if commit is None and settings.location == "production" and is_commit(partition := run.tags.get(_PARTITION)):
        commit = partition
    if commit is None:
        return None
    from pipelines.releases.branch import mirror_of

    return CodeSource(mirror_of(settings).repository.folder, commit, allow_dirty=False)


def workspace_client(settings: Settings) -> WorkspaceClient:
    """The SDK's client of the environment's workspace, as the principal that runs its steps.

    Raises:
        MissingCredentialError: a variable that the environment's file names is not set.
    """
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.core import Config

    assert settings.remote is not None
    if settings.remote.host is None:
        from pipelines.embedded import connected, share_bucket_credentials

        found = connected(settings)
        if bucket_secrets(settings):
            share_bucket_credentials(settings)
        return WorkspaceClient(config=Config(host=found.host, token=found.token, auth_type="pat"))
    given: dict[str, str] = {}
    for argument, variable in settings.remote.authentication.items():
        if variable not in os.environ:
            raise MissingCredentialError(
                f"{variable} is not set: the {settings.location} workspace's file names it for {argument}."
            )
        given[argument] = os.environ[variable]
    return WorkspaceClient(host=settings.remote.host, **given)  # type: ignore[arg-type]


def _compute(settings: Settings, remote: Remote) -> ComputeSettings:
    if remote.host is None:
        from pipelines.embedded import cluster_for

        return ComputeSettings.model_validate({"sizes": dict.fromkeys(SIZES, cluster_for(settings))})
    return ComputeSettings.model_validate(remote.compute)
