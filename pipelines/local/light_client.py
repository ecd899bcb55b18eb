"""A client of one request at a time that costs nothing to import: for what has to be quick and needs few operations."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit


class RefusedError(RuntimeError):
    """The workspace refused a request; `code` is Databricks' error code, the message its own words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def call(
    host: str, token: str, method: str, path: str, body: dict[str, Any] | None = None, timeout_s: float = 30
) -> dict[str, Any]:
    """Send one request to a workspace on this machine; the answer's document.

    Raises:
        RefusedError: the workspace answered with an error.
        OSError: it cannot be reached.
    """
    address = urlsplit(host)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=timeout_s)
    try:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        document = json.loads(answer.read() or b"{}")
    except http.client.HTTPException as error:
        raise ConnectionError(f"{host} does not answer as a workspace: {error!r}") from error
    finally:
        connection.close()
    if answer.status >= 400:
        raise RefusedError(str(document.get("error_code")), str(document.get("message")))
    return document
