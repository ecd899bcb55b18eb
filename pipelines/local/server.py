"""The process of one workspace's server: `python -m pipelines.local.server <settings file> <workspace>`."""

from __future__ import annotations

import json
import logging
import os
import secrets
import signal
import socket
import sys
import time
from pathlib import Path

import uvicorn
from filelock import FileLock, Timeout

from pipelines.local.app import create_app
from pipelines.local.files.atomic import remove_parts
from pipelines.local.jobs.runs import process_start
from pipelines.local.runtime import isolation
from pipelines.local.settings import LocalSettings, admin_name, from_json
from pipelines.local.workspace import Workspace

STATE_FILE = "server.json"
TOKENS_FILE = "tokens.json"


def write_private(path: Path, document: object) -> None:
    """Write a JSON file that only its owner may read, whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        json.dump(document, opened, indent=1)
    part.replace(path)


def serve(settings: LocalSettings, name: str) -> None:
    """Serve the workspace until a signal ends it; does nothing if another process serves it already."""
    folder = settings.workspace_folder(name)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(folder / "server.lock")
        lock.acquire(timeout=0)
    except Timeout:
        return
    chosen = settings.isolation
    if chosen == "auto":
        chosen = "namespace" if isolation.supported() else "interposed"
    listening = _listen(folder)
    workspace = Workspace(settings, name)
    workspace.host = f"http://127.0.0.1:{listening.getsockname()[1]}"
    for root in (workspace.dbfs, workspace.files, workspace.metastore.volumes, *workspace.metastore.external_folders()):
        remove_parts(root)
    _issue_tokens(workspace)

    def ready() -> None:
        state = {
            "workspace": name,
            "host": workspace.host,
            "port": listening.getsockname()[1],
            "pid": os.getpid(),
            "process_start": process_start(os.getpid()),
            "started_at": time.time(),
            "isolation": chosen,
        }
        write_private(folder / STATE_FILE, state)

    app = create_app(workspace, chosen, ready)
    configuration = uvicorn.Config(
        app, log_level="warning", access_log=False, timeout_keep_alive=60, timeout_graceful_shutdown=3, lifespan="on"
    )
    uvicorn.Server(configuration).run(sockets=[listening])


def _listen(folder: Path) -> socket.socket:
    """A listening socket, on the port of the last time if that is free, so that addresses stay."""
    try:
        wanted = int(json.loads((folder / STATE_FILE).read_text())["port"])
    except (OSError, ValueError, KeyError):
        wanted = 0
    for port in (wanted, 0):
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", port))
        except OSError:
            listening.close()
            continue
        listening.listen(512)
        return listening
    raise OSError("no port of the loopback interface is free")


def _issue_tokens(workspace: Workspace) -> None:
    path = workspace.folder / TOKENS_FILE
    if path.exists():
        return
    names = [admin_name(workspace.name)]
    names += [entry.name for entry in workspace.settings.principals if entry.workspace == workspace.name]
    tokens = {}
    for name in names:
        tokens[name] = f"dapi{secrets.token_hex(16)}"
        workspace.tokens.adopt(tokens[name], workspace.directory.name_of(name))
    write_private(path, tokens)


def main() -> None:
    """Entry point of the process."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(from_json(Path(sys.argv[1]).read_text(encoding="utf-8")), sys.argv[2])


if __name__ == "__main__":
    main()
