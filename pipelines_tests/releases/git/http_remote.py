"""A git remote over HTTP on the loopback interface: git's own http-backend behind a small server, with faults."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


class HttpRemote:
    """Serves the repositories below a folder at `url`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.credentials: str | None = None
        """`user:password` that is asked for; None lets everyone in."""
        self.hang_at: str | None = None
        """Requests whose path has this in it get no answer until `release` is called."""
        self.drip_at: str | None = None
        """Responses to requests whose path has this in it stop half-way, and so stay..."""
        self.drip_above_bytes = 0
        """...if they are larger than this: a pack is, a list of branches is not."""
        self.answer: int | None = None
        """Status that every request gets."""
        self.requests: list[str] = []
        """Method and path with query of every request, and whether it carried credentials."""
        self.hung = threading.Event()
        """Set once a request hangs."""
        self._released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"remote": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Address of the folder."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def hold(self) -> None:
        """Keep the request waiting."""
        self.hung.set()
        self._released.wait(60)

    def release(self) -> None:
        """Let every hanging request go."""
        self._released.set()

    def close(self) -> None:
        """Stop serving."""
        self.release()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    remote: HttpRemote
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, *args: Any) -> None:
        pass

    def _serve(self) -> None:
        remote, given = self.remote, self.headers.get("Authorization")
        remote.requests.append(f"{self.command} {self.path}{' with credentials' if given else ''}")
        body = self._body()
        if remote.hang_at and remote.hang_at in self.path:
            remote.hold()
            self.close_connection = True
            return
        if remote.answer:
            self._reply(remote.answer, b"no")
        elif remote.credentials and given != f"Basic {base64.b64encode(remote.credentials.encode()).decode()}":
            self._reply(401, b"who are you?", ("WWW-Authenticate", 'Basic realm="git"'))
        else:
            self._backend(body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            read = b""
            while size := int(self.rfile.readline(), 16):
                read += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return read
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _backend(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
            "GIT_PROJECT_ROOT": str(self.remote.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=variables, capture_output=True, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = [tuple(line.split(": ", 1)) for line in head.decode().splitlines()]
        status = next((int(value.split()[0]) for name, value in headers if name == "Status"), 200)
        self._reply(status, content, *(pair for pair in headers if pair[0] != "Status"))

    def _reply(self, status: int, content: bytes, *headers: tuple[str, ...]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        remote = self.remote
        if remote.drip_at and remote.drip_at in self.path and len(content) > remote.drip_above_bytes:
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            self.remote.hold()
            self.close_connection = True
            return
        self.wfile.write(content)
