"""Both plans applied to two local workspaces that begin empty: who can then do what, and what drift is told."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from click.testing import CliRunner
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError, PermissionDenied
from databricks.sdk.service.catalog import PermissionsChange, Privilege

from pipelines.cli.bootstrap import bootstrap
from pipelines.databricks.bootstrap.apply import apply, differences
from pipelines.databricks.bootstrap.secret_scopes import read_secret
from pipelines.databricks.bootstrap.step import BootstrapError
from pipelines.local.identity import admin_name
from pipelines.local.lifecycle import connection, down
from pipelines.local.settings import LocalSettings
from pipelines.metastore import (
    EVENT_KEY,
    PRINCIPALS,
    PUBLIC_KEY,
    SECRET_SCOPE,
    SIGNING_KEY,
    Site,
    development_plan,
    production_plan,
    set_up,
    staging,
)
from pipelines_tests.local.conftest import Finished, client, local_settings, run_code, started_cluster

SUCCESS, FAILED = ("TERMINATED", "SUCCESS"), ("TERMINATED", "FAILED")


@dataclass(frozen=True)
class Workspaces:
    """Two workspaces after both plans, an administrator of each, and what applying said."""

    settings: LocalSettings
    site: Site
    development: WorkspaceClient
    production: WorkspaceClient
    lines: list[str]

    def principal(self, workspace: str) -> WorkspaceClient:
        """A client of the workspace's service principal, with a token that its administrator made for it."""
        administrator: WorkspaceClient = getattr(self, workspace)
        name = PRINCIPALS[workspace]  # type: ignore[index]
        [found] = administrator.service_principals.list(filter=f'displayName eq "{name}"')
        token = administrator.token_management.create_obo_token(found.application_id or "").token_value
        return WorkspaceClient(host=administrator.config.host, token=token)


@pytest.fixture(scope="module")
def workspaces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspaces]:
    home = tmp_path_factory.mktemp("metastore")
    settings = local_settings(home, principals=(), grants=(), bindings=())
    landing = home / "landing"
    (landing / "sessions").mkdir(parents=True)
    (landing / "sessions" / "a.csv").write_text("landed")
    site = Site(f"file://{landing}")
    clients = [client(settings, name, admin_name(name)) for name in ("development", "production")]
    yield Workspaces(settings, site, *clients, set_up(site, *clients))
    for workspace in settings.workspaces:
        down(settings, workspace)


@pytest.fixture(scope="module")
def development(workspaces: Workspaces) -> WorkspaceClient:
    return workspaces.principal("development")


@pytest.fixture(scope="module")
def production(workspaces: Workspaces) -> WorkspaceClient:
    return workspaces.principal("production")


@pytest.fixture(scope="module")
def development_cluster(development: WorkspaceClient) -> str:
    return started_cluster(development)


@pytest.fixture(scope="module")
def production_cluster(production: WorkspaceClient) -> str:
    return started_cluster(production)


@pytest.fixture(scope="module")
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
    assert done.state == SUCCESS, done.logs
    return done


def test_empty_workspaces_are_set_up(workspaces: Workspaces) -> None:
    assert "added: catalog main" in workspaces.lines
    assert "added: binding of catalog main, read only" in workspaces.lines
    assert not [line for line in workspaces.lines if line.startswith(("taken back", "not of the plan"))]
    assert differences(development_plan(workspaces.site), workspaces.development) == []
    assert differences(production_plan(workspaces.site), workspaces.production) == []


def test_applying_again_changes_nothing(workspaces: Workspaces) -> None:
    def secrets_of(admin: WorkspaceClient) -> dict[str, str]:
        keys = [each.key or "" for each in admin.secrets.list_secrets(SECRET_SCOPE)]
        return {key: read_secret(admin, SECRET_SCOPE, key) for key in keys}

    before = secrets_of(workspaces.development), secrets_of(workspaces.production)
    lines = set_up(workspaces.site, workspaces.development, workspaces.production)
    assert [line for line in lines if not line.startswith("was there: ")] == []
    assert (secrets_of(workspaces.development), secrets_of(workspaces.production)) == before


def test_production_holds_the_public_key_alone(workspaces: Workspaces) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    signing = read_secret(workspaces.development, SECRET_SCOPE, SIGNING_KEY)
    public = read_secret(workspaces.production, SECRET_SCOPE, PUBLIC_KEY)
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(signing))
    assert private.public_key().public_bytes_raw().hex() == public
    keys = {each.key for each in workspaces.production.secrets.list_secrets(SECRET_SCOPE)}
    assert keys == {PUBLIC_KEY, EVENT_KEY}
    events = [read_secret(each, SECRET_SCOPE, EVENT_KEY) for each in (workspaces.development, workspaces.production)]
    assert [len(bytes.fromhex(each)) for each in events] == [32, 32]
    assert events[0] != events[1]


