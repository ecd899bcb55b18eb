"""Sail and polars outside of any task read gold by name as far as grants go: neither before SELECT nor after it."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import PermissionDenied
from databricks.sdk.service.catalog import PermissionsChange, Privilege
from deltalake import write_deltalake

from pipelines.local.lifecycle import connection
from pipelines.local.settings import LocalSettings
from pipelines_tests.local.conftest import client_with
from pipelines_tests.local.outside_clients import READERS, read_outside

pytestmark = pytest.mark.slow

SCHEMA = "main.outside"
TABLE = f"{SCHEMA}.gold"
ROWS = [(1, "climb"), (2, "turn")]
REFUSED = {
    # Sail tells the address that was refused and not in which words.
    "sail": rf"403 Forbidden\) for url \(.*/tables/{TABLE.replace('.', '%2E')}\)",
    "polars": f"User does not have SELECT on Table '{TABLE}'",
}


@pytest.fixture(scope="module")
def table(development: WorkspaceClient) -> str:
    """A table of two rows, made and filled by development's principal; its name."""
    catalog, schema, name = TABLE.split(".")
    development.schemas.create(schema, catalog)
    columns = [
        {"name": "second", "type_text": "bigint", "type_name": "LONG", "position": 0},
        {"name": "maneuver", "type_text": "string", "type_name": "STRING", "position": 1},
    ]
    body = {"catalog_name": catalog, "schema_name": schema, "name": name, "columns": columns}
    made = development.api_client.do(
        "POST", "/api/2.1/unity-catalog/tables", body={**body, "table_type": "MANAGED", "data_source_format": "DELTA"}
    )
    assert isinstance(made, dict)
    rows = {"second": [second for second, _ in ROWS], "maneuver": [maneuver for _, maneuver in ROWS]}
    write_deltalake(made["storage_location"].removeprefix("file://"), pyarrow.table(rows), mode="append")
    return TABLE


@pytest.mark.parametrize("reader", READERS)
def test_a_table_is_read_by_name_as_long_as_select_is_granted(
    reader: str, table: str, settings: LocalSettings, administrator: WorkspaceClient, tmp_path: Path
) -> None:
    analyst = administrator.service_principals.create(display_name=f"analyst with {reader}").application_id or ""
    token = administrator.token_management.create_obo_token(analyst).token_value or ""
    host = connection(settings, "development").host

    def grant(kind: str, name: str, *added: Privilege, removed: Privilege | None = None) -> None:
        change = PermissionsChange(principal=analyst, add=[*added], remove=[removed] if removed else None)
        administrator.grants.update(kind, name, changes=[change])

    def read() -> str:
        done = read_outside(reader, host, token, table, tmp_path)
        return done.stdout.strip() if done.returncode == 0 else done.stderr

    grant("catalog", "main", Privilege.USE_CATALOG)
    grant("schema", SCHEMA, Privilege.USE_SCHEMA)
    assert re.search(REFUSED[reader], read())
    # Who may write may not therefore read.
    grant("table", table, Privilege.MODIFY)
    assert re.search(REFUSED[reader], read())
    grant("table", table, Privilege.SELECT, removed=Privilege.MODIFY)
    assert read() == str(ROWS)
    grant("table", table, removed=Privilege.SELECT)
    assert re.search(REFUSED[reader], read())
    with pytest.raises(PermissionDenied, match=REFUSED["polars"]):
        client_with(host, token).tables.get(table)
