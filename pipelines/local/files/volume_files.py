"""Files API: files in Unity Catalog volumes, whole or by range, never appended to."""

from __future__ import annotations

import re
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.responses import FileResponse, Response

from pipelines.local.endpoints import Call, Endpoints
from pipelines.local.errors import ApiError, invalid
from pipelines.local.files.atomic import being_written, below, entries

endpoints = Endpoints()

_FILE = "/api/2.0/fs/files/{path:path}"
_FOLDER = "/api/2.0/fs/directories/{path:path}"
_LARGEST = 5 * 1024**3
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def volume_path(call: Call, text: str, privilege: str) -> Path:
    """The file behind `/Volumes/<catalog>/<schema>/<volume>/...`, if the caller has the privilege on its volume.

    Raises:
        ApiError: the path is none in a volume, the volume does not exist, or the privilege is lacking.
    """
    parts = Path(text).parts
    if len(parts) < 5 or parts[1] != "Volumes":
        raise invalid(f"Invalid path: {text}. Paths begin with /Volumes/<catalog>/<schema>/<volume>.")
    name = ".".join(parts[2:5]).lower()
    metastore = call.workspace.metastore
    metastore.get("volume", name)
    metastore.privileges.require(call.principal, call.workspace.name, privilege, "volume", name)
    folder = metastore.volume_folder(name)
    path = below(folder, "/" + "/".join(parts[5:]))
    # Object stores have no links; a task can make one here, and it must lead to nobody else's files.
    if not path.resolve().is_relative_to(folder.resolve()):
        raise _not_found(text)
    return path


def _asked(call: Call, privilege: str) -> tuple[str, Path]:
    text = "/" + call.path["path"].lstrip("/")
    return text, volume_path(call, text, privilege)


def _not_found(text: str) -> ApiError:
    return ApiError("NOT_FOUND", f"The file being accessed is not found. Path: {text}", 404)


@endpoints.put(_FILE)
async def upload(call: Call) -> Response:
    text, path = _asked(call, "WRITE_VOLUME")
    if path.is_dir():
        raise ApiError("ALREADY_EXISTS", f"A directory exists at the path {text}.", 409)
    if path.exists() and not call.flag("overwrite", default=True):
        raise ApiError("ALREADY_EXISTS", f"The file being created already exists. Path: {text}", 409)
    with being_written(path) as part:
        size = 0
        with part.open("wb") as opened:
            async for chunk in call.request.stream():
                opened.write(chunk)
                size += len(chunk)
        declared = call.request.headers.get("content-length")
        if declared is not None and int(declared) != size:
            raise invalid(f"The body has {size} bytes, {declared} were declared.")
        if size > _LARGEST:
            raise invalid("Files of more than 5 GiB cannot be uploaded in one request.")
    return Response(status_code=204)


@endpoints.get(_FILE)
def download(call: Call) -> Response:
    text, path = _asked(call, "READ_VOLUME")
    if not path.is_file():
        raise _not_found(text)
    found = path.stat()
    headers = {
        "Last-Modified": formatdate(found.st_mtime, usegmt=True),
        "Content-Type": "application/octet-stream",
        "Accept-Ranges": "bytes",
    }
    condition = call.request.headers.get("if-unmodified-since")
    if condition and int(found.st_mtime) > parsedate_to_datetime(condition).timestamp():
        return Response(status_code=412)
    if call.request.method == "HEAD":
        return Response(headers={**headers, "Content-Length": str(found.st_size)})
    asked = _RANGE.fullmatch(call.request.headers.get("range", ""))
    if asked is None or asked.group(0) == "bytes=-":
        # Starlette would read a range header itself; here there is none that it could take.
        return FileResponse(path, headers=headers)
    first, last = _bounds(asked, found.st_size)
    if first > last:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{found.st_size}"})
    with path.open("rb") as opened:
        opened.seek(first)
        data = opened.read(last - first + 1)
    return Response(data, 206, {**headers, "Content-Range": f"bytes {first}-{last}/{found.st_size}"})


def _bounds(asked: re.Match[str], size: int) -> tuple[int, int]:
    begin, end = asked.groups()
    if not begin:
        return max(0, size - int(end)), size - 1
    return int(begin), min(int(end) if end else size - 1, size - 1)


@endpoints.delete(_FILE)
def delete(call: Call) -> Response:
    text, path = _asked(call, "WRITE_VOLUME")
    if not path.is_file():
        raise _not_found(text)
    path.unlink()
    return Response(status_code=204)


@endpoints.put(_FOLDER)
def create_directory(call: Call) -> Response:
    text, path = _asked(call, "WRITE_VOLUME")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ApiError("ALREADY_EXISTS", f"A file exists at the path {text}.", 409) from None
    return Response(status_code=204)


@endpoints.delete(_FOLDER)
def delete_directory(call: Call) -> Response:
    text, path = _asked(call, "WRITE_VOLUME")
    if not path.is_dir():
        raise _not_found(text)
    if any(path.iterdir()):
        raise ApiError("DIRECTORY_NOT_EMPTY", f"The directory is not empty: {text}")
    path.rmdir()
    return Response(status_code=204)


@endpoints.get(_FOLDER)
def list_directory(call: Call) -> Any:
    text, path = _asked(call, "READ_VOLUME")
    if not path.is_dir():
        raise _not_found(text)
    if call.request.method == "HEAD":
        return Response(status_code=200)
    size = min(call.integer("page_size", 1000) or 1000, 1000)
    token = call.text("page_token", "")
    names = [entry for entry in entries(path) if quote(entry.name) > token] if token else entries(path)
    answer: dict[str, Any] = {"contents": [_info(text, entry) for entry in names[:size]]}
    if len(names) > size:
        answer["next_page_token"] = quote(names[size - 1].name)
    return answer


def _info(folder: str, entry: Path) -> dict[str, Any]:
    info: dict[str, Any] = {
        "path": f"{folder.rstrip('/')}/{entry.name}",
        "name": entry.name,
        "is_directory": entry.is_dir(),
        "last_modified": int(entry.stat().st_mtime * 1000),
    }
    if entry.is_file():
        info["file_size"] = entry.stat().st_size
    return info