def test_principals_read_their_secrets_and_write_none(
    workspaces: Workspaces, development: WorkspaceClient, production: WorkspaceClient
) -> None:
    for principal in (development, production):
        assert len(read_secret(principal, SECRET_SCOPE, EVENT_KEY)) == 64
        with pytest.raises(PermissionDenied):
            principal.secrets.put_secret(SECRET_SCOPE, EVENT_KEY, string_value="mine")


def test_development_reads_the_landing_zone_and_fills_every_layer(tables: Finished) -> None:
    assert tables.logs.strip() == "landed"


def test_steps_may_ask_for_schemas_that_are_there(development: WorkspaceClient, development_cluster: str) -> None:
    code = 'spark.sql("CREATE SCHEMA IF NOT EXISTS main.gold"); spark.sql("CREATE SCHEMA IF NOT EXISTS dev.dev_mine")'
    done = run_code(development, code, development_cluster)
    assert done.state == SUCCESS, done.logs


def test_landing_zone_is_read_only(development: WorkspaceClient, development_cluster: str) -> None:
    code = 'open("/Volumes/main/landing/uploads/sessions/b.csv", "w").write("x")'
    assert run_code(development, code, development_cluster).state == FAILED
    with pytest.raises(DatabricksError, match="WRITE VOLUME"):
        development.files.upload("/Volumes/main/landing/uploads/sessions/b.csv", io.BytesIO(b"x"))


def test_production_reads_gold(production: WorkspaceClient, production_cluster: str, tables: Finished) -> None:
    done = run_code(production, 'print(spark.table("main.gold.flights").collect())', production_cluster)
    assert (done.state, done.logs.strip()) == (SUCCESS, "[Row(id=1)]")


@pytest.mark.parametrize("layer", ["silver", "bronze"])
def test_production_does_not_see_what_lies_before_gold(
    production: WorkspaceClient, production_cluster: str, tables: Finished, layer: str
) -> None:
    done = run_code(production, f'spark.table("main.{layer}.flights").collect()', production_cluster)
    assert done.state == FAILED
    assert f"USE SCHEMA on Schema 'main.{layer}'" in done.logs + (done.error or "")
    assert {each.name for each in production.schemas.list("main")} == {"gold"}
    with pytest.raises(PermissionDenied):
        production.tables.get(f"main.{layer}.flights")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO main.gold.flights VALUES (2)",
        "DROP TABLE main.gold.flights",
        "CREATE TABLE main.gold.more (id BIGINT) USING delta",
        "CREATE SCHEMA main.more",
    ],
)
def test_production_writes_nothing_of_main(
    production: WorkspaceClient,
    production_cluster: str,
    development: WorkspaceClient,
    development_cluster: str,
    tables: Finished,
    statement: str,
) -> None:
    assert run_code(production, f'spark.sql("{statement}")', production_cluster).state == FAILED
    done = run_code(development, 'print(spark.table("main.gold.flights").collect())', development_cluster)
    assert done.logs.strip() == "[Row(id=1)]"


def test_production_writes_prod(workspaces: Workspaces, production: WorkspaceClient, production_cluster: str) -> None:
    code = f"""
        spark.sql("CREATE SCHEMA IF NOT EXISTS prod.customer_acme")
        spark.sql("CREATE TABLE prod.customer_acme.analysis (id BIGINT) USING delta "
                  "LOCATION 'file://{workspaces.settings.warehouse}/prod/customer_acme/analysis'")
        spark.table("main.gold.flights").write.mode("append").saveAsTable("prod.customer_acme.analysis")
        print(spark.table("prod.customer_acme.analysis").count())
    """
    done = run_code(production, code, production_cluster)
    assert (done.state, done.logs.strip()) == (SUCCESS, "1"), done.logs


@pytest.mark.parametrize(("workspace", "other"), [("production", "development"), ("development", "production")])
def test_staging_of_the_other_workspace_is_out_of_reach(workspaces: Workspaces, workspace: str, other: str) -> None:
    principal = workspaces.principal(workspace)
    principal.files.upload(f"{staging(workspace)}/mine", io.BytesIO(b"code"))  # type: ignore[arg-type]
    found = principal.files.download(f"{staging(workspace)}/mine").contents  # type: ignore[arg-type]
    assert found is not None
    assert found.read() == b"code"
    for attempt in (
        lambda: principal.files.upload(f"{staging(other)}/theirs", io.BytesIO(b"x")),  # type: ignore[arg-type]
        lambda: principal.files.download(f"{staging(other)}/mine"),  # type: ignore[arg-type]
        lambda: list(principal.files.list_directory_contents(staging(other))),  # type: ignore[arg-type]
    ):
        with pytest.raises(DatabricksError):
            attempt()


