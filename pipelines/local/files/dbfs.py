"""DBFS API: the workspace's own file system, in blocks of at most 1 MiB."""

from __future__ import annotations

import base64
import binascii
import secrets
import shutil
from pathlib import Path
from typing import Any

from pipelines.local.endpoints import Call, Endpoints
from pipelines.local.errors import ApiError, invalid, missing
from pipelines.local.files.atomic import being_written, below
from pipelines.local.files.tree import serve_tree

endpoints = Endpoints()

_ROOT = "/api/2.0/dbfs"
_BLOCK = 1024 * 1024


def _path(call: Call, name: str = "path") -> tuple[str, Path]:
    text = call.text(name).removeprefix("dbfs:")
    text = "/" + text.lstrip("/")
    return text, below(call.workspace.dbfs, text)


def _existing(call: Call) -> tuple[str, Path]:
    text, path = _path(call)
    if not path.exists():
        raise missing(f"No file or directory exists on path {text}.")
    return text, path


def _decoded(call: Call, name: str) -> bytes:
    value = call.arguments.get(name, "")
    if isinstance(value, bytes):
        return value
    try:
        data = base64.b64decode(value, validate=True)
    except binascii.Error:
        raise invalid(f"{name} is not valid base64.") from None
    if len(data) > _BLOCK:
        raise ApiError(
            "MAX_BLOCK_SIZE_EXCEEDED", f"The maximum block size is {_BLOCK} bytes; this one has {len(data)}."
        )
    return data


def _info(call: Call, path: Path) -> dict[str, Any]:
    found = path.stat()
    folder = path.is_dir()
    return {
        "path": "/" + str(path.relative_to(call.workspace.dbfs)).removeprefix("."),
        "is_dir": folder,
        "file_size": 0 if folder else found.st_size,
        "modification_time": int(found.st_mtime * 1000),
    }


def _handles(call: Call) -> Path:
    folder = call.workspace.folder / "dbfs-handles"
    folder.mkdir(exist_ok=True)
    return folder


@endpoints.post(f"{_ROOT}/create")
def create(call: Call) -> dict[str, Any]:
    text, path = _path(call)
    if path.is_dir():
        raise ApiError("RESOURCE_ALREADY_EXISTS", f"A directory already exists on path {text}.")
    if path.exists() and not call.flag("overwrite"):
        raise ApiError("RESOURCE_ALREADY_EXISTS", f"A file or directory already exists at the input path {text}.")
    handle = secrets.randbits(53)
    (_handles(call) / str(handle)).touch()
    call.workspace.store.put("dbfs_handle", str(handle), {"path": text})
    return {"handle": handle}


def _open_handle(call: Call) -> tuple[str, Path]:
    handle = str(call.integer("handle"))
    if call.workspace.store.get("dbfs_handle", handle) is None:
        raise missing(f"No file handle exists: {handle}.")
    return handle, _handles(call) / handle


@endpoints.post(f"{_ROOT}/add-block")
def add_block(call: Call) -> dict[str, Any]:
    _, part = _open_handle(call)
    data = _decoded(call, "data")
    with part.open("ab") as opened:
        opened.write(data)
    return {}


@endpoints.post(f"{_ROOT}/close")
def close(call: Call) -> dict[str, Any]:
    handle, part = _open_handle(call)
    document = call.workspace.store.get("dbfs_handle", handle)
    assert document is not None
    target = below(call.workspace.dbfs, document["path"])
    target.parent.mkdir(parents=True, exist_ok=True)
    part.replace(target)
    call.workspace.store.delete("dbfs_handle", handle)
    return {}


@endpoints.post(f"{_ROOT}/put")
def put(call: Call) -> dict[str, Any]:
    text, path = _path(call)
    if path.exists() and not call.flag("overwrite"):
        raise ApiError("RESOURCE_ALREADY_EXISTS", f"A file or directory already exists at the input path {text}.")
    # As a form the file may be larger than a block; the legacy CLI calls its part `file`.
    contents = _decoded(call, "file" if "file" in call.arguments else "contents")
    with being_written(path) as part:
        part.write_bytes(contents)
    return {}


@endpoints.get(f"{_ROOT}/read")
def read(call: Call) -> dict[str, Any]:
    text, path = _existing(call)
    if path.is_dir():
        raise invalid(f"Cannot read a directory: {text}.")
    offset, length = call.integer("offset", 0), call.integer("length", _BLOCK // 2)
    if offset < 0 or length < 0:
        raise invalid("offset and length may not be negative.")
    if length > _BLOCK:
        raise ApiError("MAX_READ_SIZE_EXCEEDED", f"The maximum read size is {_BLOCK} bytes; {length} were asked for.")
    with path.open("rb") as opened:
        opened.seek(offset)
        data = opened.read(length)
    return {"bytes_read": len(data), "data": base64.b64encode(data).decode()}


serve_tree(endpoints, _ROOT, "files", _path, _existing, _info)


@endpoints.post(f"{_ROOT}/move")
def move(call: Call) -> dict[str, Any]:
    source_text, source = _path(call, "source_path")
    target_text, target = _path(call, "destination_path")
    if not source.exists():
        raise missing(f"No file or directory exists on path {source_text}.")
    if target.is_dir():
        target = target / source.name
    if target.exists():
        raise ApiError("RESOURCE_ALREADY_EXISTS", f"A file or directory already exists at the path {target_text}.")
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)
    return {}


@endpoints.post(f"{_ROOT}/delete")
def delete(call: Call) -> dict[str, Any]:
    text, path = _path(call)
    if path.is_dir():
        if any(path.iterdir()) and not call.flag("recursive"):
            raise ApiError("IO_ERROR", f"The directory {text} is not empty: set recursive to delete it.", 400)
        if path == call.workspace.dbfs:
            raise invalid("The root cannot be deleted.")
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    return {}
