"""Tables by name from inside and outside of tasks: read and written with a grant, refused without, by every way in."""

from __future__ import annotations

from pathlib import Path

import polars
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.catalog import PermissionsChange, Privilege
from deltalake import DeltaTable

from pipelines.local.lifecycle import connection
from pipelines.local.settings import LocalSettings
from pipelines_tests.local.conftest import run_code
from pipelines_tests.local.outside_clients import read_outside

SUCCESS = ("TERMINATED", "SUCCESS")
TABLE = "main.access.flights"


@pytest.fixture(scope="module")
def table(development: WorkspaceClient, development_cluster: str) -> Path:
    """A table of three rows, made and filled by a task in development; its folder."""
    code = f"""
        spark.sql("CREATE SCHEMA IF NOT EXISTS main.access")
        spark.sql('''
            CREATE TABLE {TABLE} (id BIGINT NOT NULL COMMENT 'number', name STRING) USING delta COMMENT 'all flights'
        ''')
        spark.sql("INSERT INTO {TABLE} VALUES (1, 'a'), (2, 'b')")
        spark.sql('''
            MERGE INTO {TABLE} t USING (SELECT 2L AS id, 'B' AS name UNION ALL SELECT 3L, 'c') s ON t.id = s.id
            WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *
        ''')
        print(sorted(tuple(row) for row in spark.table("{TABLE}").collect()))
    """
    done = run_code(development, code, development_cluster)
    assert done.state == SUCCESS, done.logs
    assert done.logs.strip() == "[(1, 'a'), (2, 'B'), (3, 'c')]"
    return Path((development.tables.get(TABLE).storage_location or "").removeprefix("file://"))


def files_of(table: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in table.rglob("*") if path.is_file()}


def test_delta_log_keeps_what_the_statement_said(table: Path) -> None:
    delta = DeltaTable(str(table))
    assert delta.version() == 2
    assert delta.metadata().description == "all flights"
    assert '"comment":"number"' in delta.schema().to_json().replace(" ", "")


def test_production_reads_by_name(production: WorkspaceClient, production_cluster: str, table: Path) -> None:
    code = f"""
        print(sorted(tuple(row) for row in spark.table("{TABLE}").collect()))
        print(spark.sql("SELECT count(*) FROM {TABLE} VERSION AS OF 1").collect()[0][0])
    """
    done = run_code(production, code, production_cluster)
    assert done.state == SUCCESS, done.logs
    assert done.logs.splitlines() == ["[(1, 'a'), (2, 'B'), (3, 'c')]", "2"]


WRITES = {
    "insert": f"spark.sql(\"INSERT INTO {TABLE} VALUES (9, 'x')\")",
    "delete": f'spark.sql("DELETE FROM {TABLE} WHERE id = 1")',
    "overwrite": "spark.range(1).selectExpr('id', 'string(id) AS name').write.mode('overwrite')"
    f".saveAsTable('{TABLE}')",
    "merge": f"spark.sql('''MERGE INTO {TABLE} t USING (SELECT 9L AS id, 'x' AS name) s ON t.id = s.id "
    "WHEN NOT MATCHED THEN INSERT *''')",
    "by path": "import pyarrow, deltalake\ndeltalake.write_deltalake('{folder}', "
    "pyarrow.table({{'id': [9], 'name': ['x']}}), mode='append')",
    "spark by path": "spark.range(1).selectExpr('id', 'string(id) AS name').write.format('delta').mode('append')"
    ".save('file://{folder}')",
    "remove a file": "import os\nos.remove('{folder}/_delta_log/00000000000000000001.json')",
    "overwrite the log": "open('{folder}/_delta_log/00000000000000000001.json', 'w').write('')",
    "drop": f'spark.sql("DROP TABLE {TABLE}")',
    "recreate": f'spark.sql("CREATE OR REPLACE TABLE {TABLE} (id BIGINT) USING delta")',
}


@pytest.mark.parametrize("way", WRITES)
def test_production_cannot_write_to_gold(
    production: WorkspaceClient, production_cluster: str, table: Path, way: str
) -> None:
    before = files_of(table)
    done = run_code(
        production,
        WRITES[way].replace("{folder}", str(table)).replace("{{", "{").replace("}}", "}"),
        production_cluster,
    )
    assert done.state == ("TERMINATED", "FAILED"), done.logs
    assert files_of(table) == before
    assert DeltaTable(str(table)).version() == 2


def test_refused_write_names_privilege_and_table(
    production: WorkspaceClient, production_cluster: str, table: Path
) -> None:
    done = run_code(production, WRITES["insert"], production_cluster)
    assert f"PERMISSION_DENIED: User does not have MODIFY on Table '{TABLE}'" in (done.error or "")