def test_drift_is_told_and_only_what_is_the_plans_is_repaired(workspaces: Workspaces) -> None:
    admin, plan = workspaces.development, development_plan(workspaces.site)
    [principal] = admin.service_principals.list(filter=f'displayName eq "{PRINCIPALS["development"]}"')
    own = principal.application_id or ""
    admin.grants.update(
        "schema",
        "main.silver",
        changes=[
            PermissionsChange(principal=own, add=[Privilege.CREATE_VOLUME], remove=[Privilege.MODIFY]),
            PermissionsChange(principal="curious", add=[Privilege.SELECT]),
        ],
    )
    admin.grants.update(
        "volume",
        "dev.pipelines.staging",
        changes=[PermissionsChange(principal="curious", add=[Privilege.WRITE_VOLUME])],
    )
    foreign = [
        "SELECT on schema main.silver to curious",
        "WRITE VOLUME on volume dev.pipelines.staging to curious",
    ]
    expected = [
        "missing: MODIFY on schema main.silver to pipelines-development",
        "too much: CREATE VOLUME on schema main.silver to pipelines-development",
        *(f"not of the plan: {each}" for each in foreign),
    ]
    assert sorted(differences(plan, admin)) == sorted(expected)
    lines = apply(plan, admin)
    assert sorted(line for line in lines if not line.startswith("was there")) == [
        "added: MODIFY on schema main.silver to pipelines-development",
        *(f"not of the plan, left: {each}" for each in foreign),
        "taken back: CREATE VOLUME on schema main.silver to pipelines-development",
    ]
    assert differences(plan, admin) == [f"not of the plan: {each}" for each in foreign]
    for kind, name, privilege in (
        ("schema", "main.silver", Privilege.SELECT),
        ("volume", "dev.pipelines.staging", Privilege.WRITE_VOLUME),
    ):
        admin.grants.update(kind, name, changes=[PermissionsChange(principal="curious", remove=[privilege])])
    assert differences(plan, admin) == []


def test_lost_signing_key_is_not_replaced(workspaces: Workspaces) -> None:
    admin, plan = workspaces.development, development_plan(workspaces.site)
    kept, public = (read_secret(admin, SECRET_SCOPE, key) for key in (SIGNING_KEY, PUBLIC_KEY))
    admin.secrets.delete_secret(SECRET_SCOPE, SIGNING_KEY)
    try:
        with pytest.raises(BootstrapError, match="Restore the signing key"):
            apply(plan, admin)
    finally:
        admin.secrets.put_secret(SECRET_SCOPE, SIGNING_KEY, string_value=kept)
    admin.secrets.delete_secret(SECRET_SCOPE, PUBLIC_KEY)
    assert f"added: secrets {SECRET_SCOPE}/{SIGNING_KEY} and {PUBLIC_KEY}" in apply(plan, admin)
    assert read_secret(admin, SECRET_SCOPE, PUBLIC_KEY) == public, "derived from the signing key"


def test_production_alone_says_what_is_lacking(
    workspaces: Workspaces, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = local_settings(tmp_path_factory.mktemp("alone"), principals=(), grants=(), bindings=())
    admin = client(settings, "production", admin_name("production"))
    try:
        found = differences(production_plan(workspaces.site), admin)
        assert "missing: catalog main" in found
        with pytest.raises(BootstrapError, match="Catalog main is missing, and another workspace's plan makes it"):
            apply(production_plan(workspaces.site), admin)
    finally:
        down(settings, "production")


def test_command_checks_and_applies(workspaces: Workspaces, monkeypatch: pytest.MonkeyPatch) -> None:
    found = connection(workspaces.settings, "production", admin_name("production"))
    monkeypatch.setenv("DATABRICKS_HOST", found.host)
    monkeypatch.setenv("DATABRICKS_TOKEN", found.token)
    checked = CliRunner().invoke(bootstrap, ["production", "--check"])
    assert (checked.exit_code, checked.output) == (0, "The workspace production is as planned.\n")
    wrong = CliRunner().invoke(bootstrap, ["production", "--check", "--public-key", "00" * 32])
    assert wrong.exit_code == 1
    assert "it has another value than the public key of the development workspace" in wrong.output
    applied = CliRunner().invoke(bootstrap, ["production", "--apply"])
    assert applied.exit_code == 0, applied.output
    assert "was there: GRANT" not in applied.output
    assert "was there: SELECT, USE SCHEMA on schema main.gold to pipelines-production" in applied.output
