"""Applying the plans: to empty workspaces, again, after drift and after losses."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.catalog import PermissionsChange, Privilege

from pipelines.cli.bootstrap import bootstrap
from pipelines.databricks.bootstrap.apply import apply, differences
from pipelines.databricks.bootstrap.plan import Catalog, Plan, Schema, Table
from pipelines.databricks.bootstrap.secret_scopes import read_secret
from pipelines.databricks.bootstrap.step import BootstrapError
from pipelines.databricks.bootstrap.tables import create_tables_by_job
from pipelines.local.identity import admin_name
from pipelines.local.lifecycle import connection, down
from pipelines.metastore import (
    PRINCIPALS,
    PUBLIC_KEY,
    SIGNING_KEY,
    development_plan,
    production_plan,
    set_up,
)
from pipelines.workspace_names import SECRET_SCOPE, folder_of, staging_volume
from pipelines_tests.local.conftest import client, local_settings
from pipelines_tests.metastore.conftest import Workspaces


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


def _plan_with_table(statement: str) -> Plan:
    return Plan(
        "development",
        catalogs=(Catalog("dev", borrowed=True),),
        schemas=(Schema("dev.pipelines"),),
        tables=(Table("dev.pipelines.notes", statement),),
    )


def test_tables_are_made_by_a_job_and_belong_to_the_principal(workspaces: Workspaces) -> None:
    admin, folder = workspaces.development, f"{folder_of(staging_volume('development'))}/bootstrap"
    plan = _plan_with_table(
        "CREATE TABLE IF NOT EXISTS dev.pipelines.notes (id BIGINT COMMENT 'it\\'s \"1\"') USING delta"
    )
    for _ in range(2):
        [line] = create_tables_by_job(plan, admin, folder, PRINCIPALS["development"])
        assert line.startswith("is there: table dev.pipelines.notes (run ")
    table = admin.tables.get("dev.pipelines.notes")
    assert [column.comment for column in table.columns or []] == ['it\'s "1"']
    [principal] = admin.service_principals.list(filter=f'displayName eq "{PRINCIPALS["development"]}"')
    assert table.owner == principal.application_id
    assert list(admin.files.list_directory_contents(folder)) == [], "the job's code is taken away again"


def test_job_that_fails_says_why(workspaces: Workspaces) -> None:
    plan = _plan_with_table("CREATE TABLE dev.nowhere.notes (id BIGINT) USING delta")
    with pytest.raises(BootstrapError, match=r"cannot be made: .*\. The run's page: http"):
        create_tables_by_job(plan, workspaces.development, f"{folder_of(staging_volume('development'))}/bootstrap")
