"""Where a task's code is: its file, and the libraries that are put first on its path."""

from __future__ import annotations

import re
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

from pipelines.local.errors import ApiError
from pipelines.local.identity import Principal
from pipelines.local.workspace import Workspace

_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(\[[^\]]*\])?\s*(==?|>=|<=|~=|!=|<|>)?\s*([^;,\s]*)")


class CodeError(Exception):
    """The task's code or a library of it is not to be had; the message says which and why."""


def task_file(path: str, source: str | None = None) -> str:
    """The path of a Python file as the task sees it.

    Raises:
        CodeError: the file is somewhere that a local task cannot reach.
    """
    if source == "GIT":
        raise CodeError("Tasks from a git source are not available in the local workspace: ship the code instead.")
    if path.startswith("dbfs:"):
        path = path.removeprefix("dbfs:")
        return path if path.startswith("/Volumes/") else f"/dbfs/{path.lstrip('/')}"
    if path.startswith(("/Volumes/", "/Workspace/", "/dbfs/")):
        return path
    if path.startswith("/"):
        return f"/Workspace{path}"
    raise CodeError(f"The Python file {path!r} is not one that the local workspace serves.")


def server_path(workspace: Workspace, principal: Principal, path: str, privilege: str = "READ_VOLUME") -> Path:
    """Where the server finds a file that a task of the principal sees at `path`.

    Raises:
        CodeError: the path is none of the workspace's, or is in a volume on which the principal lacks the privilege.
    """
    parts = Path(path).parts
    if ".." in parts:
        raise CodeError(f"{path!r} leaves the workspace.")
    if parts[:2] == ("/", "dbfs"):
        return workspace.dbfs.joinpath(*parts[2:])
    if parts[:2] == ("/", "Workspace"):
        return workspace.files.joinpath(*parts[2:])
    if parts[:2] == ("/", "Volumes") and len(parts) >= 5:
        name = ".".join(parts[2:5]).lower()
        try:
            folder = workspace.metastore.volume_folder(name)
            workspace.metastore.privileges.require(principal, workspace.name, privilege, "volume", name)
        except ApiError as error:
            raise CodeError(f"{path!r} cannot be used: {error.message}") from None
        found = folder.joinpath(*parts[5:])
        if not found.resolve().is_relative_to(folder.resolve()):
            raise CodeError(f"{path!r} is a link that leaves its volume.")
        return found
    raise CodeError(f"{path!r} is neither on DBFS, nor in a volume, nor a workspace file.")


def notebook_file(workspace: Workspace, path: str) -> str:
    """The file behind a notebook's path, as the task sees it.

    Raises:
        CodeError: there is no Python notebook of that path.
    """
    inside = path.removeprefix("/Workspace").lstrip("/")
    for name in (inside, f"{inside}.py"):
        if (workspace.files / name).is_file():
            return f"/Workspace/{name}"
    raise CodeError(f"Unable to access the notebook {path!r}: it does not exist, or is not a Python notebook.")


def install(workspace: Workspace, principal: Principal, libraries: list[dict[str, Any]], folder: Path) -> list[str]:
    """Make the task's libraries importable; the folders to put on its path.

    Packages of an index are not downloaded: they must be installed in the clusters' interpreter, in the version asked
    for. Wheels and eggs are unpacked beside the task.

    Raises:
        CodeError: a library is missing, or of a kind that needs Java.
    """
    paths: list[str] = []
    for library in libraries:
        if "pypi" in library:
            require_installed(library["pypi"]["package"])
        elif "whl" in library or "egg" in library:
            paths.append(_unpack(workspace, principal, library.get("whl") or library["egg"], folder))
        elif "requirements" in library:
            listing = server_path(workspace, principal, task_file(library["requirements"]))
            for line in listing.read_text(encoding="utf-8").splitlines():
                if line.strip() and not line.strip().startswith(("#", "-")):
                    require_installed(line)
        else:
            raise CodeError(f"A library of kind {', '.join(library)} cannot be used without Java.")
    return paths


def dependencies(workspace: Workspace, principal: Principal, environment: dict[str, Any], folder: Path) -> list[str]:
    """Make a serverless environment's dependencies importable, as `install` does."""
    entries = (environment.get("spec") or {}).get("dependencies") or []
    return install(
        workspace,
        principal,
        [{"whl": entry} if entry.endswith(".whl") else {"pypi": {"package": entry}} for entry in entries],
        folder,
    )


def require_installed(requirement: str) -> None:
    """Go on only if the package is installed, in the version asked for if one is.

    Raises:
        CodeError: it is not.
    """
    found = _REQUIREMENT.match(requirement.strip())
    if found is None:
        raise CodeError(f"Library installation failed: {requirement!r} is not a requirement.")
    name, _, operator, version = found.groups()
    try:
        installed = metadata.version(name)
    except metadata.PackageNotFoundError:
        raise CodeError(
            f"Library installation failed: {name} is not installed in the local clusters' Python, which installs "
            "nothing by itself: add it to the project's requirements."
        ) from None
    if operator in ("=", "==") and version and installed != version:
        raise CodeError(f"Library installation failed: {name} is installed as {installed}, not {version}.")


def _unpack(workspace: Workspace, principal: Principal, path: str, folder: Path) -> str:
    source = server_path(workspace, principal, task_file(path))
    if not source.is_file():
        raise CodeError(f"Library installation failed: {path} does not exist.")
    target = folder / "libraries" / source.stem
    with zipfile.ZipFile(source) as archive:
        archive.extractall(target)
    return str(target)
