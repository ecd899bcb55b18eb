"""Starting, finding and stopping the local workspaces."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from pipelines.local import light_client
from pipelines.local.settings import LocalSettings, StartDelays, to_json

_PACKAGE_PARENT = Path(__file__).resolve().parents[2]
_STATE_FILE, _TOKENS_FILE = "server.json", "tokens.json"
_START_LIMIT_S = 90.0
_STOP_LIMIT_S = 20.0


class LocalWorkspaceError(RuntimeError):
    """A local workspace could not be started or reached; the message says what to look at."""


@dataclass(frozen=True)
class Connection:
    """What a client needs: `WorkspaceClient(host=..., token=...)`."""

    workspace: str
    host: str
    token: str
    principal: str
    """Display name of the principal whose token this is."""


@dataclass(frozen=True)
class Status:
    """Whether a workspace's server runs, and where."""

    workspace: str
    running: bool
    host: str | None = None
    pid: int | None = None
    started_at: float | None = None
    isolation: str | None = None
    active_runs: int | None = None
    start_delays: StartDelays | None = None
    """Those that the server was started with."""


def up(settings: LocalSettings, workspace: str) -> Status:
    """Start the workspace's server unless it runs already; safe to call from many processes at once.

    A server that runs keeps the settings it was started with: call `down` first to change them.

    Raises:
        LocalWorkspaceError: it does not come up; names its log.
    """
    folder = settings.workspace_folder(workspace)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "up.lock"):
        found = status(settings, workspace)
        if found.running:
            return found
        settings_file = folder / "settings.json"
        settings_file.write_text(to_json(settings), encoding="utf-8")
        with (folder / "server.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "pipelines.local.server", str(settings_file), workspace],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(_PACKAGE_PARENT)},
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_LIMIT_S
        while time.monotonic() < deadline:
            found = status(settings, workspace)
            if found.running and found.pid == process.pid:
                return found
            if process.poll() is not None:
                break
            time.sleep(0.05)
    raise LocalWorkspaceError(f"The local workspace {workspace!r} did not start: see {folder / 'server.log'}.")


def down(settings: LocalSettings, workspace: str) -> bool:
    """Stop the workspace's server and all its clusters and tasks; whether it ran."""
    found = status(settings, workspace)
    if found.pid is None or not found.running:
        return False
    state = _state(settings, workspace)
    for number, limit in ((signal.SIGTERM, _STOP_LIMIT_S), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(found.pid, number)
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            _reap(found.pid)
            if not _is_alive(state):
                return True
            time.sleep(0.05)
    return True


def status(settings: LocalSettings, workspace: str) -> Status:
    """Whether the workspace's server runs and answers."""
    state = _state(settings, workspace)
    if state is None or not _is_alive(state):
        return Status(workspace, running=False)
    try:
        health = light_client.call(state["host"], "", "GET", "/local/health", timeout_s=10)
    except (OSError, ValueError, light_client.RefusedError):
        return Status(workspace, running=False, pid=state["pid"])
    return Status(
        workspace,
        running=health["workspace"] == workspace,
        host=state["host"],
        pid=state["pid"],
        started_at=state["started_at"],
        isolation=health["isolation"],
        active_runs=health["active_runs"],
        # A server that was started by an older version tells none.
        start_delays=StartDelays(**health.get("start_delays", {})),
    )


def connection(settings: LocalSettings, workspace: str, principal: str | None = None) -> Connection:
    """Address and token of a principal; by default the workspace's first service principal. Starts the server.

    Raises:
        LocalWorkspaceError: it cannot be started, or has no token for that principal.
    """
    found = up(settings, workspace)
    assert found.host is not None
    return _connection(settings, workspace, found.host, principal)


def running_connection(settings: LocalSettings, workspace: str) -> Connection | None:
    """The same as `connection` if the server's process is alive, without asking it anything; else None."""
    state = _state(settings, workspace)
    if state is None or not _is_alive(state):
        return None
    return _connection(settings, workspace, state["host"], None)


def _connection(settings: LocalSettings, workspace: str, host: str, principal: str | None) -> Connection:
    tokens = json.loads((settings.workspace_folder(workspace) / _TOKENS_FILE).read_text(encoding="utf-8"))
    own = [entry.name for entry in settings.principals if entry.workspace == workspace]
    name = principal or (own[0] if own else next(iter(tokens)))
    if name not in tokens:
        raise LocalWorkspaceError(f"Workspace {workspace!r} has no token for {name!r}, only for {', '.join(tokens)}.")
    return Connection(workspace, host, tokens[name], name)


def _state(settings: LocalSettings, workspace: str) -> dict[str, Any] | None:
    try:
        return json.loads((settings.workspace_folder(workspace) / _STATE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _is_alive(state: dict[str, Any] | None) -> bool:
    if state is None:
        return False
    try:
        fields = Path(f"/proc/{state['pid']}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return _answers_signals(state["pid"])
    # A zombie has ended; another process with the same number began at another time.
    return fields[0] != "Z" and state["process_start"] in (None, fields[19])


def _answers_signals(pid: int) -> bool:
    if Path("/proc/self/stat").exists():
        return False
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