def test_managed_table_whose_partitions_are_not_last_is_refused_whole(
    development: WorkspaceClient, development_cluster: str
) -> None:
    """Sail cannot make such a table without a LOCATION: better none than one that is there after a failed statement."""
    statement = "CREATE TABLE main.access.{name} (day DATE, id BIGINT) USING delta PARTITIONED BY (day) {rest}"
    managed = statement.format(name="managed", rest="")
    done = run_code(development, f'spark.sql("{managed}")', development_cluster)
    assert done.state == ("TERMINATED", "FAILED")
    assert development.tables.exists("main.access.managed").table_exists is False
    place = (development.tables.get(TABLE).storage_location or "").replace("/flights", "/placed")
    placed = statement.format(name="placed", rest=f"LOCATION '{place}'")
    code = f"""
        spark.sql("{placed}")
        spark.sql("INSERT INTO main.access.placed VALUES (DATE'2026-01-01', 1)")
        print(spark.table("main.access.placed").count())
    """
    done = run_code(development, code, development_cluster)
    assert (done.state, done.logs.strip()) == (SUCCESS, "1"), done.logs


def test_production_has_no_way_around_the_mount(
    production: WorkspaceClient, production_cluster: str, table: Path
) -> None:
    """Neither undoing the mount, nor mounting anew, nor another process's view of the machine gives a way to write."""
    code = f"""
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        folder = b"{table}"
        parent = b"{table.parent}"
        print("umount", libc.umount2(folder, 2), libc.umount2(parent, 2), libc.umount2(b"/", 2))
        print("remount", [libc.mount(None, place, None, 32 | 4096, None) for place in (parent, folder)])
        for process in [name for name in os.listdir("/proc") if name.isdigit()]:
            try:
                open(f"/proc/{{process}}/root{table}/intruder", "w").close()
                print("LEAK", process)
            except OSError:
                pass
    """
    before = files_of(table)
    done = run_code(production, code, production_cluster)
    assert done.state == SUCCESS, done.logs
    assert "umount -1 -1 -1" in done.logs
    assert "remount [-1, -1]" in done.logs
    assert "LEAK" not in done.logs
    assert files_of(table) == before


def test_development_tables_do_not_exist_for_production(
    development: WorkspaceClient, development_cluster: str, production: WorkspaceClient, production_cluster: str
) -> None:
    code = 'spark.sql("CREATE TABLE dev.default.secret_work (id BIGINT) USING delta")'
    assert run_code(development, code, development_cluster).state == SUCCESS
    folder = (development.tables.get("dev.default.secret_work").storage_location or "").removeprefix("file://")
    for attempt in ('spark.table("dev.default.secret_work").collect()', f'__import__("os").listdir("{folder}")'):
        done = run_code(production, attempt, production_cluster)
        assert done.state == ("TERMINATED", "FAILED"), done.logs


def test_select_withdrawn_while_a_task_runs(
    production: WorkspaceClient, production_cluster: str, administrator: WorkspaceClient, table: Path
) -> None:
    principal = production.current_user.me().user_name or ""
    changes = [PermissionsChange(remove=[Privilege.USE_SCHEMA], principal=principal)]
    administrator.grants.update("catalog", "main", changes=changes)
    try:
        done = run_code(production, f'spark.table("{TABLE}").collect()', production_cluster)
        assert done.state == ("TERMINATED", "FAILED")
        refused = run_code(
            production, f'print(open("{table}/_delta_log/00000000000000000001.json").read())', production_cluster
        )
        assert refused.state == ("TERMINATED", "FAILED")
    finally:
        changes = [PermissionsChange(add=[Privilege.USE_SCHEMA], principal=principal)]
        administrator.grants.update("catalog", "main", changes=changes)


def test_production_writes_its_own_tables(production: WorkspaceClient, production_cluster: str, table: Path) -> None:
    code = f"""
        spark.sql("CREATE SCHEMA IF NOT EXISTS prod.results")
        spark.sql("CREATE TABLE prod.results.copied (id BIGINT, name STRING) USING delta")
        spark.table("{TABLE}").write.mode("append").saveAsTable("prod.results.copied")
        print(spark.table("prod.results.copied").count())
    """
    done = run_code(production, code, production_cluster)
    assert (done.state, done.logs.strip()) == (SUCCESS, "3"), done.logs


def test_polars_reads_by_name_and_is_refused(settings: LocalSettings, table: Path) -> None:
    production, development = connection(settings, "production"), connection(settings, "development")
    catalog = polars.Catalog(production.host, bearer_token=production.token, require_https=False)
    rows = catalog.scan_table("main", "access", "flights").collect().sort("id").rows()
    assert rows == [(1, "a"), (2, "B"), (3, "c")]
    assert "dev" not in {entry.name for entry in catalog.list_catalogs()}
    catalog = polars.Catalog(development.host, bearer_token=production.token, require_https=False)
    with pytest.raises(Exception, match=r"403|Invalid access token"):
        catalog.scan_table("main", "access", "flights").collect()
    catalog = polars.Catalog(production.host, bearer_token=production.token, require_https=False)
    with pytest.raises(Exception, match=r"403|not accessible|does not have"):
        catalog.scan_table("dev", "default", "secret_work").collect()


def test_sail_outside_of_a_task_reads_by_name(settings: LocalSettings, table: Path, tmp_path: Path) -> None:
    """An engine that is not the workspace's own asks the catalog as any client does."""
    found = connection(settings, "production")
    outside = read_outside("sail", found.host, found.token, TABLE, tmp_path)
    assert outside.stdout.strip() == "[(1, 'a'), (2, 'B'), (3, 'c')]", outside.stderr
