"""A task's environment variables, with references to secrets resolved only here, and its way back to the workspace."""

from __future__ import annotations

import base64
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

_REFERENCE = re.compile(r"\{\{secrets/([^/{}]+)/([^{}]+)\}\}")


class Workspace:
    """The REST API of the workspace that runs this task, as the task's principal."""

    def __init__(self, host: str, token: str) -> None:
        self.host = host
        self.token = token

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """GET an endpoint.

        Raises:
            PermissionError: 401 or 403.
            LookupError: any other refusal, with the workspace's own words.
        """
        return self._send("GET", f"{path}?{urllib.parse.urlencode(query)}", None)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST to an endpoint; raises as `get` does."""
        return self._send("POST", path, json.dumps(body).encode())

    def _send(self, method: str, path: str, body: bytes | None) -> dict[str, Any]:
        request = urllib.request.Request(
            self.host + path,
            body,
            {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
            method=method,
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as response:
                return json.loads(response.read() or b"{}")
        except urllib.error.HTTPError as error:
            message = json.loads(error.read() or b"{}").get("message", error.reason)
            raise (PermissionError if error.code in (401, 403) else LookupError)(message) from None

    def secret(self, scope: str, key: str) -> bytes:
        """A secret's value."""
        return base64.b64decode(self.get("/api/2.0/secrets/get", scope=scope, key=key)["value"])


def apply(variables: dict[str, str], work: Path, workspace: Workspace) -> None:
    """Make these the process's environment variables, and nothing else."""
    os.environ.clear()
    os.environ["TMPDIR"] = str(work)
    for name, value in variables.items():
        os.environ[name] = _REFERENCE.sub(
            lambda found: workspace.secret(found.group(1), found.group(2)).decode(), str(value)
        )
