"""The ASGI application of one workspace: every operation, behind authentication, faults and limits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from pipelines.local import faults, permissions, rule_sets, scim, secrets, traffic
from pipelines.local.authentication import Authentication
from pipelines.local.catalog import grants, namespaces, tables, volumes
from pipelines.local.compute import cluster_api
from pipelines.local.compute.clusters import Clusters
from pipelines.local.errors import ApiError, new_request_id
from pipelines.local.files import dbfs, volume_files, volume_uploads, workspace_files
from pipelines.local.jobs import job_api, run_api, run_page
from pipelines.local.jobs.runs import Runs
from pipelines.local.workspace import Workspace

_MODULES = (
    tables,
    run_api,
    volume_files,
    volume_uploads,
    dbfs,
    job_api,
    namespaces,
    volumes,
    grants,
    secrets,
    workspace_files,
    cluster_api,
    permissions,
    rule_sets,
    scim,
    run_page,
    faults,
    traffic,
)


def create_app(workspace: Workspace, isolation: str, ready: Callable[[], None]) -> ASGIApp:
    """The application; `ready` is called once it can answer."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        workspace.clusters = Clusters(workspace)
        workspace.runs = Runs(workspace, isolation)
        workspace.runs.recover()
        workspace.clusters.recover()
        ready()
        yield
        await workspace.runs.stop_all()
        await workspace.clusters.stop_all()
        workspace.store.close()
        workspace.metastore.store.close()

    async def not_found(request: Request, _: Exception) -> Response:
        message = f"No API found for '{request.method} {request.url.path.removeprefix('/api/2.0')}'"
        return ApiError("ENDPOINT_NOT_FOUND", message).response(new_request_id())

    async def failed(_: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return ApiError("INTERNAL_ERROR", f"{type(error).__name__}: {error}", status).response(new_request_id())

    app = Starlette(
        routes=[route for module in _MODULES for route in module.endpoints.routes],
        lifespan=lifespan,
        exception_handlers={404: not_found, 405: not_found, Exception: failed},
    )
    app.state.workspace = workspace
    app.state.traffic = traffic.Traffic(Authentication(app, workspace), workspace.settings.rate_limits)
    app.state.faults = faults.Faults(app.state.traffic)
    return app.state.faults
