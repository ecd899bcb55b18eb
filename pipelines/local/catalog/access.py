"""A task's view of the metastore's files: what its principal may write, may only read, or may not see."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipelines.local.catalog.metastore import Metastore, local_path
from pipelines.local.identity import Principal
from pipelines.local.store import Document


@dataclass(frozen=True)
class View:
    """A folder shown to a task at `target`; `mode` is `rw` or `ro`."""

    source: Path
    target: Path
    mode: str


def table_views(metastore: Metastore, principal: Principal, workspace: str) -> tuple[list[View], list[Path]]:
    """Folders of tables that the principal may use, outer ones first, and folders to hide from it.

    The warehouse as a whole is hidden; what may be used is shown in it. Where tables may be created, the folder around
    them is writable, so that a table made by the task itself is, too.
    """
    views: list[View] = []
    hidden = [metastore.warehouse]
    for catalog in metastore.children("catalog", ""):
        held = metastore.privileges.held(principal, workspace, "catalog", catalog["name"])
        if "USE_CATALOG" not in held:
            hidden += _elsewhere(metastore, catalog["name"])
            continue
        if "CREATE_SCHEMA" in held:
            views.append(_in_place(metastore.warehouse / catalog["name"], "rw"))
        for schema in metastore.children("schema", catalog["name"]):
            shown, covered = _schema_views(metastore, principal, workspace, schema)
            views += shown
            hidden += covered
    return views, hidden


def _schema_views(
    metastore: Metastore, principal: Principal, workspace: str, schema: Document
) -> tuple[list[View], list[Path]]:
    privileges, name = metastore.privileges, schema["full_name"]
    held = privileges.held(principal, workspace, "schema", name)
    folder = metastore.warehouse.joinpath(*name.split("."))
    if "USE_SCHEMA" not in held:
        return [], _elsewhere(metastore, name)
    # `SELECT` on the schema covers its tables to come; `CREATE_TABLE` needs a folder to create them in.
    around = "rw" if "CREATE_TABLE" in held else "ro" if "SELECT" in held else None
    views = [_in_place(folder, around)] if around else []
    hidden: list[Path] = []
    for table in metastore.children("table", name):
        rights = privileges.held(principal, workspace, "table", table["full_name"])
        mode = "rw" if "MODIFY" in rights else "ro" if "SELECT" in rights else None
        place = local_path(table["storage_location"])
        inside = folder in place.parents
        if mode is None:
            if around or not inside:
                hidden.append(place)
        elif mode != around or not inside:
            views.append(_in_place(place, mode))
    return views, hidden


def _elsewhere(metastore: Metastore, parent: str) -> list[Path]:
    """Folders of external tables below a securable that is out of reach; those in the warehouse are hidden with it."""
    places = [local_path(table["storage_location"]) for table in metastore.children("table", parent)]
    return [place for place in places if metastore.warehouse not in place.parents]


def _in_place(folder: Path, mode: str) -> View:
    return View(folder, folder, mode)


def volume_views(metastore: Metastore, principal: Principal, workspace: str) -> list[View]:
    """The volumes that the principal may use, below `/Volumes`."""
    views = []
    for volume in metastore.children("volume", ""):
        name = volume["full_name"]
        may = metastore.privileges.may
        if may(principal, workspace, "WRITE_VOLUME", "volume", name):
            mode = "rw"
        elif may(principal, workspace, "READ_VOLUME", "volume", name):
            mode = "ro"
        else:
            continue
        views.append(View(local_path(volume["storage_location"]), Path("/Volumes", *name.split(".")), mode))
    return views


def refused_table(metastore: Metastore, message: str) -> str | None:
    """The table that an error of a read-only mount speaks of, or None if it is another error."""
    if "Read-only file system" not in message:
        return None
    for name, table in metastore.store.items("table"):
        if f"{local_path(table['storage_location'])}/" in message:
            return name
    return None
