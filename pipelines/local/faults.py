"""Faults on the wire, for tests: what networks and overloaded services do, before or after the handler has run."""

from __future__ import annotations

import asyncio
import re
from dataclasses import asdict, dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipelines.local.endpoints import Call, Endpoints
from pipelines.local.errors import ApiError, invalid

endpoints = Endpoints()


@dataclass
class Fault:
    """What happens to requests that match.

    Before the handler: `respond` answers in its place (a 200 is an upload that is acknowledged and lost), `drop` closes
    the connection, `delay` waits, `cut` lets only the first `keep_bytes` of the body through. After it: `respond`
    replaces the answer, `drop` loses it, `delay` holds it back, `cut` shortens its body.
    """

    path: str
    """Regular expression that the whole path must match."""
    action: str
    when: str = "before"
    method: str = ".*"
    times: int = 1
    """How many matching requests it happens to; -1 for all."""
    skip: int = 0
    """How many matching requests pass first."""
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    body: str = '{"error_code": "TEMPORARILY_UNAVAILABLE", "message": "The service is temporarily unavailable."}'
    delay_s: float = 0.0
    keep_bytes: int = 0
    hits: int = 0

    def strikes(self, method: str, path: str) -> bool:
        """Whether this request is struck; counts it if so."""
        if self.times == 0 or not re.fullmatch(self.method, method) or not re.fullmatch(self.path, path):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1 if self.times > 0 else 0
        self.hits += 1
        return True


class Faults:
    """ASGI middleware, outermost: the faults that are switched on, in the order in which they were."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.active: list[Fault] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/local/"):
            await self._app(scope, receive, send)
            return
        fault = next((fault for fault in self.active if fault.strikes(scope["method"], scope["path"])), None)
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.when == "before":
            await self._before(fault, scope, receive, send)
        else:
            await self._after(fault, scope, receive, send)

    async def _before(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.action == "drop":
            _close(send)
        elif fault.action == "respond":
            await _consume(receive)
            await _respond(fault, send)
        elif fault.action == "delay":
            await asyncio.sleep(fault.delay_s)
            await self._app(scope, receive, send)
        else:
            body = (await _consume(receive))[: fault.keep_bytes]
            scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"content-length"]
            messages = iter([{"type": "http.request", "body": body, "more_body": False}])

            async def cut() -> Message:
                return next(messages, {"type": "http.disconnect"})

            await self._app(scope, cut, send)

    async def _after(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        start: Message = {}
        body = b""

        async def keep(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
            elif message["type"] == "http.response.body":
                body += message.get("body", b"")

        await self._app(scope, receive, keep)
        if fault.action == "drop":
            _close(send)
            return
        if fault.action == "respond":
            await _respond(fault, send)
            return
        if fault.action == "delay":
            await asyncio.sleep(fault.delay_s)
        else:
            body = body[: fault.keep_bytes]
            kept = [(name, value) for name, value in start["headers"] if name != b"content-length"]
            start["headers"] = [*kept, (b"content-length", str(len(body)).encode())]
        await send(start)
        await send({"type": "http.response.body", "body": body})


async def _consume(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _respond(fault: Fault, send: Send) -> None:
    body = b"" if fault.status == 204 else fault.body.encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), **fault.headers}
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": fault.status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


def _close(send: Send) -> None:
    # ASGI has no word for a connection that is lost without an answer: this is uvicorn's own.
    cycle: Any = getattr(send, "__self__", None)
    cycle.disconnected = True
    cycle.transport.abort()


@endpoints.get("/local/faults")
def list_faults(call: Call) -> dict[str, Any]:
    _require_admin(call)
    return {"faults": [asdict(fault) for fault in call.request.app.state.faults.active]}


@endpoints.post("/local/faults")
def add_fault(call: Call) -> dict[str, Any]:
    _require_admin(call)
    try:
        fault = Fault(**call.arguments)
    except TypeError as error:
        raise invalid(str(error)) from None
    if fault.action not in ("respond", "drop", "delay", "cut") or fault.when not in ("before", "after"):
        raise invalid("action is one of respond, drop, delay, cut; when is before or after.")
    call.request.app.state.faults.active.append(fault)
    return asdict(fault)


@endpoints.delete("/local/faults")
def clear_faults(call: Call) -> dict[str, Any]:
    _require_admin(call)
    call.request.app.state.faults.active.clear()
    return {}


def _require_admin(call: Call) -> None:
    if not call.principal.admin:
        raise ApiError("PERMISSION_DENIED", "Only workspace admins may do this.")
