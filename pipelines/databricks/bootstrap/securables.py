"""Catalogs with their bindings, schemas and volumes: what is missing of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote

from pipelines.databricks.bootstrap.plan import Catalog, Plan, Schema, Volume
from pipelines.databricks.bootstrap.step import BootstrapError, Step

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

Found = TypeVar("Found")


def securable_steps(plan: Plan, client: WorkspaceClient) -> Iterator[Step]:
    """A step per catalog, binding, schema and volume; each is looked up only when its turn comes."""
    for catalog in plan.catalogs:
        yield from _catalog(client, catalog)
    for schema in plan.schemas:
        yield _schema(client, schema, plan.is_borrowed(schema.name))
    for volume in plan.volumes:
        yield _volume(client, volume)


def _catalog(client: WorkspaceClient, catalog: Catalog) -> Iterator[Step]:
    what = f"catalog {catalog.name}"
    # Unlike the catalog itself, its bindings are shown to administrators of workspaces that it is not bound to.
    if _if_there(lambda: list(client.workspace_bindings.get_bindings("catalog", catalog.name))) is not None:
        yield Step("there", what)
    elif catalog.borrowed:
        yield _of_another_plan(what)
    else:
        yield Step("missing", what, lambda: _create_catalog(client, catalog))
    if not catalog.borrowed:
        yield _isolation(client, catalog)
    yield _binding(client, catalog)


def _isolation(client: WorkspaceClient, catalog: Catalog) -> Step:
    from databricks.sdk.errors import PermissionDenied
    from databricks.sdk.service.catalog import CatalogIsolationMode

    mode = CatalogIsolationMode.ISOLATED
    what = f"catalog {catalog.name} hidden from workspaces without a binding"
    try:
        found = _if_there(lambda: client.catalogs.get(catalog.name))
    except PermissionDenied:  # hidden from this very workspace
        return Step("there", what)
    if found is not None and found.isolation_mode == mode:
        return Step("there", what)
    # From then on this workspace is bound by itself.
    return Step("missing", what, lambda: client.catalogs.update(catalog.name, isolation_mode=mode))


def _create_catalog(client: WorkspaceClient, catalog: Catalog) -> None:
    from databricks.sdk.errors import BadRequest

    try:
        client.catalogs.create(catalog.name, comment=catalog.comment, storage_root=catalog.managed_location)
    except BadRequest as error:
        if catalog.managed_location is None and "storage" in str(error).lower():
            raise BootstrapError(
                f"Catalog {catalog.name} cannot be created: {error} The metastore has no root storage, so say where "
                "its tables belong, below an external location: --managed-location s3://<bucket>/<path>."
            ) from error
        raise


def _binding(client: WorkspaceClient, catalog: Catalog) -> Step:
    from databricks.sdk.service.catalog import WorkspaceBinding, WorkspaceBindingBindingType

    kind = WorkspaceBindingBindingType
    wanted = kind.BINDING_TYPE_READ_WRITE if catalog.writable else kind.BINDING_TYPE_READ_ONLY
    workspace = client.get_workspace_id()
    present = _if_there(lambda: list(client.workspace_bindings.get_bindings("catalog", catalog.name))) or []
    bound = {each.workspace_id: each.binding_type for each in present}
    what = f"binding of catalog {catalog.name}, {'read and write' if catalog.writable else 'read only'}"
    if bound.get(workspace) == wanted:
        return Step("there", what)
    # A binding of the other kind has to go first: there is one per workspace.
    other = [WorkspaceBinding(workspace, bound[workspace])] if workspace in bound else []

    def bind() -> None:
        if other:
            client.workspace_bindings.update_bindings("catalog", catalog.name, remove=other)
        client.workspace_bindings.update_bindings("catalog", catalog.name, add=[WorkspaceBinding(workspace, wanted)])

    return Step("missing", what, bind)


def _schema(client: WorkspaceClient, schema: Schema, borrowed: bool) -> Step:
    from databricks.sdk.errors import PermissionDenied

    what = f"schema {schema.name}"
    try:
        if _if_there(lambda: client.schemas.get(schema.name)) is not None:
            return Step("there", what)
    except PermissionDenied:
        if not borrowed:
            raise
        return Step("there", what)  # or hidden from who applies this plan: the grants on it will tell
    if borrowed:
        return _of_another_plan(what)
    catalog, _, name = schema.name.partition(".")
    return Step("missing", what, lambda: client.schemas.create(name, catalog, comment=schema.comment))


def _volume(client: WorkspaceClient, volume: Volume) -> Step:
    from databricks.sdk.service.catalog import VolumeType

    what = f"volume {volume.name}{f' over {volume.location}' if volume.location else ''}"
    found = _if_there(lambda: client.volumes.read(volume.name))
    if found is None:
        kind = VolumeType.EXTERNAL if volume.location else VolumeType.MANAGED
        catalog, schema, name = volume.name.split(".")
        return Step(
            "missing",
            what,
            lambda: client.volumes.create(
                catalog, schema, name, kind, comment=volume.comment, storage_location=volume.location
            ),
        )
    if volume.location and _plain(found.storage_location or "") != _plain(volume.location):
        return Step("foreign", f"{what}: it is over {found.storage_location}; drop it to have it made anew")
    return Step("there", what)


def _plain(location: str) -> str:
    return unquote(location).rstrip("/")


def _of_another_plan(what: str) -> Step:
    def refuse() -> None:
        raise BootstrapError(
            f"{what.capitalize()} is missing, and another workspace's plan makes it: apply that first."
        )

    return Step("missing", what, refuse)


def _if_there(look_up: Callable[[], Found]) -> Found | None:
    from databricks.sdk.errors import NotFound

    try:
        return look_up()
    except NotFound:
        return None
