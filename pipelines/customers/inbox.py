"""A customer's inbox as whoever starts runs looks at it: which requests and corrections wait, and for what.

What is malformed is answered here and now; nothing else of a file is believed before it was validated.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pipelines.customers.corrections import Correction, InvalidCorrectionError, read_corrections
from pipelines.customers.files import CustomerFiles
from pipelines.customers.places import INBOX
from pipelines.customers.requests import (
    MOST_REQUEST_BYTES,
    InvalidRequestError,
    Request,
    default_id,
    is_corrections,
    is_request,
    read_request,
    status_path,
)
from pipelines.customers.session_files import SessionFiles
from pipelines.customers.status import Status, new_status, status_of_content, tell
from pipelines.landing.uploads import FileChangedError, LandedFile

SETTLING_SECONDS = 5.0
"""A file younger than this may still be written to."""
_MOST_READ = 500
"""Requests that are read at one look."""
PATIENCE_SECONDS = 30.0
"""How long a request waits for session files that are still being uploaded."""
_CORRECTIONS_LIKE_A_SESSION = 5
"""Corrections that are counted as much as one session when a run's work is bounded."""

Versions = tuple[str, str]
"""Of a request's file and of its status."""


@dataclass
class Memory:
    """What whoever looks again and again need not read again, and since when it has seen what; forgetting is safe."""

    answered: dict[str, dict[str, Versions]] = field(default_factory=dict)
    """Versions of the requests that have their final answer, by name, by customer."""
    settled: set[str] = field(default_factory=set)
    """Customers of whom the last look found nothing without its final answer."""
    untold: dict[str, float] = field(default_factory=dict)
    """When a failed run was first seen of which nobody had said whether it is tried again, by id."""
    ahead: dict[str, dict[str, tuple[str, float]]] = field(default_factory=dict)
    """Files whose time lies ahead of this machine's clock: version and when it was first seen, by path, by customer."""


@dataclass(frozen=True)
class Open:
    """A valid request, or file of corrections, without its final answer."""

    name: str
    size: int
    """How many sessions of a request are left; of corrections, what they are counted as."""
    status: Status
    asked_ns: int
    """Since when it waits, nanoseconds since the epoch: when the file was written, or where that lies ahead of the
    clock, when it was accepted."""
    waits_for: str | None = None
    """Why it cannot be begun yet."""


