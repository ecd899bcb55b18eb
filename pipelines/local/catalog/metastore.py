"""The metastore that the workspaces share: catalogs, schemas, tables and volumes, and where their files are."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse
from uuid import uuid4

from pipelines.local.catalog.privileges import METASTORE_ADMINS, Privileges
from pipelines.local.errors import ApiError, invalid, missing
from pipelines.local.identity import Directory
from pipelines.local.settings import LocalSettings
from pipelines.local.store import Document, Store

_NAME = re.compile(r"[a-z0-9_][a-z0-9_\-]{0,254}")


class Metastore:
    """Securables by full name, in one file and two folders (tables, volumes)."""

    def __init__(self, settings: LocalSettings) -> None:
        self.store = Store(settings.metastore_folder / "metastore.sqlite")
        self.warehouse = settings.warehouse
        self.volumes = settings.metastore_folder / "volumes"
        self.dropped = settings.metastore_folder / "dropped"
        self.privileges = Privileges(self.store)
        self.metastore_id = self._own_id()

    def _own_id(self) -> str:
        with self.store.transaction():
            document = self.store.get("metastore", "self") or {"id": str(uuid4())}
            self.store.put("metastore", "self", document)
        return document["id"]

    def populate(self, settings: LocalSettings, directory: Directory) -> None:
        """Make the catalogs, bindings and grants that the settings name; what exists is not changed."""
        with self.store.transaction():
            for binding in settings.bindings:
                if self.store.get("catalog", binding.catalog) is not None:
                    continue
                self.create("catalog", binding.catalog, METASTORE_ADMINS, {"isolation_mode": "ISOLATED"})
                self.update("catalog", binding.catalog, bindings=binding.writable_in)
                self.create("schema", f"{binding.catalog}.default", METASTORE_ADMINS, {})
                for grant in settings.grants:
                    if grant.full_name.split(".")[0] == binding.catalog:
                        principal = directory.name_of(grant.principal)
                        self.privileges.grant(grant.securable_type, grant.full_name, principal, grant.privileges)

    def get(self, kind: str, full_name: str) -> Document:
        """The securable's document.

        Raises:
            ApiError: 404 that names the first level that does not exist.
        """
        parts = full_name.lower().split(".")
        for depth, level in ((1, "catalog"), (2, "schema")):
            if len(parts) > depth and self.store.get(level, ".".join(parts[:depth])) is None:
                raise _missing(level, ".".join(parts[:depth]))
        document = self.store.get(kind, full_name.lower())
        if document is None:
            raise _missing(kind, full_name)
        return document

    def by_id(self, kind: str, identifier: str) -> Document:
        """The table or volume with that id.

        Raises:
            ApiError: there is none.
        """
        for _, document in self.store.items(kind):
            if document[f"{kind}_id"] == identifier:
                return document
        raise missing(f"{kind.capitalize()} '{identifier}' does not exist.")

    def create(self, kind: str, full_name: str, owner: str, fields: dict[str, Any]) -> Document:
        """Add a securable below an existing parent.

        Raises:
            ApiError: the name is not allowed or taken, or the parent does not exist.
        """
        full_name = full_name.lower()
        *parents, name = full_name.split(".")
        if not _NAME.fullmatch(name):
            raise invalid(f"'{name}' is not a valid name for a {kind}.")
        now = int(time.time() * 1000)
        document = {
            **fields,
            "name": name,
            "full_name": full_name,
            "owner": owner,
            "metastore_id": self.metastore_id,
            "created_at": now,
            "created_by": owner,
            "updated_at": now,
            "updated_by": owner,
        }
        with self.store.transaction():
            if parents:
                self.get("catalog" if len(parents) == 1 else "schema", ".".join(parents))
                document["catalog_name"] = parents[0]
            if len(parents) == 2:
                document["schema_name"] = parents[1]
            if self.store.get(kind, full_name) is not None:
                raise ApiError(f"{kind.upper()}_ALREADY_EXISTS", f"{kind.capitalize()} '{full_name}' already exists")
            self.store.put(kind, full_name, document)
        if kind in ("catalog", "schema"):
            self.warehouse.joinpath(*full_name.split(".")).mkdir(parents=True, exist_ok=True)
        if kind == "volume":
            local_path(document["storage_location"]).mkdir(parents=True, exist_ok=True)
        return document

    def update(self, kind: str, full_name: str, **changes: Any) -> Document:
        """Change fields of a securable."""
        with self.store.transaction():
            document = {**self.get(kind, full_name), **changes, "updated_at": int(time.time() * 1000)}
            self.store.put(kind, full_name.lower(), document)
        return document

    def children(self, kind: str, parent: str) -> list[Document]:
        """The securables of a kind right below the parent (`""` for catalogs), by name."""
        prefix = f"{parent}." if parent else ""
        return [document for _, document in self.store.items(kind, prefix)]

    def remove(self, kind: str, full_name: str, force: bool = False) -> None:
        """Drop a securable; the files of a managed table or volume are moved aside, not destroyed at once.

        Raises:
            ApiError: it does not exist, or is not empty and `force` is not set.
        """
        full_name = full_name.lower()
        document = self.get(kind, full_name)
        below = {"catalog": ("schema",), "schema": ("table", "volume")}.get(kind, ())
        for level in below:
            for child in self.children(level, full_name):
                if not force and child["name"] not in ("default", "information_schema"):
                    raise invalid(f"{kind.capitalize()} '{full_name}' is not empty.")
                self.remove(level, child["full_name"], force=True)
        with self.store.transaction():
            self.store.delete(kind, full_name)
            self.store.delete("grant", f"{kind}:{full_name}")
        if kind in ("catalog", "schema"):
            with contextlib.suppress(OSError):  # files of external tables stay
                self.warehouse.joinpath(*full_name.split(".")).rmdir()
        if kind == "table" and document.get("table_type") == "MANAGED":
            self._move_aside(local_path(document["storage_location"]))
        if kind == "volume" and document["volume_type"] == "MANAGED":
            self._move_aside(local_path(document["storage_location"]))

    def _move_aside(self, folder: Path) -> None:
        if folder.is_dir():
            self.dropped.mkdir(parents=True, exist_ok=True)
            shutil.move(str(folder), str(self.dropped / uuid4().hex))

    def volume_folder(self, full_name: str) -> Path:
        """The folder that holds the volume's files.

        Raises:
            ApiError: there is no such volume.
        """
        return local_path(self.get("volume", full_name)["storage_location"])

    def external_folders(self) -> list[Path]:
        """The folders of all external volumes: files of their own, wherever on this machine."""
        found = [document for _, document in self.store.items("volume") if document["volume_type"] == "EXTERNAL"]
        return [local_path(document["storage_location"]) for document in found]


def local_path(location: str) -> Path:
    """The folder that a storage location names.

    Raises:
        ApiError: it is not an absolute local path.
    """
    parsed = urlparse(location)
    path = Path(unquote(parsed.path) if parsed.scheme == "file" else location)
    if parsed.scheme not in ("", "file") or not path.is_absolute() or ".." in path.parts:
        raise invalid(f"Storage location {location!r} is not a file: location, the only kind that is served here.")
    return path


def _missing(kind: str, full_name: str) -> ApiError:
    return ApiError(
        f"{kind.upper()}_DOES_NOT_EXIST",
        f"{kind.capitalize()} '{full_name}' does not exist.",
        metadata={"resourceType": kind.capitalize(), "resourceName": full_name},
    )
