"""What a customer asks for: some sessions, perhaps by a version of their choice. Checked before anything is done.

```json
{"sessions": ["2026-03-04/flight.csv", "3f2a90c1d4e5b6a7"], "models": {"upset_detector": 3}, "request_id": "tuesday-1"}
```
"""

from __future__ import annotations

import json
import re
import unicodedata
from hashlib import sha256
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError, field_validator

from pipelines.customers.places import INBOX
from pipelines.landing.uploads import is_unfinished

MOST_REQUEST_BYTES = 1024 * 1024
MOST_SESSIONS = 1_000
"""Of one request."""
MOST_SESSIONS_OF_A_RUN = 200
"""That requests ask for: what others may have to wait for. Of a larger request the rest is the next run's."""
REQUEST_SUFFIX = ".json"
STATUS_SUFFIX = ".status.json"
CORRECTIONS_SUFFIXES = (".corrections.json", ".corrections.csv")
LONGEST_REQUEST_NAME = 200
"""Bytes of a request's file name."""
_LONGEST_NAME, _LONGEST_PART = 1024, 255
_SESSION_ID = re.compile(r"[0-9a-f]{16}", re.ASCII)
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_MODEL = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)


class InvalidRequestError(ValueError):
    """A request that cannot be carried out as it is written; the message names the key and what to write."""


class UnknownKeyError(InvalidRequestError):
    """A request with nothing wrong but a key that this code does not know; newer code may."""


class Request(BaseModel):
    """One request. `sessions` are ids of sessions that are known, or names of files below the sessions folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sessions: tuple[StrictStr, ...] = Field(min_length=1, max_length=MOST_SESSIONS)
    models: dict[StrictStr, Annotated[StrictInt, Field(ge=1, le=2**31)]] = {}
    """Version by model; empty: every released model, in the version that the release plan chooses."""
    request_id: StrictStr = ""
    databricks_run: Annotated[StrictInt, Field(ge=1, lt=2**63)] | None = None
    """The run of the customer's published job that asks, as the request says. Anybody could write any number here:
    nothing is looked up by it but a link, and only if it is a run of this customer's job."""

    @field_validator("sessions")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not is_session_id(name) and (problem := why_no_file_name(name)):
                raise ValueError(f"{_shown(name)} {problem}")
        return tuple(dict.fromkeys(value))

    @field_validator("models")
    @classmethod
    def _models(cls, value: dict[str, int]) -> dict[str, int]:
        if wrong := sorted(name for name in value if not _MODEL.fullmatch(name)):
            raise ValueError(f"{_shown(wrong[0])} is no model's name: write it as the review page does")
        return value

    @field_validator("request_id")
    @classmethod
    def _id(cls, value: str) -> str:
        if value and not _REQUEST_ID.fullmatch(value):
            raise ValueError("write 1 to 64 letters, digits, `.`, `_` or `-`, the first a letter or digit")
        return value

    @property
    def file_names(self) -> tuple[str, ...]:
        """The sessions that are named by their files."""
        return tuple(name for name in self.sessions if not is_session_id(name))


def is_request(name: str) -> bool:
    """Whether a file of the inbox is a request, by its name: `*.json` directly there, no status and no corrections.

    It has at most `LONGEST_REQUEST_NAME` bytes, so that its status can stand beside it.
    """
    # `a.corrections.csv.json` would share its status with `a.corrections.csv`.
    others = (STATUS_SUFFIX, *CORRECTIONS_SUFFIXES, *(f"{each}{REQUEST_SUFFIX}" for each in CORRECTIONS_SUFFIXES))
    return _is_short(name) and "/" not in name and name.endswith(REQUEST_SUFFIX) and not name.endswith(others)


def is_corrections(name: str) -> bool:
    """Whether a file of the inbox holds corrections, by its name, which is as short as a request's."""
    return _is_short(name) and "/" not in name and name.endswith(CORRECTIONS_SUFFIXES)


