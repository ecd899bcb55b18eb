"""The answer to a request: a JSON file beside it, which ends in exactly one final state, done or failed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from pipelines.customers.files import CustomerFiles
from pipelines.customers.requests import MOST_REQUEST_BYTES, request_path, status_path
from pipelines.landing.uploads import FileChangedError, LandedFile

State = Literal["accepted", "running", "done", "failed"]
FINAL: tuple[State, ...] = ("done", "failed")
_ATTEMPTS = 5


class SessionAnswer(BaseModel):
    """What became of one session of the request."""

    session: str
    """As the request names it."""
    session_id: str
    status: str
    """analysed, unchanged (all of it was there already) or quarantined."""
    reason: str | None = None
    review_page: str | None = None
    """Among the customer's files."""
    why_no_page: str | None = None
    """Where there should be a page and could not be one."""


class ModelAnswer(BaseModel):
    """What one model made of one session."""

    session_id: str
    model: str
    version: int
    route_reason: str
    plan_revision: int
    status: str
    reason: str | None = None
    findings: int = 0


class RecordedAnswer(BaseModel):
    """Corrections of one session that were stored, with the version of the model that they correct."""

    session: str
    """As the file names it."""
    session_id: str
    model: str
    version: int
    corrections: int


class UnmatchedAnswer(BaseModel):
    """A correction that could not be stored."""

    correction: int
    """Its number in the file, from 1."""
    session: str
    reason: str


class Status(BaseModel):
    """The contents of a status file."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    request: str
    """Name of the request's file."""
    request_digest: str
    """SHA-256 of its bytes: another file under the same name is another request."""
    request_id: str = ""
    state: State
    at: AwareDatetime
    """When it came to be so, UTC."""
    batch: str = ""
    """The batch of requests that it is carried out with: a tag of the Dagster run."""
    attempts: int = 0
    """How often it was begun."""
    commit: str = ""
    """The release by whose code it is to be carried out; empty: by that of the release that serves."""
    carried_out: int = 0
    """How many of its sessions, the first ones, runs by that release's code have gone through; the next goes on."""
    parts: int = 0
    """How many of the attempts ended well with a part of it."""
    tried: tuple[str, ...] = ()
    """Releases by whose code it has been carried out in part."""
    why: str | None = None
    """Of a failed request: what is wrong, and what to do."""
    tables: dict[str, str] = {}
    """Of a done one: where its rows are."""
    sessions: tuple[SessionAnswer, ...] = ()
    models: tuple[ModelAnswer, ...] = ()
    recorded: tuple[RecordedAnswer, ...] = ()
    """Of a file of corrections: what was stored."""
    unmatched: tuple[UnmatchedAnswer, ...] = ()
    """Of a file of corrections: what could not be stored, and why."""

    @property
    def is_final(self) -> bool:
        return self.state in FINAL

    def to_json(self) -> bytes:
        """The file's bytes, for people and programs."""
        return (self.model_dump_json(indent=2, exclude_defaults=True) + "\n").encode()


def digest_of_request(content: bytes) -> str:
    """What tells the contents of a request's file from others."""
    return sha256(content).hexdigest()


def new_status(name: str, digest: str, state: State, **more: Any) -> Status:
    """A status as of now."""
    return Status(request=name, request_digest=digest, state=state, at=datetime.now(UTC), **more)


def status_of(files: CustomerFiles, name: str) -> tuple[Status | None, LandedFile | None]:
    """The status of the request of that name, and the file that it was read from.

    A file that holds no status, such as one that the customer wrote there, counts as none and is replaced.
    """
    for attempt in range(_ATTEMPTS):
        file = files.look(status_path(name))
        if file is None:
            return None, None
        if file.size_bytes > 16 * MOST_REQUEST_BYTES:
            return None, file
        try:
            return Status.model_validate_json(files.read(file)), file
        except ValidationError:
            return None, file
        except (FileChangedError, FileNotFoundError):
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def content_of(files: CustomerFiles, name: str) -> bytes | None:
    """The bytes of the request's file; None if it is gone, or being written: its next version is another request.

    None as well if there is more than a request may have, which has grown since it was accepted: that is another one.
    """
    file = files.look(request_path(name))
    try:
        return None if file is None or file.size_bytes > MOST_REQUEST_BYTES else files.read(file)
    except (FileChangedError, FileNotFoundError):
        return None


def status_of_content(files: CustomerFiles, name: str, content: bytes) -> tuple[str, Status | None]:
    """The digest of a request's bytes, and the status that stands beside it if it is of the same bytes."""
    digest = digest_of_request(content)
    present, _ = status_of(files, name)
    return digest, present if present is not None and present.request_digest == digest else None


def tell(files: CustomerFiles, status: Status) -> Status:
    """Write the status, unless the same request has a final one, which stays. Returns what stands there then.

    Raises:
        OSError, LandingUnavailableError: it could not be written.
    """
    for _ in range(_ATTEMPTS):
        present, file = status_of(files, status.request)
        if present is not None and present.is_final and present.request_digest == status.request_digest:
            return present
        if files.replace(status_path(status.request), status.to_json(), file):
            return status
    raise FileChangedError(request_path(status.request))


def refuse(files: CustomerFiles, names: Iterable[str], why: str) -> None:
    """Answer requests, or files of corrections, that nothing is done about whatever they ask for.

    Raises:
        OSError, LandingUnavailableError: it could not be written.
    """
    for name in names:
        if (content := content_of(files, name)) is not None:
            tell(files, new_status(name, digest_of_request(content), "failed", why=why))
