"""A registered artifact, loaded and asked in a process that has nothing but it and the installed packages."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

TIME_LIMIT_S = 300.0
_START_LIMIT_S = 300.0
_PROGRAM = Path(__file__).with_name("smoke_program.py")


class SmokeFailedError(Exception):
    """The artifact cannot be loaded or asked; the message ends with what the process said last."""


class NoCleanProcessError(Exception):
    """The clean process itself cannot be started, which says nothing of any artifact."""


@dataclass(frozen=True)
class Smoke:
    """What the process found."""

    predictions: list[Any]
    """The answer to the artifact's own input example."""
    load_seconds: float
    """Of one core, without the import of packages."""
    predict_milliseconds: float
    """Of one core: the quickest of several predictions of the input example."""


def smoke(folder: Path, time_limit_s: float = TIME_LIMIT_S) -> Smoke:
    """Ask the artifact in `folder` for its input example, with PATH and HOME as the only environment.

    HOME is an empty folder, the working directory too: a model that needs the project's files, a setting or a
    credential fails here and not at a customer's. The models of a release share the import of packages: each is asked
    in a copy of one process that has done nothing else (`smoke_program`).

    Raises:
        SmokeFailedError: it fails, or does not answer in time.
        NoCleanProcessError: there is no process to ask in.
    """
    place = _place()
    with tempfile.TemporaryDirectory(prefix="artifact_", dir=place) as own:
        shutil.copytree(folder, Path(own, "artifact"))
        Path(own, "home").mkdir()
        # A process that was about to end, for want of questions, answers none: the next one does.
        said = _asked(place, own, time_limit_s) or _asked(place, own, time_limit_s)
    if said is None:
        raise SmokeFailedError("its process ended without an answer, as one does that crashes or lacks memory.")
    if "failed" in said:
        raise SmokeFailedError(" ".join(said["failed"].split())[-600:])
    return Smoke(said["predictions"], said["load_seconds"], said["predict_milliseconds"])


def _place() -> Path:
    """This user's folder for questions to the clean process of this interpreter.

    Beside all temporary folders of single tasks, for the tasks of a release to share it.
    """
    key = hashlib.sha256(f"{sys.executable}\n".encode() + _PROGRAM.read_bytes()).hexdigest()[:16]
    place = Path("/tmp", f"clean-process-{os.getuid()}-{key}")
    with suppress(FileExistsError):
        place.mkdir(mode=0o700)
    found = place.lstat()
    if place.is_symlink() or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise NoCleanProcessError(f"{place} is somebody else's, or open to others: remove it.")
    return place


def _asked(place: Path, question: str, time_limit_s: float) -> dict[str, Any] | None:
    """What the process says of the artifact; None if it ended without a word."""
    with _connected(place) as connection, connection.makefile("rwb") as stream:
        connection.settimeout(time_limit_s)
        process = None
        try:
            stream.write(f"{question}\n".encode())
            stream.flush()
            process = json.loads(stream.readline() or "null")
            return json.loads(stream.readline() or "null")
        except TimeoutError as error:
            if process is not None:
                with suppress(ProcessLookupError):
                    os.kill(process["process"], signal.SIGKILL)
            raise SmokeFailedError(f"it gave no answer within {time_limit_s:g} s.") from error
        except ConnectionError:
            return None


def _connected(place: Path) -> socket.socket:
    """A connection to the process, which is started if there is none."""
    address = place / "socket"
    with FileLock(place / "lock"):
        if (connection := _connection(address)) is not None:
            return connection
        address.unlink(missing_ok=True)
        # -I: neither the current folder nor variables for Python lead to code of this project.
        command = [sys.executable, "-I", str(_PROGRAM), str(address)]
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(place)}
        with (place / "log").open("wb") as log:
            process = subprocess.Popen(
                command, env=environment, cwd=place, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        give_up = time.monotonic() + _START_LIMIT_S
        while (connection := _connection(address)) is None:
            if process.poll() is not None or time.monotonic() > give_up:
                raise NoCleanProcessError(f"it does not start: {_last_words(place / 'log')}")
            time.sleep(0.05)
        return connection


def _connection(address: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(address))
    except OSError:
        connection.close()
        return None
    return connection


def _last_words(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return " ".join(lines[-2:])[-600:]
