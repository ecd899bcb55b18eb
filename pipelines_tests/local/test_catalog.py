"""The Unity Catalog API: names, tables with their Delta log, grants and who may see what."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied
from databricks.sdk.service.catalog import PermissionsChange, Privilege, SecurableType, TableOperation, TableType
from deltalake import DeltaTable

from pipelines.local.lifecycle import connection
from pipelines.local.settings import LocalSettings
from pipelines_tests.local.conftest import client

_COLUMNS = [
    {"name": "id", "type_text": "bigint", "type_name": "LONG", "position": 0, "nullable": False, "comment": "number"},
    {"name": "tags", "type_text": "map<string,array<int>>", "type_name": "MAP", "position": 1},
    {"name": "price", "type_text": "decimal(10,2)", "type_name": "DECIMAL", "position": 2},
    {"name": "day", "type_text": "date", "type_name": "DATE", "position": 3, "partition_index": 0},
]


def make_table(workspace: WorkspaceClient, full_name: str) -> None:
    catalog, schema, name = full_name.split(".")
    workspace.api_client.do(
        "POST",
        "/api/2.1/unity-catalog/tables",
        body={
            "catalog_name": catalog,
            "schema_name": schema,
            "name": name,
            "table_type": "MANAGED",
            "data_source_format": "DELTA",
            "columns": _COLUMNS,
            "comment": "a table",
            "properties": {"delta.constraints.positive": "id > 0", "owner_team": "x"},
        },
    )


@pytest.fixture(scope="module")
def schema(development: WorkspaceClient) -> str:
    development.schemas.create("catalog_tests", "main")
    return "main.catalog_tests"


def test_new_table_has_a_delta_log(development: WorkspaceClient, schema: str, settings: LocalSettings) -> None:
    make_table(development, f"{schema}.begun")
    table = development.tables.get(f"{schema}.begun")
    assert table.table_type == TableType.MANAGED
    assert [(column.name, column.type_text, column.comment) for column in table.columns or []] == [
        ("id", "bigint", "number"),
        ("tags", "map<string,array<int>>", None),
        ("price", "decimal(10,2)", None),
        ("day", "date", None),
    ]
    delta = DeltaTable((table.storage_location or "").removeprefix("file://"))
    assert delta.metadata().partition_columns == ["day"]
    assert delta.metadata().description == "a table"
    assert delta.metadata().configuration == {"delta.constraints.positive": "id > 0"}
    fields = {field["name"]: field for field in json.loads(delta.schema().to_json())["fields"]}
    assert fields["id"]["nullable"] is False
    assert fields["id"]["metadata"] == {"comment": "number"}
    assert fields["price"]["type"] == "decimal(10,2)"
    with pytest.raises(BadRequest, match="already exists"):
        make_table(development, f"{schema}.begun")


def test_columns_follow_the_log(development: WorkspaceClient, schema: str) -> None:
    make_table(development, f"{schema}.grown")
    location = (development.tables.get(f"{schema}.grown").storage_location or "").removeprefix("file://")
    from deltalake.schema import Field, PrimitiveType

    DeltaTable(location).alter.add_columns([Field("added", PrimitiveType("string"), nullable=True)])
    columns = development.tables.get(f"{schema}.grown").columns or []
    assert [column.name for column in columns] == ["id", "tags", "price", "day", "added"]


def test_existing_table_is_registered_with_its_columns(
    development: WorkspaceClient, schema: str, tmp_path: Path
) -> None:
    import pyarrow
    from deltalake import write_deltalake

    write_deltalake(str(tmp_path / "made"), pyarrow.table({"a": [1, 2], "b": ["x", "y"]}))
    development.api_client.do(
        "POST",
        "/api/2.1/unity-catalog/tables",
        body={
            "catalog_name": "main",
            "schema_name": "catalog_tests",
            "name": "made",
            "table_type": "EXTERNAL",
            "data_source_format": "DELTA",
            "storage_location": f"file://{tmp_path / 'made'}",
        },
    )
    assert [column.name for column in development.tables.get(f"{schema}.made").columns or []] == ["a", "b"]
    development.tables.delete(f"{schema}.made")
    assert (tmp_path / "made" / "_delta_log").is_dir()


def test_location_within_another_table_is_refused(development: WorkspaceClient, schema: str) -> None:
    make_table(development, f"{schema}.first")
    location = development.tables.get(f"{schema}.first").storage_location
    for place in (location, f"{location}/inside"):
        with pytest.raises(BadRequest, match="overlaps"):
            development.api_client.do(
                "POST",
                "/api/2.1/unity-catalog/tables",
                body={
                    "catalog_name": "main",
                    "schema_name": "catalog_tests",
                    "name": "second",
                    "columns": _COLUMNS,
                    "storage_location": place,
                },
            )


def test_dropped_table_is_gone_and_may_be_made_again(development: WorkspaceClient, schema: str) -> None:
    make_table(development, f"{schema}.dropped")
    development.tables.delete(f"{schema}.dropped")
    with pytest.raises(NotFound) as missing:
        development.tables.get(f"{schema}.dropped")
    assert missing.value.error_code == "TABLE_DOES_NOT_EXIST"
    assert development.tables.exists(f"{schema}.dropped").table_exists is False
    make_table(development, f"{schema}.dropped")
    assert development.tables.exists(f"{schema}.dropped").table_exists is True


def test_names_are_listed(development: WorkspaceClient, schema: str) -> None:
    make_table(development, f"{schema}.listed")
    assert {entry.name for entry in development.catalogs.list()} == {"main", "dev"}
    assert "catalog_tests" in {entry.name for entry in development.schemas.list("main")}
    listed = {entry.name for entry in development.tables.list("main", "catalog_tests", max_results=2)}
    assert "listed" in listed
    assert f"{schema}.listed" in {entry.full_name for entry in development.tables.list_summaries("main")}
    with pytest.raises(NotFound):
        list(development.tables.list("main", "nowhere"))


def test_production_reads_main_and_cannot_change_it(
    development: WorkspaceClient, production: WorkspaceClient, schema: str
) -> None:
    make_table(development, f"{schema}.shared")
    assert production.tables.get(f"{schema}.shared").name == "shared"
    assert {entry.name for entry in production.catalogs.list()} == {"main", "prod"}
    with pytest.raises(PermissionDenied, match="not accessible in current workspace"):
        production.schemas.get("dev.default")
    with pytest.raises(PermissionDenied, match="read-only"):
        make_table(production, f"{schema}.intruder")
    with pytest.raises(PermissionDenied):
        production.schemas.create("intruder", "main")
    with pytest.raises(PermissionDenied):
        production.tables.delete(f"{schema}.shared")
    table_id = production.tables.get(f"{schema}.shared").table_id
    credentials = production.temporary_table_credentials
    assert credentials.generate_temporary_table_credentials(operation=TableOperation.READ, table_id=table_id).url
    with pytest.raises(PermissionDenied):
        credentials.generate_temporary_table_credentials(operation=TableOperation.READ_WRITE, table_id=table_id)


def test_not_even_productions_administrator_writes_to_main(settings: LocalSettings, schema: str) -> None:
    admin = client(settings, "production", "admin@production.local")
    with pytest.raises(PermissionDenied, match="read-only"):
        make_table(admin, f"{schema}.intruder")


def test_grants_are_given_taken_and_inherited(
    development: WorkspaceClient, administrator: WorkspaceClient, settings: LocalSettings, schema: str
) -> None:
    make_table(development, f"{schema}.granted")
    reader = administrator.service_principals.create(display_name="reader").application_id or ""
    token = administrator.token_management.create_obo_token(reader).token_value or ""
    from pipelines_tests.local.conftest import client_with

    seen = client_with(connection(settings, "development").host, token)

    def give(kind: SecurableType, name: str, privilege: Privilege) -> None:
        administrator.grants.update(kind.value, name, changes=[PermissionsChange(add=[privilege], principal=reader)])

    for kind, name, privilege, missing in (
        (SecurableType.CATALOG, "main", Privilege.USE_CATALOG, "USE CATALOG on Catalog 'main'"),
        (SecurableType.SCHEMA, schema, Privilege.USE_SCHEMA, "USE SCHEMA on Schema 'main.catalog_tests'"),
        (SecurableType.TABLE, f"{schema}.granted", Privilege.SELECT, "SELECT on Table 'main.catalog_tests.granted'"),
    ):
        with pytest.raises(PermissionDenied, match=f"User does not have {missing}") as refused:
            seen.tables.get(f"{schema}.granted")
        assert refused.value.get_error_info()[0].reason == "PERMISSION_DENIED"
        give(kind, name, privilege)
    assert seen.tables.get(f"{schema}.granted").name == "granted"
    assert [entry.name for entry in seen.tables.list("main", "catalog_tests")] == ["granted"]
    effective = administrator.grants.get_effective("table", f"{schema}.granted", principal=reader)
    held = {
        (privilege.privilege, privilege.inherited_from_name)
        for assignment in effective.privilege_assignments or []
        for privilege in assignment.privileges or []
    }
    assert held == {
        (Privilege.USE_CATALOG, "main"),
        (Privilege.USE_SCHEMA, schema),
        (Privilege.SELECT, None),
    }
    with pytest.raises(PermissionDenied):
        seen.grants.update(
            "table", f"{schema}.granted", changes=[PermissionsChange(add=[Privilege.MODIFY], principal=reader)]
        )
    administrator.grants.update(
        "schema", schema, changes=[PermissionsChange(remove=[Privilege.USE_SCHEMA], principal=reader)]
    )
    with pytest.raises(PermissionDenied, match="USE SCHEMA"):
        seen.tables.get(f"{schema}.granted")


def test_unknown_operation_is_named(development: WorkspaceClient) -> None:
    with pytest.raises(NotFound, match="No API found") as unknown:
        development.api_client.do("GET", "/api/2.0/nothing")
    assert unknown.value.error_code == "ENDPOINT_NOT_FOUND"
