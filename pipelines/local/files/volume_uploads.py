"""Files API: uploads in parts, by addresses that carry their own permission, as the SDK does above 5 MiB."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from pathlib import Path
from typing import Any

from starlette.responses import Response

from pipelines.local.endpoints import Call, Endpoints
from pipelines.local.errors import ApiError, invalid
from pipelines.local.files.atomic import being_written
from pipelines.local.files.volume_files import volume_path

endpoints = Endpoints()

_ROOT = "/api/2.0/fs"


def _parts(call: Call, session: str) -> Path:
    if not session.isalnum():
        raise invalid("The session token is not valid.")
    return call.workspace.folder / "uploads" / session


@endpoints.post(f"{_ROOT}/files/{{path:path}}")
def begin_or_complete(call: Call) -> Any:
    text = "/" + call.path["path"].lstrip("/")
    path = volume_path(call, text, "WRITE_VOLUME")
    action = call.text("action")
    if action == "initiate-upload":
        if path.exists() and not call.flag("overwrite", default=True):
            raise ApiError("ALREADY_EXISTS", f"The file being created already exists. Path: {text}", 409)
        session = secrets.token_hex(16)
        _parts(call, session).mkdir(parents=True)
        call.workspace.store.put("upload", session, {"path": text})
        return {"multipart_upload": {"session_token": session}}
    session = call.text("session_token")
    if action != "complete-upload":
        raise invalid(f"Unknown action {action}.")
    folder = _parts(call, session)
    document = call.workspace.store.get("upload", session)
    if document is None or document["path"] != text:
        raise invalid("The session token is not valid for this path.")
    if not folder.is_dir():
        # Completed before, and the answer was lost.
        return Response(status_code=204)
    with being_written(path) as target, target.open("wb") as opened:
        for part in call.arguments.get("parts") or []:
            data = (folder / str(int(part["part_number"]))).read_bytes()
            if hashlib.md5(data).hexdigest() != str(part["etag"]).strip('"'):
                raise invalid(f"Part {part['part_number']} is not the one that was uploaded.")
            opened.write(data)
    shutil.rmtree(folder)
    return Response(status_code=204)


@endpoints.post(f"{_ROOT}/create-upload-part-urls")
def part_addresses(call: Call) -> dict[str, Any]:
    volume_path(call, call.text("path"), "WRITE_VOLUME")
    session, first = call.text("session_token"), call.integer("start_part_number")
    return {
        "upload_part_urls": [
            {"url": f"{call.workspace.host}/cloud/{session}/{number}", "part_number": number, "headers": []}
            for number in range(first, first + call.integer("count", 1))
        ]
    }


@endpoints.post(f"{_ROOT}/create-abort-upload-url")
def abort_address(call: Call) -> dict[str, Any]:
    volume_path(call, call.text("path"), "WRITE_VOLUME")
    return {"abort_upload_url": {"url": f"{call.workspace.host}/cloud/{call.text('session_token')}/0", "headers": []}}


@endpoints.put("/cloud/{session:str}/{number:int}")
async def upload_part(call: Call) -> Response:
    folder = _parts(call, call.path["session"])
    if not folder.is_dir():
        return Response("<Error><Code>NoSuchUpload</Code></Error>", 404)
    data = await call.request.body()
    with being_written(folder / str(call.path["number"])) as part:
        part.write_bytes(data)
    return Response(status_code=200, headers={"ETag": f'"{hashlib.md5(data).hexdigest()}"'})


@endpoints.delete("/cloud/{session:str}/{number:int}")
def abort(call: Call) -> Response:
    shutil.rmtree(_parts(call, call.path["session"]), ignore_errors=True)
    return Response(status_code=204)
