"""Who can do what once both plans are applied, by every way in."""

from __future__ import annotations

import io

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import PermissionDenied
from databricks.sdk.errors.base import DatabricksError

from pipelines.databricks.bootstrap.secret_scopes import read_secret
from pipelines.metastore import PUBLIC_KEY, SIGNING_KEY
from pipelines.workspace_names import EVENT_KEY, SECRET_SCOPE, Location, folder_of, staging_volume
from pipelines_tests.local.conftest import Finished, run_code
from pipelines_tests.metastore.conftest import Workspaces

SUCCESS, FAILED = ("TERMINATED", "SUCCESS"), ("TERMINATED", "FAILED")


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
    assert "403 Forbidden" in (done.error or "")
    assert {each.name for each in production.schemas.list("main")} == {"gold"}
    with pytest.raises(PermissionDenied, match=f"USE SCHEMA on Schema 'main.{layer}'"):
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
def test_staging_of_the_other_workspace_is_out_of_reach(
    workspaces: Workspaces, workspace: Location, other: Location
) -> None:
    principal = workspaces.principal(workspace)
    principal.files.upload(f"{folder_of(staging_volume(workspace))}/mine", io.BytesIO(b"code"))
    found = principal.files.download(f"{folder_of(staging_volume(workspace))}/mine").contents
    assert found is not None
    assert found.read() == b"code"
    for attempt in (
        lambda: principal.files.upload(f"{folder_of(staging_volume(other))}/theirs", io.BytesIO(b"x")),
        lambda: principal.files.download(f"{folder_of(staging_volume(other))}/mine"),
        lambda: list(principal.files.list_directory_contents(folder_of(staging_volume(other)))),
    ):
        with pytest.raises(DatabricksError):
            attempt()


def test_data_scientist_works_on_gold_in_a_schema_of_her_own(
    workspaces: Workspaces, scientist: WorkspaceClient, scientist_cluster: str, tables: Finished
) -> None:
    code = f"""
        spark.sql("CREATE SCHEMA dev.dev_ada")
        spark.sql("CREATE TABLE dev.dev_ada.tries (id BIGINT) USING delta "
                  "LOCATION 'file://{workspaces.settings.warehouse}/dev/dev_ada/tries'")
        spark.table("main.gold.flights").write.mode("append").saveAsTable("dev.dev_ada.tries")
        print(spark.table("dev.dev_ada.tries").count())
    """
    done = run_code(scientist, code, scientist_cluster)
    assert (done.state, done.logs.strip()) == (SUCCESS, "1"), done.logs


@pytest.mark.parametrize(
    "attempt",
    [
        'spark.table("main.silver.flights").collect()',
        'spark.sql("INSERT INTO main.gold.flights VALUES (2)")',
        'spark.sql("CREATE TABLE dev.predictions.mine (id BIGINT) USING delta")',
        'dbutils.secrets.get("pipelines", "attestation-signing-key")',
        'open("/Volumes/dev/pipelines/staging/code.zip", "w")',
        'open("/Volumes/main/landing/uploads/sessions/a.csv")',
    ],
)
def test_data_scientist_can_neither_change_what_is_shared_nor_sign(
    scientist: WorkspaceClient, scientist_cluster: str, tables: Finished, attempt: str
) -> None:
    assert run_code(scientist, attempt, scientist_cluster).state == FAILED
