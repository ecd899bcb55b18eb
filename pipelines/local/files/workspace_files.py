"""Workspace API: notebooks, files and folders of the workspace's own tree."""

from __future__ import annotations

import base64
import io
import shutil
import zipfile
import zlib
from pathlib import Path
from typing import Any

from starlette.responses import Response

from pipelines.local.endpoints import Call, Endpoints
from pipelines.local.errors import ApiError, invalid, missing
from pipelines.local.files.atomic import being_written, below
from pipelines.local.files.tree import serve_tree

endpoints = Endpoints()

_ROOT = "/api/2.0/workspace"
_LARGEST = 10 * 1024 * 1024
_NOTEBOOK_MARK = b"# Databricks notebook source\n"


def _path(call: Call) -> tuple[str, Path]:
    text = "/" + call.text("path").removeprefix("/Workspace").strip("/")
    return text, below(call.workspace.files, text)


def _is_notebook(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as opened:
        return opened.read(len(_NOTEBOOK_MARK)) == _NOTEBOOK_MARK


def _info(call: Call, path: Path) -> dict[str, Any]:
    text = "/" + str(path.relative_to(call.workspace.files)).removeprefix(".")
    kind = "DIRECTORY" if path.is_dir() else "NOTEBOOK" if _is_notebook(path) else "FILE"
    found = path.stat()
    info: dict[str, Any] = {
        "path": text,
        "object_type": kind,
        "object_id": zlib.crc32(text.encode()),
        "resource_id": str(zlib.crc32(text.encode())),
        "created_at": int(found.st_ctime * 1000),
        "modified_at": int(found.st_mtime * 1000),
    }
    if kind == "NOTEBOOK":
        info["language"] = "PYTHON"
    if kind == "FILE":
        info["size"] = found.st_size
    return info


def _existing(call: Call) -> tuple[str, Path]:
    text, path = _path(call)
    if not path.exists():
        raise missing(f"Path ({text}) doesn't exist.")
    return text, path


@endpoints.post(f"{_ROOT}/import")
def import_file(call: Call) -> dict[str, Any]:
    text, path = _path(call)
    content = call.arguments.get("content", "")
    data = content if isinstance(content, bytes) else base64.b64decode(content)
    if len(data) > _LARGEST:
        raise ApiError("MAX_NOTEBOOK_SIZE_EXCEEDED", f"content size ({len(data)}) exceeded the limit {_LARGEST}")
    if path.is_dir():
        raise ApiError("RESOURCE_ALREADY_EXISTS", f"Path ({text}) already exists and is a directory.")
    if path.exists() and not call.flag("overwrite"):
        raise ApiError("RESOURCE_ALREADY_EXISTS", f"Path ({text}) already exists.")
    style = call.text("format", "SOURCE")
    if style not in ("SOURCE", "AUTO", "RAW"):
        raise invalid(f"Format {style} cannot be imported here: use SOURCE, AUTO or RAW.")
    if call.text("language", "PYTHON") != "PYTHON":
        raise invalid("Only Python notebooks can be imported here.")
    # A source whose language is named is a notebook, whether or not it says so itself.
    notebook = style == "SOURCE" and ("language" in call.arguments or not path.suffix)
    if notebook and not data.startswith(_NOTEBOOK_MARK):
        data = _NOTEBOOK_MARK + data
    with being_written(path) as part:
        part.write_bytes(data)
    return {}


@endpoints.get(f"{_ROOT}/export")
def export_file(call: Call) -> Any:
    text, path = _existing(call)
    if path.is_dir():
        if call.text("format", "SOURCE") not in ("SOURCE", "AUTO", "DBC"):
            raise invalid(f"A directory cannot be exported as {call.text('format')}.")
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for entry in sorted(path.rglob("*")):
                archive.write(entry, entry.relative_to(path))
        data = packed.getvalue()
    else:
        data = path.read_bytes()
    if call.flag("direct_download"):
        return Response(data, media_type="application/octet-stream")
    if len(data) > _LARGEST:
        raise ApiError("MAX_NOTEBOOK_SIZE_EXCEEDED", f"The size of {text} exceeded the limit {_LARGEST}")
    return {"content": base64.b64encode(data).decode(), "file_type": path.suffix.lstrip(".")}


serve_tree(endpoints, _ROOT, "objects", _path, _existing, _info)


@endpoints.post(f"{_ROOT}/delete")
def delete(call: Call) -> dict[str, Any]:
    text, path = _existing(call)
    if path == call.workspace.files:
        raise invalid("The root cannot be deleted.")
    if path.is_dir():
        if any(path.iterdir()) and not call.flag("recursive"):
            raise ApiError("DIRECTORY_NOT_EMPTY", f"Folder ({text}) is not empty")
        shutil.rmtree(path)
    else:
        path.unlink()
    return {}
