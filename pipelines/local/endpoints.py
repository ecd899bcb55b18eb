"""How an operation of the REST API becomes a Python function: path in, document out."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pipelines.local.errors import ApiError, invalid, new_request_id

if TYPE_CHECKING:
    from pipelines.local.identity import Principal
    from pipelines.local.workspace import Workspace

Handler = Callable[["Call"], Any]


@dataclass
class Call:
    """One request: who asks what of which workspace."""

    workspace: Workspace
    principal: Principal
    request: Request
    arguments: dict[str, Any]
    """The query of a GET or DELETE, the JSON body of the rest."""
    path: dict[str, Any]

    def text(self, name: str, default: str | None = None) -> str:
        """A text argument.

        Raises:
            ApiError: it is missing and has no default.
        """
        value = self.arguments.get(name, default)
        if value is None or (value == "" and default is None):
            raise invalid(f"Missing required field: {name}")
        return str(value)

    def integer(self, name: str, default: int | None = None) -> int:
        """A whole number, given as such or as text."""
        value = self.arguments.get(name)
        if value in (None, ""):
            if default is None:
                raise invalid(f"Missing required field: {name}")
            return default
        try:
            return int(value)
        except (TypeError, ValueError):
            raise invalid(
                f"Could not parse request object: Expected 'int64' for field '{name}', got {value!r}"
            ) from None

    def flag(self, name: str, default: bool = False) -> bool:
        """A yes or no, given as such or as text."""
        value = self.arguments.get(name, default)
        return value if isinstance(value, bool) else str(value).lower() == "true"


class Endpoints:
    """The operations that one module serves."""

    def __init__(self) -> None:
        self.routes: list[Route] = []

    def get(self, *paths: str) -> Callable[[Handler], Handler]:
        """Serve GET (and HEAD) at these paths."""
        return self._register(("GET",), paths)

    def post(self, *paths: str) -> Callable[[Handler], Handler]:
        """Serve POST at these paths."""
        return self._register(("POST",), paths)

    def put(self, *paths: str) -> Callable[[Handler], Handler]:
        """Serve PUT at these paths."""
        return self._register(("PUT",), paths)

    def patch(self, *paths: str) -> Callable[[Handler], Handler]:
        """Serve PATCH at these paths."""
        return self._register(("PATCH",), paths)

    def delete(self, *paths: str) -> Callable[[Handler], Handler]:
        """Serve DELETE at these paths."""
        return self._register(("DELETE",), paths)

    def _register(self, methods: tuple[str, ...], paths: tuple[str, ...]) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            for path in paths:
                self.routes.append(Route(path, _served(handler), methods=list(methods)))
            return handler

        return register


def _served(handler: Handler) -> Callable[[Request], Any]:
    is_async = inspect.iscoroutinefunction(handler)

    async def serve(request: Request) -> Response:
        try:
            call = Call(
                workspace=request.app.state.workspace,
                principal=request.scope["principal"],
                request=request,
                arguments=await _arguments(request),
                path=dict(request.path_params),
            )
            result = await handler(call) if is_async else await run_in_threadpool(handler, call)
        except ApiError as error:
            # Databricks says 400 to its REST clients; the engine of a task goes by the open-source catalog's 409.
            if str(error.code).endswith("_ALREADY_EXISTS") and request.scope.get("task_run") is not None:
                error.status = 409
            return error.response(new_request_id())
        return result if isinstance(result, Response) else JSONResponse(result or {})

    return serve


async def _arguments(request: Request) -> dict[str, Any]:
    if request.method in ("GET", "HEAD", "DELETE"):
        arguments: dict[str, Any] = dict(request.query_params)
        if request.method != "DELETE" or not await request.body():
            return arguments
    else:
        arguments = dict(request.query_params)
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        return {**arguments, **_form(kind, await request.body())}
    if kind.startswith("application/octet-stream"):
        return arguments
    body = await request.body()
    if not body:
        return arguments
    if kind.startswith("application/x-www-form-urlencoded"):
        return {**arguments, **dict(parse_qsl(body.decode()))}
    try:
        document = json.loads(body)
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise ApiError("MALFORMED_REQUEST", "Could not parse request object: the body is not JSON.") from None
    if not isinstance(document, dict):
        raise ApiError("MALFORMED_REQUEST", "Could not parse request object: the body is not a JSON object.")
    return {**arguments, **document}


def _form(kind: str, body: bytes) -> dict[str, Any]:
    """The parts of a multipart form by name: bytes of files, text of the rest."""
    opening = Message()
    opening["Content-Type"] = kind
    boundary = b"\r\n--" + str(opening.get_boundary("")).encode()
    form: dict[str, Any] = {}
    for part in (b"\r\n" + body).split(boundary)[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        headers = BytesHeaderParser().parsebytes(head.lstrip())
        name = headers.get_param("name", header="content-disposition")
        form[str(name)] = content if headers.get_filename() is not None else content.decode()
    return form


def page(items: list[Any], call: Call, name: str, limit: int, argument: str = "max_results") -> dict[str, Any]:
    """One page of `items`, with the token of the next one if there is more."""
    size = min(call.integer(argument, limit) or limit, 1000)
    token = str(call.arguments.get("page_token") or "0")
    if not token.isdigit():
        raise invalid("Invalid page token.")
    start = int(token)
    answer: dict[str, Any] = {name: items[start : start + size]}
    if start + size < len(items):
        answer["next_page_token"] = str(start + size)
    return answer
