"""The processes of a production location as deploy/ runs them: each can be killed, started again, or renamed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from pipelines.cli.instance import PROJECT
from pipelines_tests.end_to_end.daemon import DIES_AT


class SiteProcesses:
    """Code server, web server and daemon, which share a home and are found at ports of their own."""

    def __init__(self, home: Path, variables: dict[str, str]) -> None:
        self._code_port, self._web_port = _free_port(), _free_port()
        self._variables = {**variables, "PIPELINES_DAGSTER": self.url}
        self._logs, self._workspace = home / "logs", home / "workspace.yaml"
        self._logs.mkdir(exist_ok=True)
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        """Of the web server."""
        return f"http://127.0.0.1:{self._web_port}"

    def start_code(self, location: str, module: str) -> None:
        """The code server of the module's production, and the workspace file that names the location so."""
        self._workspace.write_text(
            f"load_from:\n  - grpc_server: {{host: 127.0.0.1, port: {self._code_port}, location_name: {location}}}\n"
        )
        code = ("-m", module, "-a", "production", "--location-name", location)
        port = str(self._code_port)
        self._start("code", "dagster", "code-server", "start", *code, "-h", "127.0.0.1", "-p", port)

    def start_web(self) -> None:
        web = ("-w", str(self._workspace), "-h", "127.0.0.1", "-p", str(self._web_port))
        self._start("web", "dagster_webserver", *web)

    def start_daemon(self, dies_at: str = "") -> None:
        """`dies_at`: one of Dagster's own crash points, at which the daemon kills itself."""
        named = {DIES_AT: dies_at}
        self._start("daemon", "pipelines_tests.end_to_end.daemon", "run", "-w", str(self._workspace), **named)

    @property
    def code_listens(self) -> bool:
        return _listens(self._code_port)

    @property
    def web_listens(self) -> bool:
        return _listens(self._web_port)

    @property
    def dead(self) -> list[str]:
        """Names of those that were started and have ended."""
        return [name for name, process in self._running.items() if process.poll() is not None]

    def kill_daemon(self) -> None:
        """As a machine does that loses its power."""
        process = self._running.pop("daemon")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def daemon_died(self, limit_s: float = 120) -> None:
        """Wait until the daemon has killed itself, and end what it has left."""
        process = self._running.pop("daemon")
        try:
            ended = process.wait(limit_s)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        assert ended == -signal.SIGKILL, self.log("daemon")

    def stop(self) -> None:
        """End everything that was started, whatever it thinks of that."""
        for process in reversed(self._running.values()):
            with suppress(psutil.NoSuchProcess):
                for child in psutil.Process(process.pid).children(recursive=True):
                    with suppress(psutil.NoSuchProcess):
                        child.kill()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._running.clear()

    def log(self, name: str) -> str:
        return (self._logs / f"site-{name}.log").read_text(errors="replace")[-3000:]

    def _start(self, name: str, module: str, *arguments: str, **variables: str) -> None:
        with (self._logs / f"site-{name}.log").open("ab") as output:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=PROJECT,
                env={**self._variables, **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
