"""The one place that chooses the environment: where things are and which engine computes.

`PIPELINES_ENVIRONMENT` names it: `embedded` (default), `conformance` or `databricks`. On Databricks the file that
`PIPELINES_DEVELOPMENT` or `PIPELINES_PRODUCTION` names says the rest, a file per code location
(`pipelines.environment_file`). `PIPELINES_BRANCH` puts a data scientist on a branch of their own, `PIPELINES_HOME`
moves local files, `PIPELINES_LANDING` the landing zone (to another folder, or to `s3://bucket/prefix`),
`PIPELINES_CUSTOMERS` the customers' zone likewise,
`PIPELINES_FIRST_UPLOAD_DAY` the first daily partition, `PIPELINES_GIT` the repository of the models,
`PIPELINES_DAGSTER` the address of Dagster's UI. `PIPELINES_COMPUTE` and `PIPELINES_START_DELAYS` say on what steps of
the local workspaces run, and how long that takes to start (`pipelines.compute_choice`).

A step that runs in a workspace gets its settings from the process that launched it (`for_task`), whole.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from pipelines.branches import branch_schema
from pipelines.compute_choice import local_compute
from pipelines.landing.address import Address, InvalidAddressError, S3Prefix, landing_address
from pipelines.remote_settings import LocalCompute, Remote
from pipelines.settings import EngineName, InvalidSettingError, NoEnvironmentFileError, Settings
from pipelines.watched_branch import WatchedBranch
from pipelines.workspace_names import (
    CATALOGS,
    LANDING_VOLUME,
    SECRET_SCOPE,
    Location,
    folder_of,
    staging_volume,
    work_volume,
)

if TYPE_CHECKING:
    from pipelines.environment_file import EnvironmentFile, Git

TASK_SETTINGS = "PIPELINES_TASK_SETTINGS"
"""Environment variable that holds, in a task, the settings of the process that launched it."""

_BRANCHES: dict[Location, str] = {"development": "main", "production": "release"}
_ENGINES: dict[str, EngineName] = {"embedded": "sail", "conformance": "apache_spark", "databricks": "databricks"}
_PROJECT = Path(__file__).resolve().parents[1]


class UnknownEnvironmentError(ValueError):
    """The environment that was asked for does not exist."""


def settings_from(variables: Mapping[str, str], location: Location = "development") -> Settings:
    """The settings of a code location that environment variables describe.

    Raises:
        UnknownEnvironmentError: `PIPELINES_ENVIRONMENT` names none of the known environments.
        NoEnvironmentFileError: on Databricks, no file of the location is named.
        InvalidSettingError: another variable, or the environment's file, cannot be understood.
    """
    if TASK_SETTINGS in variables:
        return TypeAdapter(Settings).validate_json(variables[TASK_SETTINGS])
    name = variables.get("PIPELINES_ENVIRONMENT", "embedded")
    if name not in _ENGINES:
        raise UnknownEnvironmentError(
            f"PIPELINES_ENVIRONMENT is {name!r}, which does not exist: set it to one of {', '.join(sorted(_ENGINES))}."
        )
    branch = (variables.get("PIPELINES_BRANCH") or None) if location == "development" else None
    settings = _on_this_machine(name, location, branch, variables)
    if name == "databricks":
        variable = f"PIPELINES_{location.upper()}"
        if not variables.get(variable):
            raise NoEnvironmentFileError(
                f"{variable} is not set: name the file that describes the {location} workspace, such as "
                f"deploy/{location}.yaml."
            )
        from pipelines.environment_file import load_environment_file

        if own := variables.get("DAGSTER_HOME"):
            # A deployment's instance, which the command line works on, too.
            settings = replace(settings, dagster_home=Path(own))
        return _on_databricks(settings, load_environment_file(Path(variables[variable])))
    return settings


def current_settings(location: Location = "development") -> Settings:
    """The settings of this process's environment."""
    return settings_from(os.environ, location)


def first_upload_day() -> date:
    """The first daily partition. It is known without any environment file: a deployment has that of one location."""
    if TASK_SETTINGS in os.environ:
        return current_settings().first_upload_day
    return _first_upload_day(os.environ)


def for_task(settings: Settings) -> str:
    """The settings of a step that these launch, for `TASK_SETTINGS`: paths as they are in the workspace."""
    remote = settings.remote
    # The local workspace mounts folders only: a bucket is read there as it is here.
    in_bucket = isinstance(settings.landing, S3Prefix) and settings.warehouse is not None
    in_task = replace(
        settings,
        in_task=True,
        landing=settings.landing if in_bucket else settings.landing_volume,
        session_maps=settings.landing_volume / "maps",
        work=Path(folder_of(work_volume(settings.location))) if settings.warehouse else settings.work,
        remote=replace(remote, authentication={}, compute={}, local_compute=LocalCompute()) if remote else None,
        git=WatchedBranch("", settings.git.branch, Path("/nowhere")),
        dagster_url="",
    )
    return TypeAdapter(Settings).dump_json(in_task).decode()


