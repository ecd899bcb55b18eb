"""Tables by a SQL warehouse. The local workspace has none: a few lines on loopback answer as the API is documented."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config

from pipelines.databricks.bootstrap.plan import Catalog, Plan, Schema, Table
from pipelines.databricks.bootstrap.step import BootstrapError
from pipelines.databricks.bootstrap.tables import create_tables_by_warehouse

PLAN = Plan(
    "development",
    catalogs=(Catalog("dev"),),
    schemas=(Schema("dev.notes"),),
    tables=(Table("dev.notes.first", "CREATE 1"), Table("dev.notes.second", "CREATE 2")),
)


class Warehouse(ThreadingHTTPServer):
    """Answers a statement as pending, and when asked again with what it becomes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str]] = []
        self.outcomes: dict[str, dict[str, Any]] = {}


class _Handler(BaseHTTPRequestHandler):
    server: Warehouse

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((body["warehouse_id"], body["statement"]))
        number = body["statement"].rpartition(" ")[2]
        self._answer({"statement_id": number, "status": {"state": "PENDING"}})

    def do_GET(self) -> None:
        number = self.path.rpartition("/")[2]
        self._answer({"statement_id": number, "status": self.server.outcomes.get(number, {"state": "SUCCEEDED"})})

    def _answer(self, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Nothing."""


@pytest.fixture
def warehouse(monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    monkeypatch.setattr("pipelines.databricks.bootstrap.tables.time.sleep", lambda _: None)
    server = Warehouse()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def client_of(warehouse: Warehouse) -> WorkspaceClient:
    return WorkspaceClient(config=Config(host=f"http://127.0.0.1:{warehouse.server_port}", token="t"))


def test_each_statement_is_run_and_waited_for(warehouse: Warehouse) -> None:
    lines = create_tables_by_warehouse(PLAN, client_of(warehouse), "w1")
    assert lines == ["is there: table dev.notes.first", "is there: table dev.notes.second"]
    assert warehouse.asked == [("w1", "CREATE 1"), ("w1", "CREATE 2")]


def test_statement_that_fails_is_named_with_its_reason(warehouse: Warehouse) -> None:
    warehouse.outcomes["1"] = {"state": "FAILED", "error": {"error_code": "BAD_REQUEST", "message": "no such schema"}}
    with pytest.raises(BootstrapError, match=r"(?s)dev.notes.first cannot be made: no such schema.*CREATE 1"):
        create_tables_by_warehouse(PLAN, client_of(warehouse), "w1")
    assert warehouse.asked == [("w1", "CREATE 1")], "the others are not tried"
