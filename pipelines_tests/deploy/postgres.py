"""A Postgres cluster of one's own, from the machine's binaries, on loopback."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_START_LIMIT_S = 60


def postgres_binaries() -> Path | None:
    """The folder of `initdb` and `postgres`, or None; Debian keeps them off PATH."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    return max((path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")), default=None)


def free_port() -> int:
    """A port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def postgres_cluster(binaries: Path) -> Iterator[dict[str, str]]:
    """An empty database for as long as the block lasts: the variables by which clients find it."""
    # Postgres refuses to run as root, and another user cannot enter pytest's own folders.
    folder = Path(tempfile.mkdtemp(prefix="pipelines-postgres-"))
    as_user: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    if as_user:
        shutil.chown(folder, "nobody", "nogroup")
    data, password, port = folder / "data", secrets.token_hex(8), free_port()
    password_file = folder / "password"
    password_file.write_text(password)
    password_file.chmod(0o644)
    try:
        initdb = [binaries / "initdb", "-D", data, "-U", "dagster", "-A", "scram-sha-256", "-N"]
        subprocess.run([*initdb, f"--pwfile={password_file}"], check=True, capture_output=True, cwd=folder, **as_user)
        options = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder, "fsync": "off"}
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, *(f"--{name}={value}" for name, value in options.items())],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            **as_user,
        )
        try:
            variables = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "dagster", "PGPASSWORD": password}
            _create_database(binaries, variables, server)
            yield {**variables, "PGDATABASE": "dagster"}
        finally:
            server.send_signal(signal.SIGINT)  # without waiting for clients
            try:
                server.wait(timeout=5)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _create_database(binaries: Path, variables: dict[str, str], server: subprocess.Popen[Any]) -> None:
    deadline = time.monotonic() + _START_LIMIT_S
    while True:
        assert server.poll() is None, "Postgres ended at once"
        made = subprocess.run(
            [binaries / "createdb", "dagster"], capture_output=True, text=True, env={**os.environ, **variables}
        )
        if made.returncode == 0:
            return
        # It listens before it has started.
        assert time.monotonic() < deadline, made.stderr
        time.sleep(0.2)
