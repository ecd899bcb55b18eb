"""Puts a request into one customer's inbox and waits for its answer: the program of that customer's published job.

It needs Python alone, and is shipped as one file with a last line that calls `main` for the customer (see
`published_job`). Its arguments are
the caller's, all of them: `run-now` can replace whatever the job defines. So none of them chooses the inbox; they
become text in one request there, under the rules of every request.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from contextlib import suppress
from typing import Any
from uuid import uuid4

MOST_BYTES = 1024 * 1024
"""Of a request; see docs/requests.md."""
_MOST_STATUS_BYTES = 16 * MOST_BYTES
_LOOK_EVERY_S = 1.0
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe would wait for its other end


class RequestRefusedError(ValueError):
    """What the caller gave is no request; the message says what to give."""


class RequestFailedError(Exception):
    """The request was answered: it failed. The message is the answer's reason."""


class NoAnswerYetError(TimeoutError):
    """The request is under way still, and this run waits no longer; the message says what to do."""


def main(files: str, wait_s: float, arguments: list[str]) -> None:
    """Ask in the inbox below the folder `files`, wait at most `wait_s` seconds, and print the answer.

    Args:
        arguments: sessions, request id, and number of the run that this is; each may be missing or anything.

    Raises:
        RequestRefusedError, RequestFailedError, NoAnswerYetError: it did not end well.
    """
    sessions, request_id, run = (*arguments[:3], "", "", "")[:3]
    wanted = request_of(sessions, request_id.strip(), run)
    name = _name(wanted)
    folder = _inbox(files)
    try:
        digest = hashlib.sha256(_put(folder, f"{name}.json", wanted)).hexdigest()
        print(f"The request is inbox/{name}.json", flush=True)
        status = _answer(folder, name, digest, time.monotonic() + wait_s)
    finally:
        os.close(folder)
    print(json.dumps(status, indent=2), flush=True)
    if status["state"] != "done":
        raise RequestFailedError(str(status.get("why") or "The answer gives no reason."))


def request_of(sessions: str, request_id: str, run: str) -> dict[str, Any]:
    """The request: a JSON array of names or names with commas between them, an id if one is given, the run's number.

    Raises:
        RequestRefusedError: `sessions` is neither, or too long.
    """
    text = sessions.strip()
    names: Any = [part for each in text.split(",") if (part := each.strip())]
    if text[:1] in ("[", "{", '"'):
        try:
            names = json.loads(text)
        except (ValueError, RecursionError) as error:
            told = f"it is no JSON: {error}" if isinstance(error, ValueError) else "it is nested too deeply"
            raise RequestRefusedError(f"Parameter `sessions`: {told[:200]}. {_REMEDY}") from None
    if not isinstance(names, list) or not names or not all(isinstance(each, str) for each in names):
        raise RequestRefusedError(f"Parameter `sessions` names no sessions. {_REMEDY}")
    wanted: dict[str, Any] = {"sessions": names}
    if request_id:
        wanted["request_id"] = request_id
    if run.isascii() and run.isdigit() and 0 < int(run[:20]) < 2**63:
        wanted["databricks_run"] = int(run[:20])
    if len(_bytes(wanted)) > MOST_BYTES:
        raise RequestRefusedError(f"The parameters are longer than {MOST_BYTES:,} bytes: ask for fewer sessions.")
    return wanted


_REMEDY = 'Give a JSON array such as ["2026-03-04/flight.csv"], or names with commas between them.'


def _bytes(wanted: dict[str, Any]) -> bytes:
    return (json.dumps(wanted) + "\n").encode()


def _name(wanted: dict[str, Any]) -> str:
    """A file name that no caller chooses: the same for the same request id, or for the same run."""
    key = f"id {wanted['request_id']}" if "request_id" in wanted else f"run {wanted.get('databricks_run', uuid4().hex)}"
    return f"run-now-{hashlib.sha256(key.encode('utf-8', 'backslashreplace')).hexdigest()[:20]}"


def _inbox(files: str) -> int:
    """The inbox, opened: no link on the way to it or in it is followed, whoever put it there."""
    root = os.open(files, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(FileExistsError):  # a bucket has no empty folders
            os.mkdir("inbox", dir_fd=root)
        return os.open("inbox", _FOLDER, dir_fd=root)
    finally:
        os.close(root)


def _put(folder: int, name: str, wanted: dict[str, Any]) -> bytes:
    """The bytes of the request that stands there in the end: this one, or the same asked for before."""
    content = _bytes(wanted)
    draft = f".{uuid4().hex}.part"
    if (before := _read(folder, name, MOST_BYTES)) is None:
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=folder), "wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            before = _placed(folder, draft, name)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(draft, dir_fd=folder)
    if before is None:
        return content
    try:
        found = json.loads(before)
    except (ValueError, RecursionError):
        found = None
    keys = ("sessions", "request_id")
    if not isinstance(found, dict) or [found.get(key) for key in keys] != [wanted.get(key) for key in keys]:
        raise RequestRefusedError(
            f"Parameter `request_id`: {wanted.get('request_id', '')[:80]!a} was given to another request before "
            f"(inbox/{name}). Choose another id, or none."
        )
    return before


def _placed(folder: int, draft: str, name: str) -> bytes | None:
    """Give the draft its name, unless something has it; what that is."""
    try:
        os.link(draft, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        return _read(folder, name, MOST_BYTES) or b""
    except (OSError, NotImplementedError):  # volumes of Databricks have no hard links
        if (before := _read(folder, name, MOST_BYTES)) is not None:
            return before
        os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    return None


def _read(folder: int, name: str, most: int) -> bytes | None:
    """A file's bytes, at most so many; None if there is no such file. What is no plain file is as good as empty."""
    try:
        opened = os.open(name, _FILE, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError:
        return b""
    with os.fdopen(opened, "rb") as stream:
        return stream.read(most) if stat.S_ISREG(os.fstat(opened).st_mode) else b""


def _answer(folder: int, name: str, digest: str, until: float) -> dict[str, Any]:
    """The final status of the request with that digest."""
    told = ""
    while True:
        content = _read(folder, f"{name}.status.json", _MOST_STATUS_BYTES)
        try:
            status = json.loads(content or b"null")
        except (ValueError, RecursionError):
            status = None
        if isinstance(status, dict) and status.get("request_digest") == digest:
            state = str(status.get("state"))
            if state in ("done", "failed"):
                return status
            if state != told:
                print(state, flush=True)
            told = state
        if time.monotonic() > until:
            raise NoAnswerYetError(
                f"The request is {told or 'not looked at'} still. Its answer will be inbox/{name}.status.json; to wait "
                "for it again, start the job with the same request_id, if you gave one."
            )
        time.sleep(_LOOK_EVERY_S)
