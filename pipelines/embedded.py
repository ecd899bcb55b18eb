"""The embedded environment's workspaces: started at first use, prepared once, found by every process after that."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pipelines.bucket_credentials import bucket_secrets
from pipelines.embedded_compute import start_delays
from pipelines.engines.java import provide_java
from pipelines.local.lifecycle import Connection, connection
from pipelines.local.settings import LocalSettings, admin_name, settings_below
from pipelines.local.stack import StackConnection, ensure_prepared, ensure_stack
from pipelines.machine_cache import cache_folder
from pipelines.metastore import PUBLIC_KEY, Site, plan_for
from pipelines.settings import Settings
from pipelines.workspace_names import LOCATIONS, SECRET_SCOPE, Location

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from pipelines.databricks.bootstrap.plan import Plan

Reached = StackConnection | Connection
"""A workspace that serves, with the warm cluster or without."""

_Found = TypeVar("_Found", bound=Reached)


def local_settings(settings: Settings) -> LocalSettings:
    """The two local workspaces over the environment's tables; what they grant is the bootstrap's to say."""
    assert settings.remote is not None
    return settings_below(
        settings.home / "databricks",
        settings.tables,
        settings.remote.repository,
        hidden=(settings.home,),
        grants=(),
        start_delays=start_delays(settings.remote.local_compute),
        private={name: (settings.home / "mlflow" / name,) for name in LOCATIONS},
        environment={"OMP_WAIT_POLICY": "PASSIVE", **_java(settings)},
    )


def _java(settings: Settings) -> dict[str, str]:
    """Where Apache Spark finds its Java and its jars, if it is the engine: a task has another home folder."""
    if settings.engine != "apache_spark":
        return {}
    return {
        "JAVA_HOME": str(provide_java(os.environ).home),
        "PIPELINES_CACHE": str(cache_folder(os.environ)),
    }


def connected(settings: Settings) -> StackConnection:
    """The location's workspace, running and prepared; its cluster is up or on its way. Milliseconds if all is there."""
    return _made_sure(settings, ensure_stack)


def reached_for_steps(settings: Settings) -> Reached:
    """The same, with the cluster only where steps run on it."""
    assert settings.remote is not None
    if settings.remote.local_compute.needs_warm_cluster:
        return connected(settings)
    return _made_sure(settings, ensure_prepared)


def _made_sure(settings: Settings, ensure: Callable[..., _Found]) -> _Found:
    """The location's workspace as `ensure` leaves it.

    Production reads what development grants it, so production's preparation begins with development's. It needs none
    of development's clusters.
    """
    # A bucket needs no volume here: steps read it as the sensor does.
    landing = settings.landing if isinstance(settings.landing, Path) else settings.home / "landing"
    customers = f"file://{customers_folder(settings)}" if settings.customers is not None else None
    local, site = local_settings(settings), Site(f"file://{landing}", customers=customers, data_scientists=None)
    for folder in (landing, settings.home / "mlflow" / settings.location):
        folder.mkdir(parents=True, exist_ok=True)
    development, production = (plan_for(name, site) for name in LOCATIONS)

    def prepare_development(client: WorkspaceClient) -> None:
        _apply(development, client, {})

    def prepare_production(client: WorkspaceClient) -> None:
        ensure_prepared(local, "development", prepare_development, development.digest)
        _apply(production, client, _public_key(local))

    if settings.location == "development":
        return ensure(local, "development", prepare_development, development.digest)
    return ensure(local, "production", prepare_production, production.digest)


def customers_folder(settings: Settings) -> Path:
    """The folder whose folders are the customers' volumes; that of a zone in a bucket is there for the grants alone."""
    return settings.customers if isinstance(settings.customers, Path) else settings.home / "customers"


def administrator(settings: Settings) -> WorkspaceClient:
    """A client of the location's workspace as its administrator; the workspace is started and prepared if need be."""
    reached_for_steps(settings)
    return _administrator(local_settings(settings), settings.location)


def share_bucket_credentials(settings: Settings) -> None:
    """Put what this process's environment proves to S3 into the location's secret scope, for its steps.

    Needed where the landing zone is in a bucket: the local workspace mounts none.
    """
    owner = _administrator(local_settings(settings), settings.location)
    for variable, key in bucket_secrets(settings).items():
        owner.secrets.put_secret(SECRET_SCOPE, key, string_value=os.environ[variable])


def _apply(plan: Plan, client: WorkspaceClient, supplied: dict[str, str]) -> None:
    from pipelines.databricks.bootstrap.apply import apply

    apply(plan, client, supplied)


def _public_key(local: LocalSettings) -> dict[str, str]:
    from pipelines.databricks.bootstrap.secret_scopes import read_secret

    return {PUBLIC_KEY: read_secret(_administrator(local, "development"), SECRET_SCOPE, PUBLIC_KEY)}


def _administrator(local: LocalSettings, location: Location) -> WorkspaceClient:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.core import Config

    found = connection(local, location, admin_name(location))
    return WorkspaceClient(config=Config(host=found.host, token=found.token, auth_type="pat"))
