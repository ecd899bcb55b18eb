"""Where securables may keep their files: in a folder that is nobody else's, above all not the server's own."""

from __future__ import annotations

from pathlib import Path

from pipelines.local.catalog.metastore import local_path
from pipelines.local.catalog.privileges import METASTORE_ADMINS
from pipelines.local.endpoints import Call
from pipelines.local.errors import ApiError, forbidden, invalid

_SHALLOWEST = 3
"""Parts of a path from which on it can be a volume's folder: `/usr` or `/home` never can."""


def require_own_table_location(call: Call) -> None:
    """Go on only if a new table's location, if one is given, is apart from all other tables and volumes.

    Raises:
        ApiError: it overlaps with another one, with managed storage, or with the server's state.
    """
    location = call.arguments.get("storage_location")
    if not location:
        return
    folder = local_path(location).resolve()
    _require_outside(call, location, folder, "CREATE EXTERNAL TABLE")
    _require_untaken(call, location, folder)
    warehouse = call.workspace.metastore.warehouse
    own = warehouse.joinpath(call.text("catalog_name"), call.text("schema_name"), call.text("name"))
    if _overlap(folder, warehouse) and folder != own.resolve():
        raise invalid(f"Input path url '{location}' overlaps with managed storage.")


def require_own_volume_location(call: Call) -> Path:
    """The folder of a new external volume, which is made if it is not there.

    Raises:
        ApiError: it overlaps with a table or a volume, with managed storage, with the server's state, with another
            workspace's folders or the tasks' interpreter, or is hidden from tasks (unless a metastore administrator
            asks); or it cannot be made.
    """
    location = call.text("storage_location")
    folder = local_path(location).resolve()
    settings = call.workspace.settings
    if len(folder.parts) < _SHALLOWEST or _overlap(folder, settings.interpreter.parents[1]):
        raise invalid(f"Input path url '{location}' is a folder that tasks need for themselves: choose one of its own.")
    _require_outside(call, location, folder, "CREATE EXTERNAL VOLUME")
    _require_untaken(call, location, folder)
    if _overlap(folder, call.workspace.metastore.warehouse):
        raise invalid(f"Input path url '{location}' overlaps with managed storage.")
    hidden = any(_overlap(folder, other) for other in settings.hidden)
    if hidden and METASTORE_ADMINS not in call.principal.groups:
        raise forbidden("CREATE EXTERNAL VOLUME", "External Location", location)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise invalid(f"Input path url '{location}' cannot be made a folder: {error}.") from None
    return folder


def _require_untaken(call: Call, location: str, folder: Path) -> None:
    store = call.workspace.metastore.store
    for kind in ("table", "volume"):
        for _, other in store.items(kind):
            if _overlap(folder, local_path(other["storage_location"])):
                raise ApiError(
                    "INVALID_PARAMETER_VALUE",
                    f"Input path url '{location}' overlaps with other external tables or volumes: "
                    f"{other['full_name']}.",
                )


def _require_outside(call: Call, location: str, folder: Path, action: str) -> None:
    settings = call.workspace.settings
    private = (other for folders in settings.private.values() for other in folders)
    if any(_overlap(folder, other) for other in (settings.home, *private)):
        raise forbidden(action, "External Location", location)


def _overlap(folder: Path, other: Path) -> bool:
    """Whether the two folders are the same, or one lies in the other; `folder` is resolved."""
    other = other.resolve()
    return folder == other or folder in other.parents or other in folder.parents
