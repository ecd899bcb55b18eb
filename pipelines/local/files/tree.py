"""What DBFS and the workspace's own files have in common: a tree that is looked at, listed and given folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines.local.endpoints import Call, Endpoints
from pipelines.local.errors import ApiError
from pipelines.local.files.atomic import entries


def serve_tree(
    endpoints: Endpoints,
    root: str,
    listing: str,
    resolve: Callable[[Call], tuple[str, Path]],
    existing: Callable[[Call], tuple[str, Path]],
    info: Callable[[Call, Path], dict[str, Any]],
) -> None:
    """Serve `get-status`, `list` and `mkdirs` below `root`.

    Args:
        endpoints: where the operations are added.
        root: address that they have in common.
        listing: name of the list in the answer to `list`.
        resolve: the path that a call asks for, as text and on disk.
        existing: the same, refused if there is nothing.
        info: how a file or folder is shown.
    """

    @endpoints.get(f"{root}/get-status")
    def get_status(call: Call) -> dict[str, Any]:
        return info(call, existing(call)[1])

    @endpoints.get(f"{root}/list")
    def list_files(call: Call) -> dict[str, Any]:
        _, path = existing(call)
        found = entries(path) if path.is_dir() else [path]
        return {listing: [info(call, entry) for entry in found]} if found else {}

    @endpoints.post(f"{root}/mkdirs")
    def mkdirs(call: Call) -> dict[str, Any]:
        text, path = resolve(call)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise ApiError("RESOURCE_ALREADY_EXISTS", f"A file exists at a prefix of the path {text}.") from None
        return {}
