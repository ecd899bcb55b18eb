"""What goes over the wire: counted for benchmarks, and limited to Databricks' documented rates when asked to."""

from __future__ import annotations

import re
import time
from collections import deque
from dataclasses import asdict
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipelines.local.endpoints import Call, Endpoints
from pipelines.local.errors import ApiError, new_request_id

endpoints = Endpoints()

RATES_PER_SECOND = {
    r"/api/2\.\d/jobs/runs/submit": 35,
    r"/api/2\.\d/jobs/run-now": 35,
    r"/api/2\.\d/jobs/runs/get": 100,
    r"/api/2\.\d/jobs/runs/get-output": 100,
    r"/api/2\.\d/jobs/runs/list": 100,
    r"/api/2\.\d/jobs/create": 20,
    r"/api/2\.0/dbfs/.*": 30,
    r"/api/2\.0/workspace/.*": 30,
    r"/api/2\.0/secrets/.*": 30,
}
_KEPT_REQUESTS = 100_000


class Traffic:
    """ASGI middleware that remembers requests and refuses those beyond the rates."""

    def __init__(self, app: ASGIApp, limited: bool) -> None:
        self._app = app
        self.limited = limited
        self.requests: deque[dict[str, Any]] = deque(maxlen=_KEPT_REQUESTS)
        self._recent: dict[str, deque[float]] = {pattern: deque() for pattern in RATES_PER_SECOND}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/local/"):
            await self._app(scope, receive, send)
            return
        entry: dict[str, Any] = {"method": scope["method"], "path": scope["path"], "at": time.time()}
        entry |= {"sent_bytes": 0, "received_bytes": 0, "status": None}
        self.requests.append(entry)

        async def counted_receive() -> Message:
            message = await receive()
            entry["sent_bytes"] += len(message.get("body", b""))
            return message

        async def counted_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry["status"] = message["status"]
            entry["received_bytes"] += len(message.get("body", b""))
            await send(message)

        if self.limited and self._exceeds(scope["path"]):
            error = ApiError(
                "REQUEST_LIMIT_EXCEEDED",
                "Your request was rejected since your organization has exceeded the rate limit. "
                "Please retry your request later.",
                headers={"Retry-After": "1"},
            )
            await error.response(new_request_id())(scope, receive, counted_send)
            return
        await self._app(scope, counted_receive, counted_send)

    def _exceeds(self, path: str) -> bool:
        now = time.monotonic()
        for pattern, rate in RATES_PER_SECOND.items():
            if re.fullmatch(pattern, path):
                recent = self._recent[pattern]
                while recent and recent[0] <= now - 1:
                    recent.popleft()
                if len(recent) >= rate:
                    return True
                recent.append(now)
                return False
        return False


@endpoints.get("/local/requests")
def list_requests(call: Call) -> dict[str, Any]:
    _require_admin(call)
    since = float(call.arguments.get("since") or 0)
    return {"requests": [entry for entry in call.request.app.state.traffic.requests if entry["at"] >= since]}


@endpoints.delete("/local/requests")
def forget_requests(call: Call) -> dict[str, Any]:
    _require_admin(call)
    call.request.app.state.traffic.requests.clear()
    return {}


@endpoints.post("/local/rate-limits")
def switch_limits(call: Call) -> dict[str, Any]:
    _require_admin(call)
    call.request.app.state.traffic.limited = call.flag("enabled")
    return {"enabled": call.request.app.state.traffic.limited}


@endpoints.get("/local/health")
def health(call: Call) -> dict[str, Any]:
    workspace = call.workspace
    return {
        "workspace": workspace.name,
        "started_at": workspace.started_at,
        "isolation": workspace.runs.isolation,
        "active_runs": workspace.runs.active_count,
        "start_delays": asdict(workspace.settings.start_delays),
    }


def _require_admin(call: Call) -> None:
    if not call.principal.admin:
        raise ApiError("PERMISSION_DENIED", "Only workspace admins may do this.")
