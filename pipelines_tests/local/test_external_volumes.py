"""External volumes: a folder of this machine under a governed name, and nowhere else for tasks."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, PermissionDenied
from databricks.sdk.service.catalog import PermissionsChange, Privilege, SecurableType, VolumeType

from pipelines.local.settings import LocalSettings
from pipelines_tests.local.conftest import run_code

SUCCESS, FAILED = ("TERMINATED", "SUCCESS"), ("TERMINATED", "FAILED")
VOLUME = "main.external.uploads"
PATH = "/Volumes/main/external/uploads"


@pytest.fixture(scope="module")
def landing(administrator: WorkspaceClient, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder behind the volume, with one file in it."""
    folder = tmp_path_factory.mktemp("landing zone") / "uploads"
    (folder / "day").mkdir(parents=True)
    (folder / "day" / "session.csv").write_text("from outside")
    administrator.schemas.create("external", "main")
    made = administrator.volumes.create(
        "main", "external", "uploads", VolumeType.EXTERNAL, storage_location=f"{folder}"
    )
    assert made.volume_type == VolumeType.EXTERNAL
    assert made.storage_location == f"file://{str(folder).replace(' ', '%20')}"
    return folder


def test_files_api_reaches_the_folder(development: WorkspaceClient, landing: Path) -> None:
    found = development.files.download(f"{PATH}/day/session.csv").contents
    assert found is not None
    assert found.read() == b"from outside"
    development.files.upload(f"{PATH}/day/late.csv", io.BytesIO(b"uploaded"))
    assert (landing / "day" / "late.csv").read_text() == "uploaded"
    assert {entry.name for entry in development.files.list_directory_contents(f"{PATH}/day")} == {
        "session.csv",
        "late.csv",
    }


def test_task_sees_it_in_the_volume_only(development: WorkspaceClient, development_cluster: str, landing: Path) -> None:
    code = f"""
        import os
        from pathlib import Path
        print(Path("{PATH}/day/session.csv").read_text(), os.path.exists("{landing}/day"))
        Path("{PATH}/written.txt").write_text("by the task")
        print(spark.read.format("binaryFile").load("file://{PATH}/day/session.csv").select("length").collect()[0][0])
    """
    done = run_code(development, code, development_cluster)
    assert done.state == SUCCESS, done.logs
    assert done.logs.splitlines() == ["from outside False", "12"]
    assert (landing / "written.txt").read_text() == "by the task"


def test_readers_read_and_cannot_write(
    production: WorkspaceClient, production_cluster: str, administrator: WorkspaceClient, landing: Path
) -> None:
    look = f"""
        import os
        print(os.path.exists("{PATH}"), os.path.exists("{landing}/day"))
    """
    before = run_code(production, look, production_cluster)
    assert before.logs.strip() == "False False", before.logs
    with pytest.raises(PermissionDenied, match="READ VOLUME"):
        production.files.download(f"{PATH}/day/session.csv")
    principal = production.current_user.me().user_name or ""
    changes = [PermissionsChange(add=[Privilege.READ_VOLUME], principal=principal)]
    administrator.grants.update(SecurableType.VOLUME.value, VOLUME, changes=changes)
    code = f"""
        print(open("{PATH}/day/session.csv").read())
        open("{PATH}/day/session.csv", "w").write("forged")
    """
    done = run_code(production, code, production_cluster)
    assert done.state == FAILED
    assert "from outside" in done.logs
    assert "Read-only file system" in (done.error or "")
    with pytest.raises(PermissionDenied):
        production.files.upload(f"{PATH}/forged.csv", io.BytesIO(b"forged"))
    assert (landing / "day" / "session.csv").read_text() == "from outside"


def test_needs_the_privilege(
    administrator: WorkspaceClient, landing: Path, settings: LocalSettings, tmp_path: Path
) -> None:
    from pipelines.local.lifecycle import connection
    from pipelines_tests.local.conftest import client_with

    maker = administrator.service_principals.create(display_name="maker").application_id or ""
    token = administrator.token_management.create_obo_token(maker).token_value or ""
    seen = client_with(connection(settings, "development").host, token)

    def give(kind: str, name: str, *privileges: Privilege) -> None:
        administrator.grants.update(kind, name, changes=[PermissionsChange(add=list(privileges), principal=maker)])

    def make() -> None:
        seen.volumes.create("main", "external", "own", VolumeType.EXTERNAL, storage_location=f"file://{tmp_path}/own")

    give("catalog", "main", Privilege.USE_CATALOG)
    give("schema", "main.external", Privilege.USE_SCHEMA, Privilege.CREATE_VOLUME)
    with pytest.raises(PermissionDenied, match="CREATE EXTERNAL VOLUME"):
        make()
    assert not (tmp_path / "own").exists()
    give("schema", "main.external", Privilege.CREATE_EXTERNAL_VOLUME)
    make()
    assert (tmp_path / "own").is_dir()


def test_overlapping_folders_are_refused(
    development: WorkspaceClient, administrator: WorkspaceClient, settings: LocalSettings, landing: Path, tmp_path: Path
) -> None:
    def refused(folder: Path | str, by: WorkspaceClient = administrator) -> str:
        with pytest.raises((BadRequest, PermissionDenied)) as caught:
            by.volumes.create("main", "external", "refused", VolumeType.EXTERNAL, storage_location=f"file://{folder}")
        return str(caught.value)

    (tmp_path / "link").symlink_to(settings.home)
    for folder in (landing, landing / "day", landing.parent):
        assert "overlaps" in refused(folder)
    assert "managed storage" in refused(settings.warehouse / "main" / "gold")
    for folder in (settings.home, settings.home / "production", tmp_path / "link" / "production"):
        assert "CREATE EXTERNAL VOLUME" in refused(folder)
    assert "CREATE EXTERNAL VOLUME" in refused(settings.private["production"][0] / "inside")
    assert "for themselves" in refused("/usr")
    assert "for themselves" in refused("/")
    # What is hidden from tasks is shown to them by an administrator or not at all.
    assert "CREATE EXTERNAL VOLUME" in refused(settings.hidden[0] / "flight", development)
    body = {
        "catalog_name": "main",
        "schema_name": "external",
        "name": "inside",
        "storage_location": f"file://{landing}",
    }
    columns = [{"name": "id", "type_text": "bigint", "position": 0}]
    with pytest.raises(BadRequest, match="overlaps"):
        administrator.api_client.do("POST", "/api/2.1/unity-catalog/tables", body={**body, "columns": columns})


def test_dropped_volume_leaves_its_files(administrator: WorkspaceClient, tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("kept")
    administrator.volumes.create(
        "dev", "default", "passing", VolumeType.EXTERNAL, storage_location=f"file://{tmp_path}"
    )
    administrator.volumes.delete("dev.default.passing")
    assert (tmp_path / "kept.txt").read_text() == "kept"