def request_path(name: str) -> str:
    """Where the request of that name lies among the customer's files."""
    return f"{INBOX}/{name}"


def status_path(name: str) -> str:
    """Where its status lies: beside it."""
    return f"{INBOX}/{name.removesuffix(REQUEST_SUFFIX)}{STATUS_SUFFIX}"


def is_session_id(name: str) -> bool:
    """Whether the text is the id of a session, which is the same for the same bytes."""
    return _SESSION_ID.fullmatch(name) is not None


def read_request(name: str, content: bytes) -> Request:
    """The request that a file of the inbox holds; its id, if it gives none, follows from its name and bytes.

    Raises:
        InvalidRequestError: it holds none.
    """
    if len(content) > MOST_REQUEST_BYTES:
        raise InvalidRequestError(
            f"The request is too large, at most {MOST_REQUEST_BYTES:,} bytes are read: ask for fewer sessions."
        )
    try:
        found = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        told = str(error) or "it is nested too deeply"
        raise InvalidRequestError(
            f"The request is no JSON ({told[:200]}). Write it as docs/requests.md shows."
        ) from error
    if not isinstance(found, dict):
        raise InvalidRequestError('The request is no JSON object. Write {"sessions": ["<file name>"]}.')
    return made_request(found, default_id(name, content))


def default_id(name: str, content: bytes) -> str:
    """The id of what is asked by that file, where it gives none."""
    return sha256(f"{name}\0".encode() + content).hexdigest()[:16]


def made_request(values: dict[str, Any], own_id: str) -> Request:
    """The request with these values.

    Raises:
        InvalidRequestError: a value is wrong or missing, or there is one too many.
    """
    try:
        request = Request.model_validate(values)
    except ValidationError as error:
        only_keys = all(one["type"] == "extra_forbidden" for one in error.errors())
        kind = UnknownKeyError if only_keys else InvalidRequestError
        raise kind(" ".join(_sentence(one) for one in error.errors()[:5])) from error
    return request if request.request_id else request.model_copy(update={"request_id": own_id})


def why_no_file_name(name: str) -> str | None:
    """Why the text cannot be the name of a file below the sessions folder, with the remedy; None if it can."""
    if not name or len(name) > _LONGEST_NAME or any(len(part.encode()) > _LONGEST_PART for part in name.split("/")):
        return f"is empty or too long: a name has 1 to {_LONGEST_PART} bytes between slashes"
    if not name.isprintable() or "\\" in name:
        return "holds control characters or a backslash: rename the file"
    if unicodedata.normalize("NFKC", name) != name:
        return "holds characters that have another, plainer form (Unicode NFKC): rename the file to that form"
    if "://" in name or name.startswith("/"):
        return "is an address: write the name of a file below your sessions folder"
    if any(part in ("", ".", "..") for part in name.split("/")):
        return "leaves the sessions folder or has an empty part: write the name of a file below it"
    if any(is_unfinished(part) for part in name.split("/")):
        return "is the name of an unfinished upload: rename the file when it is complete"
    return None


def _is_short(name: str) -> bool:
    return len(name.encode("utf-8", "surrogateescape")) <= LONGEST_REQUEST_NAME


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key {_shown(max(names, key=names.count))} is given twice")
    return found


def _sentence(error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"])[:100] or "(whole request)"
    match error["type"]:
        case "missing":
            return f"Key `{key}` is missing: add it."
        case "extra_forbidden":
            return f"Key `{_shown(key)}` is unknown: correct its spelling or drop it."
        case "too_short":
            return f"Key `{key}` is empty: name at least one session."
        case "too_long":
            return f"Key `{key}` names too many: {MOST_SESSIONS} at most, so make several requests."
    message = error["msg"].removeprefix("Value error, ")
    return f"Key `{key}`: {message[:1].lower()}{message[1:]}."


def _shown(text: str) -> str:
    return ascii(text[:80])
