"""Bearer tokens: every request is somebody's, or is refused as Databricks refuses it."""

from __future__ import annotations

import base64

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipelines.local.errors import ApiError, new_request_id
from pipelines.local.workspace import Workspace

# Pages of runs and addresses of upload parts carry a key of their own, as presigned addresses do.
_OPEN_PATHS = ("/oidc/", "/cloud/", "/local/health", "/run/")


class Authentication:
    """ASGI middleware that puts the principal into the scope and answers all errors of the API."""

    def __init__(self, app: ASGIApp, workspace: Workspace) -> None:
        self._app = app
        self._workspace = workspace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = new_request_id()
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [
                    *message.get("headers", []),
                    (b"x-request-id", request_id.encode()),
                    (b"server", b"databricks"),
                    (b"x-databricks-org-id", str(self._workspace.workspace_id).encode()),
                ]
            await send(message)

        try:
            self._authenticate(scope)
            await self._app(scope, receive, send_with_id)
        except ApiError as error:
            if started:
                raise
            await error.response(request_id)(scope, receive, send_with_id)

    def _authenticate(self, scope: Scope) -> None:
        scope["principal"] = None
        if scope["path"].startswith(_OPEN_PATHS):
            return
        headers = Headers(scope=scope)
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            user, _, token = base64.b64decode(token).decode(errors="replace").partition(":")
            scheme = "Bearer" if user == "token" else ""
        if scheme.lower() != "bearer" or not token:
            raise ApiError(401, "Credential was not sent or was of an unsupported type for this API.", status=401)
        owner = self._workspace.tokens.owner(token)
        scope["principal"] = self._workspace.principal(owner)
        scope["task_run"] = self._workspace.runs.of_token(token)
