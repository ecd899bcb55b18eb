"""What a running web server of Dagster answers over GraphQL."""

from __future__ import annotations

import json
import urllib.request
from typing import Any


def ask_dagster(address: str, query: str, **variables: Any) -> dict[str, Any]:
    """The data of a query or mutation, which must have no errors.

    Raises:
        OSError: the server does not answer.
    """
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{address}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        answer = json.loads(response.read())
    assert not answer.get("errors"), answer
    return answer["data"]