def _on_this_machine(name: str, location: Location, branch: str | None, variables: Mapping[str, str]) -> Settings:
    home = Path(variables.get("PIPELINES_HOME") or _PROJECT / ".pipelines").expanduser().resolve()
    catalog = CATALOGS[location]
    own = branch_schema(branch) if branch else None
    mlflow = home / "mlflow" / location
    remote = Remote(
        host=None,
        authentication={},
        staging=folder_of(staging_volume(location)),
        secret_scope=SECRET_SCOPE,
        compute={},
        tags={"environment": location, "cost_center": own or location, **({"branch": own} if own else {})},
        repository=_PROJECT,
        allow_dirty=True,
        local_compute=local_compute(variables, _ENGINES[name]),
    )
    return Settings(
        environment=name,
        location=location,
        branch=branch,
        engine=_ENGINES[name],
        in_task=False,
        home=home,
        landing=_landing(variables.get("PIPELINES_LANDING") or home / "landing", "PIPELINES_LANDING"),
        landing_volume=Path(folder_of(LANDING_VOLUME)),
        customers=_landing(variables.get("PIPELINES_CUSTOMERS") or home / "customers", "PIPELINES_CUSTOMERS")
        if location == "production"
        else None,
        warehouse=home / "warehouse",
        work=home / "work" / location,
        scratch=None,
        tracking_uri=f"sqlite:///{mlflow / 'mlflow.db'}",
        registry_uri=f"sqlite:///{mlflow / 'mlflow.db'}",
        artifacts=mlflow / "artifacts",
        experiments="",
        model_schema=f"{catalog}.{own or 'models'}",
        prediction_schema=f"{catalog}.{own or 'predictions'}",
        session_maps=home / "landing" / "maps",
        dagster_home=home / "dagster",
        remote=remote,
        git=WatchedBranch(
            url=variables.get("PIPELINES_GIT") or str(home / "git" / "models.git"),
            branch=_BRANCHES[location],
            folder=home / "git" / location,
            # The daemon asks every five seconds: as many here would be missed by a moment every other time.
            look_seconds=2,
        ),
        dagster_url=variables.get("PIPELINES_DAGSTER") or Settings.dagster_url,
        first_upload_day=_first_upload_day(variables),
    )


def _on_databricks(settings: Settings, file: EnvironmentFile) -> Settings:
    assert settings.remote is not None
    remote = replace(
        settings.remote,
        host=file.workspace.host,
        authentication=file.workspace.authentication,
        staging=file.staging,
        secret_scope=file.secret_scope,
        compute=file.compute,
        tags={**settings.remote.tags, **file.tags},
        repository=Path(file.repository).expanduser() if file.repository else settings.remote.repository,
        allow_dirty=settings.location == "development",
    )
    return replace(
        settings,
        landing=_landing(file.landing, "landing") if file.landing else Path(file.landing_volume),
        landing_volume=Path(file.landing_volume),
        customers=_landing(file.customers, "customers") if file.customers else None,
        warehouse=None,
        work=Path(file.work),
        scratch=Path(file.work) / "scratch",
        tracking_uri=file.mlflow.tracking_uri,
        registry_uri=file.mlflow.registry_uri,
        artifacts=None,
        experiments=file.mlflow.experiments,
        session_maps=Path(file.landing_volume) / "maps",
        remote=remote,
        git=_watched(settings.git, file.git),
        dagster_url=file.dagster_url or "",
        retrain_growth=file.retrain_growth,
        rates_usd_per_hour={**settings.rates_usd_per_hour, **file.rates_usd_per_hour},
    )


def _watched(default: WatchedBranch, git: Git | None) -> WatchedBranch:
    if git is None:
        return replace(default, url="")
    given = git.model_dump(exclude_none=True, exclude={"signatures"})
    return replace(default, **{"look_seconds": 30, **given}, **git.signatures.model_dump(exclude_none=True))


def _landing(text: str | Path, name: str) -> Address:
    try:
        return landing_address(text)
    except InvalidAddressError as error:
        raise InvalidSettingError(f"{name}: {error}") from None


def _first_upload_day(variables: Mapping[str, str]) -> date:
    name, default = "PIPELINES_FIRST_UPLOAD_DAY", Settings.first_upload_day
    text = variables.get(name)
    if not text:
        return default
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidSettingError(f"{name} is {text!r}, which is no date: write it as {default}.") from None
