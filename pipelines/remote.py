"""From an environment's settings to the launcher that runs its steps in a workspace."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import dagster as dg

from pipelines.bucket_credentials import bucket_secrets, bucket_variables
from pipelines.databricks.code import CodeSource
from pipelines.databricks.compute import ComputeSettings
from pipelines.databricks.launcher import DatabricksStepLauncher, Patience
from pipelines.databricks.target import RemoteTarget, SecretReference
from pipelines.environments import TASK_SETTINGS, for_task
from pipelines.releases.move_config import release_named
from pipelines.releases.plan import is_commit
from pipelines.releases.run_tags import ANALYZE, CHAMPIONS, COMMIT, CUSTOMERS
from pipelines.remote_settings import Remote
from pipelines.settings import Settings
from pipelines.workspace_names import EVENT_KEY

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from pipelines.embedded import Reached

_PARTITION, _APPROVE = "dagster/partition", "approve"
_LOCAL_PATIENCE = Patience(budget_s=120)
"""A local workspace that is silent for so long has died, and is started anew by whoever connects to it."""


class MissingCredentialError(LookupError):
    """An environment variable that the environment's file names for its credentials is not set."""


def step_launcher_for(settings: Settings) -> DatabricksStepLauncher | None:
    """The launcher of the environment's steps; None where they run in this process. Connects at its first launch."""
    remote = settings.remote
    if remote is None or settings.in_task:
        return None
    environment, secrets = {TASK_SETTINGS: for_task(settings)}, {}
    workspace = _LocalWorkspace(settings) if settings.has_local_workspaces else _DatabricksWorkspace(settings, remote)
    if settings.has_local_workspaces:
        environment |= bucket_variables(settings)
        secrets = {name: SecretReference(remote.secret_scope, key) for name, key in bucket_secrets(settings).items()}
    return DatabricksStepLauncher(
        RemoteTarget(
            name=settings.location,
            connect=workspace.client,
            staging=remote.staging,
            event_key=SecretReference(remote.secret_scope, EVENT_KEY),
            compute=workspace.compute,
            tags=remote.tags,
            environment=environment,
            secrets=secrets,
        ),
        CodeSource(remote.repository, None, allow_dirty=remote.allow_dirty),
        _LOCAL_PATIENCE if settings.has_local_workspaces else None,
        code_of_run=lambda instance, run: _code_of(settings, instance, run),
    )


def _code_of(settings: Settings, instance: dg.DagsterInstance, run: dg.DagsterRun) -> CodeSource | None:
    """A commit of the watched branch, if that is what the run is about: its tag says so, or its partition.

    What is made for a customer is made by the code of the release that serves. A release that a person approves is
    rolled out by its own: it says which models there are, and what their versions were made of.
    """
    commit = run.tags.get(COMMIT)
    if commit is None and settings.location == "production":
        if _is_for_customer(run):
            commit = serving_release(instance)
        elif run.job_name == _APPROVE:
            commit = _approved_release(instance, run)
        elif is_commit(partition := run.tags.get(_PARTITION)):
            commit = partition
    if commit is None:
        return None
    from pipelines.releases.branch import mirror_of

    return CodeSource(mirror_of(settings).repository.folder, commit, allow_dirty=False)


def _approved_release(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str | None:
    from pipelines.partitions import RELEASES

    beginning = release_named(_APPROVE, run.run_config)
    found = [one for one in instance.get_dynamic_partitions(str(RELEASES.name)) if one.startswith(beginning)]
    return found[0] if beginning and len(found) == 1 else None  # else the step tells what is wrong with it


def _is_for_customer(run: dg.DagsterRun) -> bool:
    # By its assets and not by its partition: a customer's name may look like a commit's.
    selected = run.asset_selection or ()
    return run.job_name == ANALYZE or any(key.path[: len(CUSTOMERS)] == list(CUSTOMERS) for key in selected)


def serving_release(instance: dg.DagsterInstance) -> str | None:
    """The commit of the release that customers get, as the releases last said of themselves; None before the first."""
    event = instance.get_latest_materialization_event(dg.AssetKey(list(CHAMPIONS)))
    kept = event.asset_materialization.metadata.get("state") if event and event.asset_materialization else None
    current = kept.value.get("current") if kept is not None and isinstance(kept.value, dict) else None
    return str(current) if is_commit(current) else None


def workspace_client(settings: Settings) -> WorkspaceClient:
    """The SDK's client of the environment's workspace, as the principal that runs its steps.

    Raises:
        MissingCredentialError: a variable that the environment's file names is not set.
    """
    assert settings.remote is not None
    if settings.has_local_workspaces:
        return _LocalWorkspace(settings).client()
    return _DatabricksWorkspace(settings, settings.remote).client()


class _LocalWorkspace:
    """The embedded environment's workspace. One look at it gives both the client and what to run on."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._found: Reached | None = None

    def client(self) -> WorkspaceClient:
        """A client of the workspace, which is started and prepared if it is not; looks anew at every call."""
        from databricks.sdk import WorkspaceClient
        from databricks.sdk.core import Config

        from pipelines.embedded import reached_for_steps, share_bucket_credentials

        self._found = reached_for_steps(self._settings)
        if bucket_secrets(self._settings):
            share_bucket_credentials(self._settings)
        return WorkspaceClient(config=Config(host=self._found.host, token=self._found.token, auth_type="pat"))

    def compute(self) -> ComputeSettings:
        """On what steps of each size run in the workspace that the client was made for."""
        from pipelines.embedded import reached_for_steps
        from pipelines.embedded_compute import sizes_for

        self._found = self._found or reached_for_steps(self._settings)
        return ComputeSettings.model_validate({"sizes": sizes_for(self._settings, self._found)})


class _DatabricksWorkspace:
    """A workspace that the environment's file describes."""

    def __init__(self, settings: Settings, remote: Remote) -> None:
        self._location = settings.location
        self._remote = remote

    def client(self) -> WorkspaceClient:
        """A client of the workspace.

        Raises:
            MissingCredentialError: a variable that the environment's file names is not set.
        """
        from databricks.sdk import WorkspaceClient

        given: dict[str, str] = {}
        for argument, variable in self._remote.authentication.items():
            if variable not in os.environ:
                raise MissingCredentialError(
                    f"{variable} is not set: the {self._location} workspace's file names it for {argument}."
                )
            given[argument] = os.environ[variable]
        return WorkspaceClient(host=self._remote.host, **given)  # type: ignore[arg-type]

    def compute(self) -> ComputeSettings:
        """The size classes that the file describes."""
        return ComputeSettings.model_validate(self._remote.compute)
