"""Two local workspaces that began empty, after both plans were applied to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from databricks.sdk import WorkspaceClient

from pipelines.local.identity import admin_name
from pipelines.local.lifecycle import down
from pipelines.local.settings import LocalSettings, ServicePrincipal
from pipelines.metastore import PRINCIPALS, Site, set_up
from pipelines.workspace_names import Location
from pipelines_tests.local.conftest import Finished, client, local_settings, run_code
from pipelines_tests.local.warm_clusters import started_cluster

SCIENTIST = ServicePrincipal("ada", "development")
"""Stands for the group of data scientists: the local workspace has no groups of the account."""


@dataclass(frozen=True)
class Workspaces:
    """Two workspaces after both plans, an administrator of each, and what applying said."""

    settings: LocalSettings
    site: Site
    development: WorkspaceClient
    production: WorkspaceClient
    lines: list[str]

    def principal(self, workspace: Location) -> WorkspaceClient:
        """A client of the workspace's service principal, with a token that its administrator made for it."""
        administrator = self.development if workspace == "development" else self.production
        name = PRINCIPALS[workspace]
        [found] = administrator.service_principals.list(filter=f'displayName eq "{name}"')
        token = administrator.token_management.create_obo_token(found.application_id or "").token_value
        return WorkspaceClient(host=administrator.config.host, token=token)


@pytest.fixture(scope="package")
def workspaces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspaces]:
    home = tmp_path_factory.mktemp("metastore")
    settings = local_settings(home, principals=(SCIENTIST,), grants=(), bindings=())
    landing = home / "landing"
    (landing / "sessions").mkdir(parents=True)
    (landing / "sessions" / "a.csv").write_text("landed")
    site = Site(f"file://{landing}", data_scientists=SCIENTIST.name)
    development, production = (client(settings, name, admin_name(name)) for name in ("development", "production"))
    yield Workspaces(settings, site, development, production, set_up(site, development, production))
    for workspace in settings.workspaces:
        down(settings, workspace)


@pytest.fixture(scope="package")
def development(workspaces: Workspaces) -> WorkspaceClient:
    return workspaces.principal("development")


@pytest.fixture(scope="package")
def production(workspaces: Workspaces) -> WorkspaceClient:
    return workspaces.principal("production")


@pytest.fixture(scope="package")
def scientist(workspaces: Workspaces) -> WorkspaceClient:
    return client(workspaces.settings, "development", SCIENTIST.name)


@pytest.fixture(scope="package")
def scientist_cluster(scientist: WorkspaceClient) -> str:
    return started_cluster(scientist)


@pytest.fixture(scope="package")
def development_cluster(development: WorkspaceClient) -> str:
    return started_cluster(development)


@pytest.fixture(scope="package")
def production_cluster(production: WorkspaceClient) -> str:
    return started_cluster(production)


@pytest.fixture(scope="package")
def tables(workspaces: Workspaces, development: WorkspaceClient, development_cluster: str) -> Finished:
    """A table in each layer of `main`, made by development's principal as the steps make theirs."""
    code = f"""
        for layer in ("bronze", "silver", "gold"):
            spark.sql(f"CREATE TABLE IF NOT EXISTS main.{{layer}}.flights (id BIGINT) USING delta "
                      f"LOCATION 'file://{workspaces.settings.warehouse}/main/{{layer}}/flights'")
            spark.sql(f"INSERT INTO main.{{layer}}.flights VALUES (1)")
        print(open("/Volumes/main/landing/uploads/sessions/a.csv").read())
    """
    done = run_code(development, code, development_cluster)
    assert done.state == ("TERMINATED", "SUCCESS"), done.logs
    return done
