"""A package index of two small packages on this machine, whose answers a test can hold back."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PACKAGES = ("first_package", "second_package")


def _wheel(name: str) -> bytes:
    buffer = io.BytesIO()
    about = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(buffer, "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        wheel.writestr(f"{about}/METADATA", _metadata(name))
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    return buffer.getvalue()


def _metadata(name: str) -> str:
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"


class PackageIndex:
    """Serves the packages until it is stopped; use it as a context manager."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        """Names of the wheels that were asked for, in order."""
        self.holds_back: str | None = None
        """Package whose wheel is not answered."""
        self._wheels = {name: _wheel(name) for name in PACKAGES}
        self._released = threading.Event()
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index._answer(self)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/simple"

    def __enter__(self) -> PackageIndex:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Answer nothing from now on: nobody listens at the address any more."""
        self._released.set()
        self._server.shutdown()
        self._server.server_close()

    def lock(self) -> str:
        """A lock file of the packages, as `make lock` writes it."""
        digests = {name: hashlib.sha256(wheel).hexdigest() for name, wheel in self._wheels.items()}
        return "".join(f"{name}==1.0 --hash=sha256:{digest}\n" for name, digest in digests.items())

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        kind, body = "text/html", b""
        path = request.path.strip("/").split("/")
        name = path[1].replace("-", "_").split("-1.0")[0]
        if path[0] == "simple":
            file = f"{name}-1.0-py3-none-any.whl"
            link = f'<a href="/files/{name}/{file}" data-core-metadata="true">{file}</a>'
            body = f"<!DOCTYPE html><html><body>{link}</body></html>".encode()
        elif request.path.endswith(".metadata"):
            kind, body = "text/plain", _metadata(name).encode()
        else:
            self.asked.append(name)
            if self.holds_back == name:
                self._released.wait()
                return
            kind, body = "application/octet-stream", self._wheels[name]
        request.send_response(200)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