def open_requests(
    files: CustomerFiles, customer: str, memory: Memory, most: int, inbox: Sequence[LandedFile]
) -> Iterator[Open]:
    """What has no final answer: at most so many new files, which become accepted or failed, and of others.

    Args:
        inbox: the inbox as it was listed a moment ago; what has changed since is seen at the next look.

    Raises:
        OSError, LandingUnavailableError: the inbox cannot be used.
    """
    listed = {file.file_path.removeprefix(f"{INBOX}/"): file for file in inbox}
    known = memory.answered.get(customer, {})
    memory.settled.discard(customer)
    memory.answered[customer] = here = {}
    settling = _Settling(memory.ahead.get(customer, {}))
    memory.ahead[customer] = settling.ahead
    sessions = SessionFiles(files)
    waiting: list[_Waiting] = []
    asked_for = [(name, file) for name, file in listed.items() if is_request(name) or is_corrections(name)]
    for name, file in asked_for:
        answer = listed.get(status_path(name).removeprefix(f"{INBOX}/"))
        versions = file.file_version, answer.file_version if answer is not None else ""
        if known.get(name) == versions:
            here[name] = versions
        else:
            waiting.append((answer is not None, file.modified_ns, name, file, versions))
    found = Counter[bool]()
    for has_status, modified_ns, name, file, versions in _first_of(waiting):
        if found[has_status] == most:
            continue
        if (looked := _looked_at(files, name, file, settling)) is None:
            continue
        status, asked = looked
        if asked is None or status.is_final:
            # Of a status that was written just now the version is not known; it is read once more at the next look.
            here[name] = versions
            continue
        found[has_status] += 1
        if status.at > datetime.now(UTC):  # by another clock, or before this one was put right: patience begins now
            status = tell(files, _changed(status))
        asked_ns = min(modified_ns, int(status.at.timestamp() * 1e9))
        if not isinstance(asked, Request):
            yield Open(name, 1 + len(asked) // _CORRECTIONS_LIKE_A_SESSION, status, asked_ns)
            continue
        if (waits_for := _missing(sessions, asked, status, settling)) and not _may_still_come(status):
            tell(files, _changed(status, state="failed", why=f"{waits_for} {_REMEDY}"))
            continue
        yield Open(name, len(asked.sessions) - status.carried_out, status, asked_ns, waits_for)
    if len(here) == len(asked_for):
        memory.settled.add(customer)


_Waiting = tuple[bool, int, str, LandedFile, Versions]
"""Whether it has a status, when it was written, its name, its file, and the versions of both."""
_Asked = Request | list[Correction]


def _first_of(waiting: list[_Waiting]) -> list[_Waiting]:
    """What is looked at now, the oldest first: new requests, then those with a status, which may be a final one that a
    new process does not know. A flood of either leaves the other half, or what is accepted waited for all of it."""
    new, others = (sorted(one for one in waiting if one[0] == has_status) for has_status in (False, True))
    new = new[: max(_MOST_READ // 2, _MOST_READ - len(others))]
    return [*new, *others[: _MOST_READ - len(new)]]


@dataclass
class _Settling:
    """Tells files that may still be written to. Where a file's time lies ahead of the clock, because a customer's
    own clock does or because the file says so, what counts is how long this process has seen that version of it."""

    before: dict[str, tuple[str, float]]
    ahead: dict[str, tuple[str, float]] = field(default_factory=dict)

    def may_be_written(self, file: LandedFile) -> bool:
        age_s = time.time() - file.modified_ns / 1e9
        if age_s >= 0:
            return age_s < SETTLING_SECONDS
        now = time.monotonic()
        version, since = self.ahead.get(file.file_path) or self.before.get(file.file_path, ("", now))
        since = since if version == file.file_version else now
        self.ahead[file.file_path] = file.file_version, since
        return now - since < SETTLING_SECONDS


def _looked_at(
    files: CustomerFiles, name: str, file: LandedFile, settling: _Settling
) -> tuple[Status, _Asked | None] | None:
    """What is asked, with its status, which is written if it is new; None if it must be looked at again later."""
    is_settling = settling.may_be_written(file)
    if is_settling and is_corrections(name) and _may_grow(file):
        return None  # half a table can be a valid one
    try:
        content = files.read(file) if file.size_bytes <= MOST_REQUEST_BYTES else b" " * (MOST_REQUEST_BYTES + 1)
    except (FileChangedError, FileNotFoundError):
        return None
    digest, same = status_of_content(files, name, content)
    if same is not None and same.is_final:
        return same, None
    try:
        asked = read_corrections(name, content) if is_corrections(name) else read_request(name, content)
    except (InvalidRequestError, InvalidCorrectionError) as error:
        if is_settling:
            return None
        return tell(files, new_status(name, digest, "failed", why=str(error))), None
    own_id = asked.request_id if isinstance(asked, Request) else default_id(name, content)
    return same or tell(files, new_status(name, digest, "accepted", request_id=own_id)), asked


def begun(files: CustomerFiles, one: Open, batch: str) -> Status:
    """Note that the request is to be carried out with that batch."""
    return tell(files, _changed(one.status, state="accepted", batch=batch, attempts=one.status.attempts + 1))


def given_up(files: CustomerFiles, one: Open, why: str) -> Status:
    """Answer that the request cannot be carried out."""
    return tell(files, _changed(one.status, state="failed", why=why))


def _missing(sessions: SessionFiles, request: Request, status: Status, settling: _Settling) -> str | None:
    """Which of the session files are not there, or not whole yet; looked at before the first attempt only."""
    if status.attempts:
        return None
    for name, file in sessions.named(request.file_names):
        if file is None:
            return f"Session file {name!a} is not in your sessions folder."
        if _may_grow(file) and settling.may_be_written(file):
            return f"Session file {name!a} is still being written."
    return None


_REMEDY = "Put it there whole, then ask again."


def _may_grow(file: LandedFile) -> bool:
    """Whether the file can be half there: an object of a bucket cannot, and its version says whose it is."""
    return file.file_version.removeprefix("-").count("-") == 1


def _may_still_come(status: Status) -> bool:
    return time.time() - status.at.timestamp() < PATIENCE_SECONDS


def _changed(status: Status, **changes: object) -> Status:
    return status.model_copy(update={"at": datetime.now(UTC), **changes})
