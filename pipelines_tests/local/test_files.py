"""Files round-trip through DBFS, volumes and the workspace tree, with the limits that Databricks sets."""

from __future__ import annotations

import base64
import hashlib
import io
import random

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import AlreadyExists, BadRequest, NotFound, PermissionDenied, ResourceAlreadyExists
from databricks.sdk.service.catalog import VolumeType
from databricks.sdk.service.workspace import ExportFormat, ImportFormat, Language

_MIB = 1024 * 1024
SIZES = (0, 1, _MIB - 1, _MIB, _MIB + 1, 3 * _MIB + 17)


def content(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@pytest.fixture(scope="module")
def volume(development: WorkspaceClient) -> str:
    development.volumes.create(catalog_name="dev", schema_name="default", name="files", volume_type=VolumeType.MANAGED)
    return "/Volumes/dev/default/files"


@pytest.mark.parametrize("size", SIZES)
def test_dbfs_round_trip(development: WorkspaceClient, size: int) -> None:
    path = f"/round/{size}.bin"
    development.dbfs.upload(path, io.BytesIO(content(size)), overwrite=True)
    assert development.dbfs.get_status(path).file_size == size
    assert development.dbfs.download(path).read() == content(size)


def test_dbfs_block_is_at_most_one_mebibyte(development: WorkspaceClient) -> None:
    handle = development.dbfs.create("/limits/block.bin", overwrite=True).handle or 0
    development.dbfs.add_block(handle, base64.b64encode(content(_MIB)).decode())
    with pytest.raises(BadRequest, match="maximum block size") as refused:
        development.dbfs.add_block(handle, base64.b64encode(content(_MIB + 1)).decode())
    assert refused.value.error_code == "MAX_BLOCK_SIZE_EXCEEDED"
    assert not development.dbfs.exists("/limits/block.bin")
    development.dbfs.close(handle)
    assert development.dbfs.get_status("/limits/block.bin").file_size == _MIB
    with pytest.raises(BadRequest, match="maximum read size"):
        development.dbfs.read("/limits/block.bin", length=_MIB + 1)


def test_dbfs_listing_moving_deleting(development: WorkspaceClient) -> None:
    development.dbfs.mkdirs("/tree/deep")
    development.dbfs.put("/tree/deep/a.txt", contents=base64.b64encode(b"a").decode())
    with pytest.raises(ResourceAlreadyExists):
        development.dbfs.put("/tree/deep/a.txt", contents="")
    development.dbfs.move("/tree/deep/a.txt", "/tree/b.txt")
    assert {entry.path for entry in development.dbfs.list("/tree")} == {"/tree/deep", "/tree/b.txt"}
    with pytest.raises(NotFound):
        development.dbfs.get_status("/tree/deep/a.txt")
    development.dbfs.delete("/tree", recursive=True)
    assert not development.dbfs.exists("/tree")
    with pytest.raises(BadRequest):
        development.dbfs.put("/../outside.txt", contents="")


@pytest.mark.parametrize("size", SIZES)
def test_volume_round_trip(development: WorkspaceClient, volume: str, size: int) -> None:
    path = f"{volume}/round trip/{size} %.bin"
    development.files.upload(path, io.BytesIO(content(size)), overwrite=True)
    metadata = development.files.get_metadata(path)
    assert metadata.content_length == size
    downloaded = development.files.download(path).contents
    assert downloaded is not None
    assert downloaded.read() == content(size)


def test_large_upload_goes_in_parts(development: WorkspaceClient, volume: str) -> None:
    data = content(64 * _MIB)
    development.files.upload(f"{volume}/large.bin", io.BytesIO(data))
    downloaded = development.files.download(f"{volume}/large.bin").contents
    assert downloaded is not None
    assert hashlib.sha256(downloaded.read()).digest() == hashlib.sha256(data).digest()


def test_volume_range_is_read(development: WorkspaceClient, volume: str) -> None:
    development.files.upload(f"{volume}/range.bin", io.BytesIO(b"0123456789"))
    answer = development.api_client.do(
        "GET", f"/api/2.0/fs/files{volume}/range.bin", headers={"Range": "bytes=3-5"}, raw=True
    )
    assert isinstance(answer, dict)
    assert answer["contents"].read() == b"345"


def test_volume_does_not_overwrite_unless_asked(development: WorkspaceClient, volume: str) -> None:
    development.files.upload(f"{volume}/once.txt", io.BytesIO(b"first"))
    with pytest.raises(AlreadyExists):
        development.files.upload(f"{volume}/once.txt", io.BytesIO(b"second"), overwrite=False)
    downloaded = development.files.download(f"{volume}/once.txt").contents
    assert downloaded is not None
    assert downloaded.read() == b"first"


def test_volume_directories_are_listed_in_pages(development: WorkspaceClient, volume: str) -> None:
    development.files.create_directory(f"{volume}/pages/empty")
    for number in range(7):
        development.files.upload(f"{volume}/pages/{number}.txt", io.BytesIO(b"x"))
    listed = list(development.files.list_directory_contents(f"{volume}/pages", page_size=3))
    assert [entry.name for entry in listed] == [*(f"{number}.txt" for number in range(7)), "empty"]
    assert [entry.is_directory for entry in listed] == [False] * 7 + [True]
    with pytest.raises(BadRequest, match="not empty"):
        development.files.delete_directory(f"{volume}/pages")
    development.files.delete(f"{volume}/pages/0.txt")
    with pytest.raises(NotFound):
        development.files.get_metadata(f"{volume}/pages/0.txt")
    with pytest.raises(NotFound):
        list(development.files.list_directory_contents(f"{volume}/nowhere"))


def test_volume_of_other_workspace_is_out_of_reach(production: WorkspaceClient, volume: str) -> None:
    with pytest.raises(PermissionDenied, match="not accessible in current workspace"):
        production.files.download(f"{volume}/once.txt")


def test_workspace_files_and_notebooks(development: WorkspaceClient) -> None:
    folder = "/Users/someone/project"
    development.workspace.mkdirs(folder)
    development.workspace.upload(f"{folder}/module.py", io.BytesIO(b"x = 1\n"), format=ImportFormat.AUTO)
    development.workspace.import_(
        f"{folder}/notebook",
        content=base64.b64encode(b"print(1)\n").decode(),
        format=ImportFormat.SOURCE,
        language=Language.PYTHON,
    )
    kinds = {entry.path: entry.object_type.value for entry in development.workspace.list(folder) if entry.object_type}
    assert kinds == {f"{folder}/module.py": "FILE", f"{folder}/notebook": "NOTEBOOK"}
    assert development.workspace.download(f"{folder}/module.py", format=ExportFormat.AUTO).read() == b"x = 1\n"
    exported = development.workspace.export(f"{folder}/notebook").content or ""
    assert base64.b64decode(exported).decode().endswith("print(1)\n")
    development.workspace.delete(folder, recursive=True)
    with pytest.raises(NotFound):
        development.workspace.get_status(folder)
