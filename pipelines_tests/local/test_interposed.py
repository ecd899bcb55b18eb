"""The same promises where there are no mount namespaces: paths, grants and the hidden working tree."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.catalog import VolumeType
from deltalake import DeltaTable

from pipelines.local.lifecycle import down, status
from pipelines.local.settings import LocalSettings
from pipelines_tests.local.conftest import client, local_settings, run_code
from pipelines_tests.local.test_table_access import files_of
from pipelines_tests.local.warm_clusters import started_cluster

pytestmark = pytest.mark.slow

SUCCESS, FAILED = ("TERMINATED", "SUCCESS"), ("TERMINATED", "FAILED")
TABLE = "main.default.flights"


@pytest.fixture(scope="module")
def interposed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSettings]:
    settings = local_settings(tmp_path_factory.mktemp("interposed"), isolation="interposed")
    yield settings
    for workspace in settings.workspaces:
        down(settings, workspace)


@pytest.fixture(scope="module")
def writer(interposed: LocalSettings) -> tuple[WorkspaceClient, str]:
    found = client(interposed, "development")
    return found, started_cluster(found)


@pytest.fixture(scope="module")
def reader(interposed: LocalSettings) -> tuple[WorkspaceClient, str]:
    found = client(interposed, "production")
    return found, started_cluster(found)


@pytest.fixture(scope="module")
def table(writer: tuple[WorkspaceClient, str]) -> Path:
    code = f"""
        spark.sql("CREATE TABLE {TABLE} (id BIGINT) USING delta")
        spark.sql("INSERT INTO {TABLE} VALUES (1), (2)")
    """
    done = run_code(writer[0], code, writer[1])
    assert done.state == SUCCESS, done.logs
    return Path((writer[0].tables.get(TABLE).storage_location or "").removeprefix("file://"))


def test_mode_is_shown(interposed: LocalSettings, writer: tuple[WorkspaceClient, str]) -> None:
    assert status(interposed, "development").isolation == "interposed"


def test_paths(writer: tuple[WorkspaceClient, str]) -> None:
    development, cluster = writer
    development.volumes.create("dev", "default", "paths", VolumeType.MANAGED)
    development.files.upload("/Volumes/dev/default/paths/in.txt", io.BytesIO(b"from the volume"))
    code = """
        import os, shutil
        from pathlib import Path
        folder = Path("/Volumes/dev/default/paths")
        print((folder / "in.txt").read_text(), os.listdir(folder), (folder / "in.txt").exists())
        with open("/dbfs/out.txt", "w") as opened:
            opened.write("to dbfs")
        os.makedirs(folder / "a" / "b")
        shutil.copyfile("/dbfs/out.txt", folder / "a" / "b" / "copied.txt")
        os.replace(folder / "a" / "b" / "copied.txt", folder / "moved.txt")
    """
    done = run_code(development, code, cluster)
    assert done.state == SUCCESS, done.logs
    assert done.logs.strip() == "from the volume ['in.txt'] True"
    moved = development.files.download("/Volumes/dev/default/paths/moved.txt").contents
    assert moved is not None
    assert moved.read() == b"to dbfs"
    assert development.dbfs.download("/out.txt").read() == b"to dbfs"


def test_working_tree_cannot_be_imported(writer: tuple[WorkspaceClient, str]) -> None:
    done = run_code(writer[0], "import pipelines", writer[1])
    assert done.state == FAILED
    assert done.error == "ModuleNotFoundError: No module named 'pipelines'"


def test_reader_reads(reader: tuple[WorkspaceClient, str], writer: tuple[WorkspaceClient, str], table: Path) -> None:
    code = f'print(sorted(row.id for row in spark.table("{TABLE}").collect()))'
    assert run_code(reader[0], code, reader[1]).logs.strip() == "[1, 2]"
    followed = f"""
        import time
        print(spark.table("{TABLE}").count())
        print(spark.table("{TABLE}").count())
    """
    done = run_code(reader[0], followed, reader[1])
    assert done.state == SUCCESS, done.logs


@pytest.mark.parametrize(
    "statement",
    [
        f"INSERT INTO {TABLE} VALUES (9)",
        f"DELETE FROM {TABLE} WHERE id = 1",
        f"MERGE INTO {TABLE} t USING (SELECT 1L AS id) s ON t.id = s.id WHEN MATCHED THEN DELETE",
    ],
)
def test_what_a_reader_commits_is_not_taken_over(
    reader: tuple[WorkspaceClient, str], table: Path, statement: str
) -> None:
    before, version = files_of(table), DeltaTable(str(table)).version()
    done = run_code(reader[0], f'spark.sql("{statement}")', reader[1])
    assert done.state == FAILED
    assert done.error == (
        f"PERMISSION_DENIED: User does not have MODIFY on Table '{TABLE}'. "
        "The commit was not taken over into the table."
    )
    assert files_of(table) == before
    assert DeltaTable(str(table)).version() == version


def test_writers_commit_is_seen_by_the_next_read(
    reader: tuple[WorkspaceClient, str], writer: tuple[WorkspaceClient, str], table: Path
) -> None:
    count = len(DeltaTable(str(table)).to_pyarrow_table())
    assert run_code(writer[0], f'spark.sql("INSERT INTO {TABLE} VALUES (7)")', writer[1]).state == SUCCESS
    done = run_code(reader[0], f'print(spark.table("{TABLE}").count())', reader[1])
    assert done.logs.strip() == str(count + 1)
