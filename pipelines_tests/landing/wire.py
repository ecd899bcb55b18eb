"""The wire between a client and the S3 server, on which answers can be lost, cut, delayed or replaced by errors."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Literal
from urllib.parse import urlsplit

Fault = Literal["slow down", "lost answer", "cut body", "internal error", "other region"]


@dataclass
class Wire:
    """Faults to inject into requests of one method, and what has passed."""

    endpoint: str = ""
    faults: list[tuple[str, Fault]] = field(default_factory=list)
    """(method, fault), each for one request, used up in this order."""
    requests: list[str] = field(default_factory=list)
    """`<method> <path>` of every request that reached the server."""
    before: Callable[[str], None] | None = None
    """Called with `<method> <path>` before a request is passed on."""

    def take(self, method: str) -> Fault | None:
        """The fault for the next request of that method."""
        for index, (of, fault) in enumerate(self.faults):
            if of == method:
                del self.faults[index]
                return fault
        return None


@contextmanager
def wire_to(server: str) -> Iterator[Wire]:
    """A wire to that endpoint; `Wire.endpoint` is its near end."""
    wire, far = Wire(), urlsplit(server).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = wire.take(self.command)
            if fault == "slow down":
                return self._error(503, "SlowDown", "Please reduce your request rate.")
            if fault == "internal error":
                return self._error(500, "InternalError", "We encountered an internal error.")
            if fault == "other region":
                return self._error(301, "PermanentRedirect", "Address this bucket at its own endpoint.")
            if wire.before:
                wire.before(f"{self.command} {self.path}")
            far_end = http.client.HTTPConnection(far, timeout=30)
            headers = {name: value for name, value in self.headers.items() if name != "Expect"}
            far_end.request(self.command, self.path, body, headers)
            answer = far_end.getresponse()
            content = answer.read()
            wire.requests.append(f"{self.command} {self.path}")
            far_end.close()
            self.close_connection = True
            if fault == "lost answer":
                return None
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "transfer-encoding", "content-length", "date", "server"):
                    self.send_header(name, value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else len(content)
            self.send_header("Content-Length", str(length))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if fault == "cut body" else content)
            return None

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = handle_any  # noqa: N815

        def _error(self, status: int, code: str, message: str) -> None:
            content = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    wire.endpoint = f"http://127.0.0.1:{proxy.server_address[1]}"
    thread = Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield wire
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()
