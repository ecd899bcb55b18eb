"""A server that takes commit statuses as GitHub does."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Hub:
    """A server that answers as GitHub does."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.status = 201
        self.headers: dict[str, str] = {}
        self.body: bytes = b'{"message": "Bad credentials"}'
        self.drips = False
        self._stop = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def drip(self) -> bool:
        return not self._stop.wait(0.1)

    def close(self) -> None:
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.hub.requests.append({"path": self.path, "token": self.headers["Authorization"], **body})
        if self.hub.drips:
            self.wfile.write(b"HTTP/1.1 201 Created\r\nX-Slow: ")
            while self.hub.drip():
                self.wfile.write(b"x")
            return
        self.send_response(self.hub.status)
        for name, value in self.hub.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.hub.body)

    def do_GET(self) -> None:
        self.hub.requests.append({"path": self.path, "token": self.headers["Authorization"]})
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass
